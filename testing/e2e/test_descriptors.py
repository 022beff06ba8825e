"""Open files: enough of them, and none taken by connections over the cap."""

import os
import resource
import socket

from support import EndToEndTest

CAP = 40
CALL = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def limited(soft, hard):
    """Popen options for a process that may have so many open files."""
    return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))}


class DescriptorTest(EndToEndTest):
    def test_soft_limit_is_raised_to_what_is_needed(self):
        server = self.start(**limited(64, 4096))
        self.assertGreater(server.metric("process_max_fds"), 1024)

    def test_hard_limit_that_is_too_low_is_named(self):
        parts = ("http.max_connections", "500", "ulimit -n")
        self.fail_with(78, parts, "serve", "--http-bind", "127.0.0.1:0", **limited(100, 500))

    def test_connections_over_the_cap_take_no_files_from_the_service(self):
        server = self.start(
            "--http-max-connections", CAP, "--http-max-connections-per-address", CAP,
            **limited(64, 300),
        )
        first = self.connect_and_ask(server, 20)
        self.assertTrue(all(b"200" in answer for _, answer in first))
        flood = [self.connect(server) for _ in range(400)]
        # What was open before is answered as before, and the process stays under its limit.
        for connection, _ in first:
            connection.sendall(CALL)
            self.assertIn(b"200", connection.recv(4096))
        self.assertLess(len(os.listdir(f"/proc/{server.process.pid}/fd")), 290)
        for connection in flood + [connection for connection, _ in first]:
            connection.close()
        self.wait_for("a new connection", 10, lambda: server.get("/healthz").status == 200)
        self.check_no_crash(server.log_text(), server.stop())

    def connect(self, server):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        self.addCleanup(connection.close)
        return connection

    def connect_and_ask(self, server, count):
        asked = []
        for _ in range(count):
            connection = self.connect(server)
            connection.sendall(CALL)
            asked.append((connection, connection.recv(4096)))
        return asked
