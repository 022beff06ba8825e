"""SIGTERM and SIGINT: running requests are finished, the exit code is 0, the store is in order."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

from support import BINARY, ROUNDS, TOKEN, EndToEndTest, make_lines, name_of

LOADERS = 8
CALLERS = 6
STORMS = 8
EARLY_STOPS = 30
CALL = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
DRAIN_SECONDS = 10
# Log lines that fill a pipe several times over.
UNREAD_REQUESTS = 2000


class Loader(threading.Thread):
    """Reads and writes until the service is gone; keeps every answer's status."""

    def __init__(self, server, number, names, cids):
        super().__init__(daemon=True)
        self.server, self.number, self.names, self.cids = server, number, names, cids
        self.statuses = []
        self.acknowledged = {}
        self.refused = 0

    def run(self):
        for turn in range(10**6):
            connection = self.server.connect()
            try:
                for step in range(50):
                    self.ask(connection, turn * 50 + step)
            except ConnectionRefusedError:
                self.refused += 1
                if self.refused > 3:
                    return
            except (OSError, http.client.HTTPException):
                continue
            finally:
                connection.close()

    def ask(self, connection, step):
        if step % 3 == 0:
            cid = self.cids[step % len(self.cids)]
            name = f"load-{self.number}.n{step % 20}"
            response = self.server.put(f"/admin/names/{name}", {"manifest_cid": cid}, connection)
            if response.status in (200, 201):
                self.acknowledged[name] = (cid, json.loads(response.body)["version"])
        else:
            fresh = "?fresh=true" if step % 2 else ""
            name = self.names[step % len(self.names)]
            response = self.server.request("GET", f"/resolve/{name}{fresh}", connection=connection)
        self.statuses.append(response.status)


class Caller(threading.Thread):
    """Opens connections one after the other, one request each, until it is told to stop."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.statuses = set()
        self.answers = 0
        self.is_over = threading.Event()

    def run(self):
        while not self.is_over.is_set():
            try:
                # As fast as can be: what matters happens while a connection is being accepted.
                with socket.create_connection(("127.0.0.1", self.server.port), 10) as connection:
                    connection.sendall(CALL)
                    self.statuses.add(connection.recv(4096)[9:12])
                    self.answers += 1
            except OSError:
                continue


class StopTest(EndToEndTest):
    def begin_upload(self, server, cid, document):
        """A PUT whose body has come by half; returns its socket."""
        upload = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        self.addCleanup(upload.close)
        head = (
            f"PUT /admin/manifests/{cid} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(document)}\r\n\r\n"
        )
        upload.sendall(head.encode() + document[:len(document) // 2])
        return upload

    def wait_until_refusing(self, server):
        def is_refusing():
            try:
                socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
            except OSError:
                return True
            return False

        self.wait_for("the end of listening", 5, is_refusing)

    def wait_for_inflight(self, server, count):
        self.wait_for("the upload", 5, lambda: f'inflight_requests{{route="admin"}} {count}'
                      in server.get("/metrics").body.decode())

    def test_request_in_flight_is_finished(self):
        document = b'{"slow":"' + b"x" * 300_000 + b'"}'
        [cid] = self.content_ids([document])
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number.name):
                database = self.folder / number.name
                server = self.start(database=database)
                idle = socket.create_connection(("127.0.0.1", server.port), timeout=10)
                upload = self.begin_upload(server, cid, document)
                self.wait_for_inflight(server, 1)
                os.kill(server.process.pid, number)
                self.wait_until_refusing(server)
                self.assertEqual(idle.recv(100), b"", "an idle connection was kept open")
                idle.close()
                self.assertIsNone(server.process.poll(), "it did not wait for the request")
                upload.sendall(document[len(document) // 2:])
                response = http.client.HTTPResponse(upload)
                response.begin()
                self.assertEqual((response.status, response.headers["Connection"]), (201, "close"))
                self.assertEqual(json.loads(response.read())["cid"], cid)
                upload.close()
                self.assertEqual(server.finish(), 0, server.tail())
                self.check_no_crash(server.log_text(), 0)
                self.check_folded(database)
                successor = self.start(database=database)
                self.assertEqual(successor.get(f"/manifests/{cid}").body, document)
                self.stop(successor)

    def check_folded(self, database):
        """A clean end leaves everything in one file, so that a copy of it is a whole backup."""
        log = database / "index.sqlite-wal"
        self.assertEqual(log.stat().st_size if log.exists() else 0, 0)

    def test_request_that_does_not_end_is_given_up_after_the_drain_time(self):
        document = b'{"never":"ends"}'
        server = self.start("--http-drain-timeout-s", 1, database=self.database)
        [cid] = self.content_ids([document])
        upload = self.begin_upload(server, cid, document)
        self.wait_for_inflight(server, 1)
        began = time.monotonic()
        server.process.terminate()
        self.check_given_up(upload)
        self.assertEqual(server.finish(), 0, server.tail())
        elapsed = time.monotonic() - began
        self.assertGreater(elapsed, 0.9)
        self.assertLess(elapsed, 4)
        self.check_no_crash(server.log_text(), 0)
        self.check_folded(self.database)
        self.export()

    def check_given_up(self, connection):
        response = http.client.HTTPResponse(connection)
        response.begin()
        self.assertEqual(response.status, 503)
        self.assertEqual(response.headers["Retry-After"], "5")
        self.assertEqual(response.headers["Connection"], "close")
        self.assertEqual(json.loads(response.read())["code"], "upstream_unready")

    def test_lookups_that_hang_are_given_up_after_the_drain_time(self):
        """A DHT of one node that never answers, and all the patience there is."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
            deaf.bind(("127.0.0.1", 0))
            server = self.start(
                "--dht-bootstrap", f"127.0.0.1:{deaf.getsockname()[1]}",
                "--dht-query-timeout-ms", 10_000, "--dht-deadline-ms", 30_000,
                "--http-request-timeout-ms", 60_000, "--http-drain-timeout-s", 1,
                ready=False,
            )
            server.wait_until_ready("/healthz")
            callers = []
            for cid in self.content_ids([b"%d" % number for number in range(20)]):
                caller = socket.create_connection(("127.0.0.1", server.port), timeout=10)
                self.addCleanup(caller.close)
                caller.sendall(f"GET /resolve/{cid} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                callers.append(caller)
            self.wait_for("the lookups", 5, lambda: 'inflight_requests{route="resolve"} 20'
                          in server.get("/metrics").body.decode())
            began = time.monotonic()
            server.process.terminate()
            for caller in callers:
                self.check_given_up(caller)
            self.assertEqual(server.finish(), 0, server.tail())
            self.assertLess(time.monotonic() - began, 4)
            self.assertIn("drain time passed", server.log_text())
            self.assertNotIn("was cut off", server.log_text())
            self.check_no_crash(server.log_text(), 0)

    def test_signals_of_the_first_moments_are_obeyed(self):
        """From the moment at which the process begins to catch signals, long before it serves."""
        early = 0
        for number in range(EARLY_STOPS * ROUNDS):
            server = self.start(database=self.database, ready=False)
            self.wait_for_catching(server, signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
            time.sleep(self.random.choice((0, self.random.random() * 0.1)))
            if number % 2:
                server.process.send_signal(signal.SIGHUP)
            server.process.send_signal(self.random.choice((signal.SIGTERM, signal.SIGINT)))
            self.assertEqual(server.finish(), 0, server.tail())
            self.check_no_crash(server.log_text(), 0)
            early += "stopped before it served" in server.log_text()
        print(f"  {early} of {EARLY_STOPS * ROUNDS} stopped before they served")
        self.assertGreater(early, 0, "signals are caught too late")
        server = self.start(database=self.database, ready=False)
        self.wait_for_catching(server, signal.SIGHUP)
        server.process.send_signal(signal.SIGHUP)
        server.wait_until_ready("/readyz")
        self.wait_for("the reload", 5, lambda: "the settings were read again" in server.log_text())
        self.stop(server)

    def wait_for_catching(self, server, *signals):
        wanted = sum(1 << number - 1 for number in signals)

        def is_catching():
            status = Path(f"/proc/{server.process.pid}/status").read_text()
            caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
            return int(caught.split()[1], 16) & wanted == wanted

        self.wait_for("a process that catches signals", 10, is_catching)

    def test_idle_service_stops_at_once(self):
        for arguments in ((), ("--db-path", self.database)):
            server = self.start(*arguments)
            began = time.monotonic()
            self.stop(server)
            self.assertLess(time.monotonic() - began, 2)
            self.assertIn("stopped", server.log_text())

    def test_service_goes_on_when_nobody_reads_its_log(self):
        reader, writer = os.pipe()
        server = self.start("--log-level", "trace", stderr=writer)
        os.close(writer)
        os.close(reader)
        for _ in range(20):
            self.assert_status(server.get("/resolve/nothing"), 404)
        self.assertEqual(server.stop(), 0)

    def test_service_goes_on_when_its_log_is_open_but_not_read(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        server = self.start(stderr=writer)
        os.close(writer)
        connection = server.connect()
        self.addCleanup(connection.close)
        for number in range(UNREAD_REQUESTS):
            path = f"/resolve/nothing-{number}"
            self.assert_status(server.request("GET", path, connection=connection), 404)
        self.assert_status(server.get("/healthz"), 200)
        self.assert_status(server.get("/readyz"), 200)
        began = time.monotonic()
        server.process.terminate()
        self.assertEqual(server.finish(), 0)
        self.assertLess(time.monotonic() - began, DRAIN_SECONDS)
        # What the pipe took is whole lines of the log, from its beginning.
        kept = os.read(reader, 1 << 20).split(b"\n")[:-1]
        self.assertGreater(len(kept), 50)
        for line in kept:
            self.assertEqual(json.loads(line)["label"], "svc-index")

    def test_failure_ends_the_process_though_its_log_is_not_read(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"\n" * 4096)
        os.set_blocking(writer, True)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            bind = f"127.0.0.1:{taken.getsockname()[1]}"
            process = subprocess.Popen([BINARY, "serve", "--http-bind", bind], stderr=writer)
            self.addCleanup(process.kill)
            os.close(writer)
            self.assertEqual(process.wait(DRAIN_SECONDS), 69)

    def test_stop_while_connections_arrive(self):
        """A connection that is being accepted at that moment is closed, and breaks nothing."""
        for number in range(STORMS * ROUNDS):
            server = self.start("--log-level", "warning")
            callers = [Caller(server) for _ in range(CALLERS)]
            for caller in callers:
                caller.start()
            enough = self.random.randint(20, 400)
            self.wait_for("answers", 10, lambda: sum(c.answers for c in callers) >= enough)
            began = time.monotonic()
            server.process.terminate()
            code = server.finish()
            elapsed = time.monotonic() - began
            for caller in callers:
                caller.is_over.set()
                caller.join(15)
            with self.subTest(round=number):
                self.check_no_crash(server.log_text(), code)
                self.assertEqual(code, 0)
                self.assertLess(elapsed, 5)
                statuses = set().union(*(caller.statuses for caller in callers))
                self.assertLessEqual({b"200"}, statuses)
                self.assertLessEqual(statuses, {b"200", b""})

    def test_stop_under_load_breaks_no_answer(self):
        lines = make_lines(100)
        self.import_lines(lines)
        names = [name_of(line) for line in lines]
        cids = self.content_ids([b"%d" % number for number in range(10)])
        known = {}
        for number in range(2 * ROUNDS):
            server = self.start(database=self.database)
            loaders = [Loader(server, index, names, cids) for index in range(LOADERS)]
            for loader in loaders:
                loader.start()
            enough = self.random.randint(200, 2000)
            self.wait_for(
                "answers", 20, lambda: sum(len(one.statuses) for one in loaders) >= enough
            )
            began = time.monotonic()
            server.process.send_signal(self.random.choice((signal.SIGTERM, signal.SIGINT)))
            code = server.finish()
            elapsed = time.monotonic() - began
            for loader in loaders:
                loader.join(10)
                known.update(loader.acknowledged)
            statuses = {status for loader in loaders for status in loader.statuses}
            count = sum(len(loader.statuses) for loader in loaders)
            print(f"  {count} answers {sorted(statuses)}, then stopped in {elapsed * 1e3:.0f} ms")
            with self.subTest(round=number):
                self.assertEqual(code, 0, server.tail())
                self.assertLess(elapsed, DRAIN_SECONDS)
                self.check_no_crash(server.log_text(), code)
                self.assertLessEqual(statuses, {200, 201})
                self.assertGreater(count, 100)
                self.check_kept(known)

    def check_kept(self, known):
        server = self.start(database=self.database)
        page = json.loads(server.get("/admin/names?prefix=load-&limit=1000").body)
        found = {entry["name"]: (entry["manifest_cid"], entry["version"])
                 for entry in page["names"]}
        for name, (cid, version) in known.items():
            # A write whose answer was cut off may have come after the last acknowledged one.
            self.assertIn(found[name][1], (version, version + 1))
            if found[name][1] == version:
                self.assertEqual(found[name][0], cid)
        known.update(found)
        self.stop(server)
