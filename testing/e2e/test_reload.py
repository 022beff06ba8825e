"""SIGHUP: what can change changes under load without a failed request; mistakes change nothing."""

import json
import os
import signal
import threading
import time

from support import TOKEN, EndToEndTest, make_lines, name_of

READERS = 4


class Reader(threading.Thread):
    """Asks on one connection until told to stop; keeps what was not as it should."""

    def __init__(self, server, names):
        super().__init__(daemon=True)
        self.server, self.names = server, names
        self.count = 0
        self.failures = []
        self.is_over = threading.Event()

    def run(self):
        connection = self.server.connect()
        try:
            while not self.is_over.is_set():
                self.ask(connection)
        finally:
            connection.close()

    def ask(self, connection):
        # Hits, misses, and answers that name no provider.
        options = ("", "?limit=3", f"?limit=2&region=r-{self.count % 50}", "?fresh=true")
        name = self.names[self.count % len(self.names)]
        path = f"/resolve/{name}{options[self.count % len(options)]}"
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            if response.status != 200 or response.headers["Connection"] == "close":
                self.failures.append((path, response.status))
        except OSError as error:
            self.failures.append((path, repr(error)))
            self.is_over.set()
        self.count += 1


class ReloadTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "svc-index.toml"
        self.lines = make_lines(30, providers=3)

    def configure(self, text):
        """A file that is there as a whole or not at all, as an operator's tools write it."""
        fresh = self.folder / "fresh.toml"
        fresh.write_text(text)
        fresh.replace(self.file)

    def serve(self, text="", *arguments, **options):
        self.configure(text)
        server = self.start("--config", self.file, *arguments, **options)
        words = ("import", "-", "--url", server.url, "--auth-token-file", self.token_file)
        self.succeed(*words, stdin=b"\n".join(self.lines))
        return server

    def records(self, server, message=None):
        found = []
        for line in server.log_text().splitlines():
            # The demo's welcome is among them.
            if not line.startswith("{"):
                continue
            record = json.loads(line)
            if message is None or record["message"] == message:
                found.append(record)
        return found

    def reload(self, server, text, refused=False):
        """Sends SIGHUP and waits for the log's word on it; returns the records since."""
        self.configure(text)
        ends = ("the settings were read again", "the settings were not changed")

        def ended():
            return sum(r["message"].startswith(ends) for r in self.records(server))

        seen, before = len(self.records(server)), ended()
        server.process.send_signal(signal.SIGHUP)
        self.wait_for("the reload", 10, lambda: ended() == before + 1)
        records = self.records(server)[seen:]
        is_refused = any(r["message"].startswith(ends[1]) for r in records)
        self.assertEqual(is_refused, refused, records)
        return records

    def changes(self, records):
        return {r["key"]: (r["old"], r["new"]) for r in records
                if r["message"] == "a setting changed"}

    def providers(self, server, name):
        return json.loads(server.get(f"/resolve/{name}?limit=32").body)["providers"]

    def test_new_settings_hold_under_load_without_a_failed_request(self):
        server = self.serve("[cache]\nentries = 20000\n")
        names = [name_of(line) for line in self.lines]
        wanted = max(self.lines, key=lambda line: len(json.loads(line)["providers"]))
        name = name_of(wanted)
        known = self.providers(server, name)
        self.assertGreater(len(known), 0)
        host = known[0]["addr"].split("//")[1].split("/")[0].split(":")[0]
        readers = [Reader(server, names) for _ in range(READERS)]
        for reader in readers:
            reader.start()
        self.wait_for("load", 10, lambda: all(reader.count > 50 for reader in readers))
        records = self.reload(server, f"""
            [http]
            request_timeout_ms = 4000
            [cache]
            entries = 100
            negative_ttl_s = 3
            default_ttl_s = 7
            [rank]
            deny = ["{host}"]
            [limits]
            running = 64
            waiting = 64
            [index]
            max_providers_per_cid = 900
            [log]
            requests = false
        """)
        changes = self.changes(records)
        self.assertEqual(changes["cache.entries"], ("20000", "100"))
        self.assertEqual(changes["rank.deny"], ("", host))
        self.assertEqual(
            set(changes),
            {"http.request_timeout_ms", "cache.entries", "cache.negative_ttl_s",
             "cache.default_ttl_s", "rank.deny", "limits.running", "limits.waiting",
             "index.max_providers_per_cid", "log.requests"},
        )
        # Answers from before are not given out any more, though they are in the cache.
        after = self.providers(server, name)
        self.assertLess(len(after), len(known))
        self.assertFalse([one for one in after if host in one["addr"]])
        self.wait_for("a smaller cache", 5, lambda: server.metric("index_cache_entries") <= 100)
        seen = [reader.count for reader in readers]
        self.wait_for("load", 10, lambda: all(
            reader.count > before + 50 for reader, before in zip(readers, seen, strict=True)
        ))
        for reader in readers:
            reader.is_over.set()
            reader.join(10)
        self.assertEqual([reader.failures for reader in readers], [[]] * READERS)
        self.stop(server)

    def test_a_bad_file_changes_nothing(self):
        server = self.serve("[cache]\nentries = 5000\n")
        before = server.readiness()
        bad = '[cache]\nentries = 100\nnegative_ttl_s = "soon"\n[rank]\nhalf_life = 3\n'
        records = self.reload(server, bad, refused=True)
        problems = [r["problem"] for r in records if r["message"] == "the new settings are wrong"]
        self.assertEqual(len(problems), 2, problems)
        self.assertTrue(any("cache.negative_ttl_s" in problem for problem in problems))
        self.assertTrue(any("rank.half_life" in problem for problem in problems))
        for text in ("entries = \n", "\0", "x" * 5000):
            self.reload(server, text, refused=True)
        self.file.unlink()
        server.process.send_signal(signal.SIGHUP)
        self.wait_for("a refusal", 10, lambda: len(
            [r for r in self.records(server) if r["message"].startswith("the settings were not")]
        ) == 5)
        self.assertEqual(server.readiness(), before)
        self.assert_status(server.get(f"/resolve/{name_of(self.lines[0])}"), 200)
        # Nothing of what was right in the bad file was taken: the next good one still changes it.
        records = self.reload(server, "[cache]\nentries = 100\n")
        self.assertEqual(self.changes(records), {"cache.entries": ("5000", "100")})
        self.stop(server)

    def test_a_pipe_in_place_of_the_file_holds_nothing_up(self):
        server = self.serve("[cache]\nentries = 5000\n")
        self.file.unlink()
        os.mkfifo(self.file)
        server.process.send_signal(signal.SIGHUP)
        self.wait_for("a refusal", 10, lambda: self.records(server, "the new settings are wrong"))
        problem = self.records(server, "the new settings are wrong")[0]["problem"]
        self.assertIn("is a pipe", problem)
        records = self.reload(server, "[cache]\nentries = 100\n")
        self.assertEqual(self.changes(records), {"cache.entries": ("5000", "100")})
        self.file.unlink()
        os.mkfifo(self.file)
        server.process.send_signal(signal.SIGHUP)
        self.stop(server)

    def test_what_needs_a_restart_is_named(self):
        server = self.serve("")
        text = '[http]\nmax_connections = 10\n[cache]\nshards = 2\nentries = 300\n'
        for _ in range(2):
            records = self.reload(server, text)
            named = {r["key"] for r in records
                     if r["message"] == "a setting changes only with a restart"}
            self.assertEqual(named, {"http.max_connections", "cache.shards"})
        self.assertEqual(self.changes(records), {})
        self.reload(server, "[cache]\nentries = 300\n")
        self.assertEqual(self.records(server)[-1]["need_restart"], "0")
        self.stop(server)

    def test_the_command_line_still_wins(self):
        server = self.serve("", "--cache-entries", "700")
        self.assertEqual(self.changes(self.reload(server, "[cache]\nentries = 300\n")), {})
        self.stop(server)

    def test_a_token_is_rotated(self):
        server = self.serve("")
        path, other = "/admin/names?limit=1", "another-token-of-these-tests"
        self.assert_status(server.get(path), 200)
        self.token_file.write_text(other)
        self.assert_status(server.get(path), 200)
        self.reload(server, "")
        self.assert_problem(server.get(path), 401, "unauthorized")
        rotated = {"Authorization": f"Bearer {other}"}
        self.assert_status(server.request("GET", path, headers=rotated), 200)
        self.token_file.write_text("short")
        records = self.reload(server, "[cache]\nentries = 10\n", refused=True)
        self.assertIn("16 to 4096", json.dumps(records))
        self.assert_status(server.request("GET", path, headers=rotated), 200)
        for secret in (TOKEN, other):
            self.assertNotIn(secret, server.log_text())
        self.stop(server)

    def test_limits_of_rate_and_log_change(self):
        server = self.serve("")
        for _ in range(5):
            self.assert_status(server.get("/resolve/nothing?fresh=true"), 404)
        self.reload(server, "[ratelimit]\nenabled = true\nper_second = 1\nburst = 2\n")
        statuses = [server.get("/resolve/nothing?fresh=true").status for _ in range(10)]
        self.assertEqual(statuses[:2], [404, 404])
        self.assertIn(429, statuses)
        self.reload(server, '[log]\nlevel = "debug"\n')
        self.assert_status(server.get("/resolve/nothing?fresh=true"), 404)
        self.assert_status(server.get("/healthz"), 200)
        self.wait_for("a record of a request", 5, lambda: any(
            r["level"] == "debug" and r.get("route") == "ops" for r in self.records(server)
        ))
        self.configure('[log]\nlevel = "error"\n')
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        count = len(self.records(server))
        for _ in range(5):
            server.get("/healthz")
        self.assertEqual(len(self.records(server)), count)
        self.stop(server)

    def test_many_signals_in_a_row_do_no_harm(self):
        server = self.serve("")
        names = [name_of(line) for line in self.lines]
        readers = [Reader(server, names) for _ in range(READERS)]
        for reader in readers:
            reader.start()
        for number in range(20):
            self.configure(f"[cache]\nentries = {1000 + number}\n")
            server.process.send_signal(signal.SIGHUP)
        self.wait_for("the last of them", 10, lambda: any(
            r.get("new") == "1019" for r in self.records(server, "a setting changed")
        ))
        for reader in readers:
            reader.is_over.set()
            reader.join(10)
        self.assertEqual([reader.failures for reader in readers], [[]] * READERS)
        server.process.send_signal(signal.SIGHUP)
        self.stop(server)

    def test_the_demo_reloads_and_keeps_its_network(self):
        self.configure("")
        server = self.start("--config", self.file, command="demo", admin=False, ready=False)
        server.wait_until_ready("/healthz")
        records = self.reload(server, "[dht]\nbeta = 0\ndeadline_ms = 900\n")
        self.assertEqual(
            self.changes(records), {"dht.beta": ("2", "0"), "dht.deadline_ms": ("1200", "900")}
        )
        self.assertEqual(self.records(server)[-1]["need_restart"], "0")
        self.stop(server)
