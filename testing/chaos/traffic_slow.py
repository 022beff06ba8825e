"""Connections that send next to nothing: half a head, half a body, or not a byte."""

import contextlib
import selectors
import socket
import time

from traffic import HOST, count

TICK_SECONDS = 0.1
OPENED_A_TICK = 100


class Slow:
    """Keeps `count` connections open and sends a byte a second on each.

    Options: `port`, `count`, `addresses` (to connect from, as many each), `ways` (of `header`,
    `body`, `silent`, as many each), `token`. In the phase `hold` it opens nothing new, and never
    closes first.
    """

    def __init__(self, controls, options):
        self.controls = controls
        self.options = options
        self.selector = selectors.EpollSelector()
        self.open = set()
        self.opened = 0
        self.most = 0
        self.statuses = {}
        self.freed = {}
        self.failed = {}
        # Open ones by way and by address.
        self.numbers = {}

    def run(self):
        with contextlib.closing(self.selector):
            due = time.monotonic()
            while not self.controls.stopped.is_set():
                due += TICK_SECONDS
                self.tick()
                while (wait := due - time.monotonic()) > 0:
                    for key, _ in self.selector.select(wait):
                        self.hear(key.data)

    def tick(self):
        now = time.monotonic()
        for sender in list(self.open):
            if sender.next_at <= now:
                sender.next_at = now + 1
                if not sender.send_byte():
                    self.end(sender)
        if self.controls.phase != "hold":
            for _ in range(min(OPENED_A_TICK, self.options["count"] - len(self.open))):
                self.open_one()
        self.most = max(self.most, len(self.open))

    def open_one(self):
        # Whichever there are fewest of: those that are ended make room for their like.
        way = min(self.options["ways"], key=lambda way: self.numbers.get(way, 0))
        address = min(self.options["addresses"], key=lambda at: self.numbers.get(at, 0))
        self.opened += 1
        try:
            sender = Sender(self.options, way, address)
        except OSError as error:
            count(self.failed, error.strerror or str(error))
            return
        self.open.add(sender)
        self.change(sender, 1)
        self.selector.register(sender.socket, selectors.EVENT_READ, sender)

    def hear(self, sender):
        try:
            data = sender.socket.recv(1 << 14)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data.startswith(b"HTTP/1.1 "):
            count(self.statuses, int(data[9:12]))
        if data:
            return
        times = self.freed.setdefault(sender.way, [0, 0.0])
        times[0] += 1
        times[1] = max(times[1], time.monotonic() - sender.began)
        if self.controls.phase == "hold":
            # Goes on sending until the service does not take it any more.
            self.selector.unregister(sender.socket)
            sender.heard_end = True
        else:
            self.end(sender)

    def end(self, sender):
        if not sender.heard_end:
            self.selector.unregister(sender.socket)
        sender.socket.close()
        self.open.discard(sender)
        self.change(sender, -1)

    def change(self, sender, by):
        for key in (sender.way, sender.address):
            self.numbers[key] = self.numbers.get(key, 0) + by

    def report(self):
        return {
            "open": len(self.open),
            "most": self.most,
            "opened": self.opened,
            "statuses": dict(self.statuses),
            "failed": dict(self.failed),
            "freed": {
                way: {"count": times[0], "latest_s": round(times[1], 2)}
                for way, times in list(self.freed.items())
            },
        }


class Sender:
    """One connection."""

    def __init__(self, options, way, address):
        self.way = way
        self.address = address
        self.heard_end = False
        self.began = time.monotonic()
        # Spread over the second.
        self.next_at = self.began + (hash(self) >> 4) % 100 / 100
        self.socket = socket.socket()
        self.socket.setblocking(False)
        try:
            self.socket.bind((address, 0))
            self.socket.connect_ex((HOST, options["port"]))
        except OSError:
            self.socket.close()
            raise
        self.left = self.beginning(way, options.get("token", ""))

    @staticmethod
    def beginning(way, token):
        """What is sent at once, as one "byte"; then a byte a time for ever."""
        if way == "body":
            return [
                b"PUT /admin/names/slow.sender HTTP/1.1\r\nHost: localhost\r\n"
                b"Authorization: Bearer " + token.encode() + b"\r\n"
                b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
            ]
        if way == "header":
            return [b"GET /resolve/slow.sender HTTP/1.1\r\nHost: localhost\r\nX-Slow: "]
        return []

    def send_byte(self):
        """False when the connection is gone."""
        if self.way == "silent":
            return True
        try:
            self.socket.send(self.left.pop() if self.left else b"a")
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True
