"""An import through a service that refuses, is busy, hangs or is absent: told at once, and once."""

import contextlib
import http.server
import json
import socket
import subprocess
import threading
import time

from support import BINARY, TOKEN, EndToEndTest, compact, make_lines, name_of

# What a command may take to say that it cannot go on.
PROMPT_SECONDS = 5


class Stub(http.server.ThreadingHTTPServer):
    """A service that answers as the test says: `answer(request number)` -> (status, headers)."""

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), StubHandler)
        self.answer = answer
        self.bodies = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class StubHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.bodies.append(body)
        status, headers = self.server.answer(len(self.server.bodies))
        lines = len(body.splitlines())
        report = {"imported": lines, "rejected": []} if status == 200 else {"detail": "the stub"}
        payload = json.dumps(report).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": len(payload)}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def stub(answer):
    with Stub(answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class RefusedImportTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.lines = make_lines(300)
        self.data = b"\n".join(self.lines) + b"\n"

    def refuse(self, code, parts, url, *words):
        """The import of 300 lines fails at once, whether its input ends or stays open."""
        began = time.monotonic()
        self.fail_with(code, parts, "import", "-", "--url", url, *words, stdin=self.data)
        self.assertLess(time.monotonic() - began, PROMPT_SECONDS)
        self.refuse_stalled(code, url, *words)

    def refuse_stalled(self, code, url, *words):
        command = [BINARY, "import", "-", "--url", url, *words]
        began = time.monotonic()
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            self.addCleanup(process.kill)
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(self.data)
                process.stdin.flush()
            self.assertEqual(process.wait(PROMPT_SECONDS), code)
            self.assertLess(time.monotonic() - began, PROMPT_SECONDS)
            complaint = process.stderr.read().decode()
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        self.assertRegex(complaint, r"\Asvc-index: [^\n]+\n\Z")
        self.check_no_crash(complaint, code)

    def test_import_without_the_token_ends_at_once(self):
        server = self.start()
        wrong = self.folder / "wrong"
        wrong.write_text("wrong" + TOKEN)
        self.refuse(1, ["admin token"], server.url)
        self.refuse(1, ["admin token"], server.url, "--auth-token-file", wrong)
        self.stop(server)
        server = self.start(admin=False)
        self.refuse(1, ["admin routes are off"], server.url, "--auth-token-file", self.token_file)
        self.stop(server)

    def test_import_to_nobody_ends_at_once(self):
        server = self.start()
        self.stop(server)
        self.refuse(69, [server.url, "svc-index serve"], server.url)

    def test_service_that_never_answers_counts_as_absent(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            self.refuse(69, [url], url)

    def test_service_without_the_route_is_told_clearly(self):
        with stub(lambda _: (404, {})) as server:
            self.refuse(1, ["/admin/import", "upgrade"], server.url)

    def test_refusal_on_the_way_ends_the_import(self):
        for status, code in ((401, 1), (403, 1), (500, 1), (503, 69)):
            with self.subTest(status=status), stub(
                lambda number, status=status: (200 if number == 1 else status, {})
            ) as server:
                self.refuse(code, ["the service refuses"], server.url)

    def test_busy_service_is_asked_again_a_few_times_only(self):
        for status, pause in ((429, 1), (503, 5)):
            with self.subTest(status=status), stub(
                lambda _, answer=(status, {"Retry-After": pause}): answer
            ) as server:
                began = time.monotonic()
                words = ("import", "-", "--url", server.url)
                self.fail_with(69, ["the stub"], *words, stdin=self.data)
                self.assertLess(time.monotonic() - began, PROMPT_SECONDS)
                self.assertIn(len(server.bodies), range(2, 6))

    def test_busy_moment_is_waited_out(self):
        def answer(number):
            return (429, {"Retry-After": 1}) if number in (1, 3) else (200, {})

        with stub(answer) as server:
            self.succeed("import", "-", "--url", server.url, stdin=self.data)
            bodies = server.bodies
        # What was refused is sent again as it was, and all of it arrives once and in order.
        self.assertEqual(bodies[2], bodies[3])
        arrived = b"".join(bodies[3:]).splitlines()
        self.assertEqual(arrived, self.lines)
        for body in bodies:
            self.assertLessEqual(len(body.splitlines()), 256)


class ImportIntoServiceTest(EndToEndTest):
    def feed(self, server, lines, code=0):
        words = ("import", "-", "--url", server.url, "--auth-token-file", self.token_file)
        done = self.command(*words, stdin=b"\n".join(lines))
        self.assertEqual(done.returncode, code, done.complaint)
        return done

    def names(self, server):
        return json.loads(server.get("/admin/names?limit=1000").body)["names"]

    def test_last_line_about_a_name_wins(self):
        server = self.start()
        lines = [compact({"name": "a", "manifest": {"n": n}}).encode() for n in range(700)]
        self.feed(server, lines)
        cid = self.content_ids([b'{"n":699}'])[0]
        self.assertEqual([row["manifest_cid"] for row in self.names(server)], [cid])
        self.stop(server)

    def test_importing_again_changes_no_version(self):
        server = self.start()
        lines = make_lines(300, providers=2)
        self.feed(server, lines)
        first = self.names(server)
        self.feed(server, lines)
        self.assertEqual(self.names(server), first)
        self.assertEqual({row["version"] for row in first}, {1})
        self.stop(server)

    def test_line_over_the_provider_limit_leaves_nothing(self):
        server = self.start("--index-max-providers-per-cid", 2)
        lines = make_lines(300)
        places = [{"id": f"p{n}", "addr": f"198.51.100.{n}:80"} for n in range(3)]
        document = {"only": "here"}
        over = compact({"name": "over", "manifest": document, "providers": places}).encode()
        done = self.feed(server, [*lines[:270], over, *lines[270:]], code=1)
        self.assertRegex(done.complaint, r"\Asvc-index: line 271 is not imported: [^\n]*2 prov")
        self.assertEqual(len(self.names(server)), 300)
        [cid] = self.content_ids([compact(document).encode()])
        for path in ("/resolve/over", f"/manifests/{cid}", f"/providers/{cid}"):
            self.assert_status(server.get(path), 404)
        self.stop(server)

    def test_lines_that_no_request_holds_are_named_and_the_others_go_on(self):
        for cap, words in ((1 << 20, ()), (1 << 10, ("--http-max-body-bytes", "1KiB"))):
            server = self.start(*words)
            lines = make_lines(40)
            large = compact({"name": "large", "manifest": "x" * (cap - 20)}).encode()
            done = self.feed(server, [*lines[:20], large, *lines[20:]], code=1)
            self.assertRegex(done.complaint, r"\Asvc-index: line 21 is not imported: [^\n]+\n\Z")
            self.assertIn("--db-path", done.complaint)
            listed = [row["name"] for row in self.names(server)]
            self.assertEqual(listed, sorted(map(name_of, lines)))
            self.stop(server)

    def test_answers_are_fresh_when_the_import_ends(self):
        server = self.start()
        for version in range(3):
            line = compact({"name": "a", "manifest": {"version": version}}).encode()
            self.feed(server, [line])
            for _ in range(2):
                found = json.loads(server.get("/resolve/a").body)["manifest_cid"]
                [cid] = self.content_ids([compact({"version": version}).encode()])
                self.assertEqual(found, cid)
        self.stop(server)
