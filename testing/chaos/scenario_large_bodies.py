"""Bodies of 2 MiB, declared and in chunks: each is told 413 before it can be stored or hung up on.

After a refusal the service reads at most 2 MiB and 2 s more, so that the answer arrives, and closes
(docs/threat-model.md).
"""

import contextlib
import socket
import threading
import time

import service
from chaos import ChaosTest, length, resident_mib
from support import TOKEN
from traffic import END_OF_HEAD, quantile

BODY = bytes(2 << 20)
SENDERS = 8
# Longer than the 2 s that a refused connection lingers at most.
CLOSED_WITHIN_SECONDS = 3
GROWTH_MIB = 64


class LargeBodiesTest(ChaosTest):
    def test_large_bodies_are_refused_and_the_connection_ends(self):
        truth = self.make_truth(200)
        server = self.start("--log-requests=false", database=self.database)
        with self.checked(server, truth):
            resident = resident_mib(server)
            for kind in ("declared", "chunked", "expecting 100"):
                self.send_many(server, kind)
            self.figure("resident memory, growth", resident_mib(server) - resident, "MiB",
                        most=GROWTH_MIB)
            cid = f"b3:{0:064x}"
            self.assert_status(server.get(f"/manifests/{cid}"), 404)
        self.stop_well(server)

    def send_many(self, server, kind):
        self.right, self.times, self.closed, self.others = 0, [], 0, []
        each = length(40, 6)
        threads = [
            threading.Thread(target=self.send_some, args=(server, kind, each))
            for _ in range(SENDERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        total = SENDERS * each
        for other in self.others[:3]:
            print(f"  {kind}: {other}")
        self.figure(f"{kind}: 413 body_cap", self.right, least=total)
        self.figure(f"{kind}: connection closed by the service", self.closed, least=total)
        self.figure(f"{kind}: answer, p99", quantile(self.times, 0.99), "ms", most=1000)

    def send_some(self, server, kind, times):
        for _ in range(times):
            with socket.create_connection((service.HOST, server.port), 10) as connection:
                try:
                    self.send(connection, kind)
                except OSError as error:
                    self.others.append(repr(error))

    def send(self, connection, kind):
        head = [
            f"PUT /admin/manifests/b3:{0:064x} HTTP/1.1", "Host: localhost",
            f"Authorization: Bearer {TOKEN}", "Content-Type: application/json",
        ]
        head += ["Transfer-Encoding: chunked"] if kind == "chunked" else [
            f"Content-Length: {len(BODY)}"
        ]
        head += ["Expect: 100-continue"] if kind == "expecting 100" else []
        began = time.monotonic()
        connection.sendall("\r\n".join(head).encode() + END_OF_HEAD)
        if kind == "chunked":
            self.push(connection, b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n")
        elif kind == "declared":
            self.push(connection, BODY)
        answer = b""
        while data := connection.recv(1 << 16):
            if not answer:
                self.times.append((time.monotonic() - began) * 1000)
            answer += data
        is_right = answer.startswith(b"HTTP/1.1 413 ") and b'"code":"body_cap"' in answer
        if is_right and b"application/problem+json" in answer and answer.count(b"HTTP/1.1 ") == 1:
            self.right += 1
        else:
            self.others.append(f"answered {answer[:300]!r}")
        # The end of its output was read; now it takes nothing more either.
        if time.monotonic() - began < CLOSED_WITHIN_SECONDS:
            self.closed += 1

    @staticmethod
    def push(connection, data):
        """Sends all that the service takes."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
