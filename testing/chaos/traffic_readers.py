"""Connections that ask for large answers and read nothing of them."""

import contextlib
import socket
import time

from traffic import HOST, count, get

TICK_SECONDS = 0.1
# The system takes twice this, and no less; most of an answer has to stay with the service.
RECEIVE_BUFFER = 2048


class Readers:
    """Opens `count` connections, asks on each, and reads only at the end what has arrived.

    Options: `port`, `count`, `rate` (opened a second), `addresses` (to connect from, in turn),
    `paths` (asked for in turn), `questions` (pipelined on each connection). Done when all are open.
    """

    def __init__(self, controls, options):
        self.controls = controls
        self.options = options
        self.sockets = []
        self.failed = {}
        self.statuses = {}

    def run(self):
        with contextlib.ExitStack() as stack:
            began = time.monotonic()
            for number in range(self.options["count"]):
                wait = began + number / self.options["rate"] - time.monotonic()
                if wait > 0 and self.controls.stopped.wait(wait):
                    break
                try:
                    self.sockets.append(stack.enter_context(self.open_one(number)))
                except OSError as error:
                    count(self.failed, error.strerror or str(error))
            self.controls.is_done = True
            self.controls.stopped.wait()
            for connection in self.sockets:
                count(self.statuses, status_of(connection))

    def open_one(self, number):
        connection = socket.socket()
        try:
            connection.settimeout(5)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            addresses, paths = self.options["addresses"], self.options["paths"]
            connection.bind((addresses[number % len(addresses)], 0))
            connection.connect((HOST, self.options["port"]))
            first, many = number, self.options["questions"]
            connection.sendall(
                b"".join(get(paths[at % len(paths)]) for at in range(first, first + many))
            )
        except OSError:
            connection.close()
            raise
        connection.setblocking(False)
        return connection

    def report(self):
        return {
            "opened": len(self.sockets),
            "failed": dict(self.failed),
            "statuses": dict(self.statuses),
        }


def status_of(connection):
    """The status of the first answer, as far as one has arrived."""
    try:
        answer = connection.recv(1 << 10)
    except OSError as error:
        return error.__class__.__name__
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else "closed"
