"""The kit's command line: what it says and how it ends, without measuring."""

import contextlib
import http.server
import io
import json
import tempfile
import threading
import unittest
from pathlib import Path

import kit


class Kit(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def run_kit(self, *arguments):
        """(exit code, printed text)."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = kit.main([str(word) for word in arguments])
        return code, printed.getvalue()


class CommandLine(Kit):
    def write_load(self, **figures):
        found = {"latency": {"p50": 1, "p95": 1, "p99": 1}, "perSecond": 1, "hitShare": 0.9,
                 "errorShare": 0, "throttledShare": 0, "unsentShare": 0, "errors": 0,
                 "throttled": 0, "spectrum": [], **figures}
        row = {"profile": "hit_slo", "figures": found, "spectrum": []}
        data = {"rows": [row], "markdown": "| a |"}
        (self.folder / "load.json").write_text(json.dumps(data))

    def test_a_folder_without_figures_is_refused_with_what_to_give(self):
        for part in ("explain", "report", "publish"):
            for folder in (self.folder, self.folder / "missing"):
                code, text = self.run_kit(part, folder)
                self.assertEqual(code, 1, part)
                self.assertIn("artifacts/perf/<time>", text)

    def test_what_only_looks_like_figures_is_refused_too(self):
        (self.folder / "gate.json").write_text("{}")
        for part in ("explain", "report", "publish"):
            code, text = self.run_kit(part, self.folder)
            self.assertEqual(code, 1, part)
            self.assertIn("artifacts/perf/<time>", text)

    def test_runs_of_one_second_have_folders_of_their_own_and_leave_none_that_is_empty(self):
        with contextlib.ExitStack() as stack:
            folders = [stack.enter_context(kit.run_folder(None, self.folder)) for _ in range(5)]
            self.assertEqual(len(set(folders)), 5)
            (folders[3] / "scale.json").touch()
        self.assertEqual(list(self.folder.iterdir()), [folders[3]])

    def test_a_folder_that_cannot_be_written_is_told_before_anything_is_measured(self):
        (self.folder / "file").touch()
        program = self.folder / "load"
        program.write_text(f"#!/bin/sh\ntouch {self.folder}/ran\n")
        program.chmod(0o755)
        for words in (["load", "--profile", "hit_slo", "--names", "n"], ["dedup"]):
            for out in (self.folder / "file", self.folder / "file/below"):
                code, text = self.run_kit(*words, "--load", program, "--out", out)
                self.assertEqual(code, 1, words)
                self.assertRegex(text, r"\Akit: --out .*: give a folder to write to\n\Z")
        self.assertFalse((self.folder / "ran").exists())

    def test_figures_that_hold_are_told_from_those_that_do_not(self):
        self.write_load()
        self.assertNotIn("MISSED", self.run_kit("explain", self.folder)[1])
        self.assertTrue(kit.explain.all_hold(self.folder))
        self.write_load(errorShare=1)
        self.assertIn("MISSED", self.run_kit("explain", self.folder)[1])
        self.assertFalse(kit.explain.all_hold(self.folder))

    def test_a_file_that_is_no_figures_is_named_without_a_trace(self):
        (self.folder / "load.json").write_text("{")
        code, text = self.run_kit("explain", self.folder)
        self.assertEqual(code, 1)
        self.assertIn("kit: ", text)

    def test_a_profile_without_its_content_ids_is_told_before_another_is_measured(self):
        program = self.folder / "load"
        program.write_text(f"#!/bin/sh\necho svc-index-load\n"
                           f"[ $1 = --help ] || touch {self.folder}/ran\n")
        program.chmod(0o755)
        code, text = self.run_kit("load", "--profile", "hit_slo", "--profile", "balanced",
                                  "--names", "n", "--load", program, "--out", self.folder)
        self.assertEqual(code, 1)
        self.assertIn("`kit.py cids`", text)
        self.assertFalse((self.folder / "ran").exists())


class ContentIds(Kit):
    """`kit.py cids` at a service that knows one name."""

    def setUp(self):
        super().setUp()

        class OneName(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                known = self.path == "/resolve/a%20%2Fb"
                body = json.dumps({"manifest_cid": "b3:1"} if known else {}).encode()
                self.send_response(500 if self.path.endswith("broken") else 200 if known else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), OneName)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}"

    def cids(self, *lines, url=None):
        names = self.folder / "names"
        names.write_text("".join(line + "\n" for line in lines))
        return self.run_kit("cids", "--url", url or self.url, "--names", names)

    def test_it_prints_what_names_lead_to_whichever_way_they_are_written(self):
        self.assertEqual(self.cids('{"manifest":{"name":"inner"},"name":"a /b"}', "gone", "a /b"),
                         (0, "b3:1\nb3:1\n"))

    def test_names_that_lead_nowhere_and_a_service_that_fails_are_told(self):
        code, text = self.cids("gone", "")
        self.assertEqual(code, 1)
        self.assertIn("knows none of the first names", text)
        code, text = self.cids("broken")
        self.assertEqual(code, 1)
        self.assertIn("/resolve/broken was answered with 500", text)
        for url, said in (("ftp://x", "is not http://HOST:PORT"),
                          ("http://x:99999", "is not http://HOST:PORT"),
                          ("http://127.0.0.1:1", "start the service, or give its --url")):
            code, text = self.cids("a /b", url=url)
            self.assertEqual(code, 1)
            self.assertIn(said, text)
        code, text = self.run_kit("cids", "--url", self.url, "--names", self.folder)
        self.assertEqual(code, 1)
        self.assertIn("give a file of names", text)
        code, text = self.cids('{"manifest_cid": "b3:1"}')
        self.assertEqual(code, 1)
        self.assertIn("line 1", text)


if __name__ == "__main__":
    unittest.main()
