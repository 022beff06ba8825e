"""Many questions a second: pipelined batches over several connections, answers only counted."""

import collections
import contextlib
import random
import selectors
import socket
import time

from traffic import HOST, get

MARK = b"HTTP/1.1 "
BATCH = 16
PAUSE_SECONDS = 0.02
LATE_SECONDS = 10


class Stream:
    """Asks from pools of questions, as fast as it can or so many a second.

    Options: `port`, `connections`, `rate` (none: no bound), `total` (none: until stopped), `seed`,
    `pools`: each with `weight`, `status` (what the answers must be) and `paths` (a file, a path a
    line) or `random` (`name` or `cid`: never asked before, never there).
    """

    def __init__(self, controls, options):
        self.controls = controls
        self.options = options
        self.random = random.Random(options.get("seed", 1))
        self.pools = options["pools"]
        for pool in self.pools:
            if "paths" in pool:
                with open(pool["paths"], encoding="utf-8") as file:
                    pool["requests"] = [get(line.rstrip("\n")) for line in file]
        self.weights = [pool["weight"] for pool in self.pools]
        self.sent = 0
        self.answered = {}
        self.expected = {}
        self.lost = self.late = 0
        self.began = self.ended = time.monotonic()
        self.selector = selectors.EpollSelector()

    def run(self):
        self.began = time.monotonic()
        connections = self.options.get("connections", 8)
        self.idle = collections.deque(self.connect() for _ in range(connections))
        self.busy = 0
        while not self.is_over():
            self.fill()
            self.drop_late()
            wait = PAUSE_SECONDS if self.idle else 1
            for key, _ in self.selector.select(wait):
                self.hear(key.data)
        self.ended = time.monotonic()

    def is_over(self):
        total = self.options.get("total")
        is_enough = total is not None and self.sent >= total
        # What is under way when it is told to stop is still counted, for a while.
        if self.controls.stopped.is_set():
            is_enough = True
        return is_enough and self.busy == 0

    def fill(self):
        """Gives every idle connection a batch, as far as rate and total allow."""
        while self.idle and not self.controls.stopped.is_set():
            room = BATCH
            if (total := self.options.get("total")) is not None:
                room = min(room, total - self.sent)
            if (rate := self.options.get("rate")) is not None:
                room = min(room, int((time.monotonic() - self.began) * rate) - self.sent)
            if room <= 0:
                return
            # In turn, so that none is idle for so long that the service closes it.
            line = self.idle.popleft()
            request = b"".join(self.question() for _ in range(room))
            self.sent += room
            line.waiting = room
            line.asked_at = time.monotonic()
            line.rest = b""
            self.busy += 1
            try:
                line.socket.sendall(request)
            except OSError:
                self.replace(line)

    def drop_late(self):
        """An answer that takes longer than a request may is lost."""
        latest = time.monotonic() - LATE_SECONDS
        for key in list(self.selector.get_map().values()):
            line = key.data
            if line.waiting > 0 and line.asked_at < latest:
                self.late += 1
                self.replace(line)

    def question(self):
        [pool] = self.random.choices(self.pools, self.weights)
        self.expected[pool["status"]] = self.expected.get(pool["status"], 0) + 1
        if "requests" in pool:
            return self.random.choice(pool["requests"])
        if pool["random"] == "cid":
            return get(f"/resolve/b3:{self.random.getrandbits(256):064x}")
        return get(f"/resolve/random-{self.random.getrandbits(64):016x}")

    def hear(self, line):
        try:
            data = line.socket.recv(1 << 18)
        except OSError:
            data = b""
        if not data:
            self.replace(line)
            return
        if line.waiting == 0:
            # The rest of the last body.
            return
        data = line.rest + data
        parts = data.split(MARK)
        for part in parts[1:]:
            if len(part) >= 3:
                status = int(part[:3])
                self.answered[status] = self.answered.get(status, 0) + 1
                line.waiting -= 1
        # A status line that was cut off waits for its rest.
        is_cut = len(parts) > 1 and len(parts[-1]) < 3
        line.rest = MARK + parts[-1] if is_cut else beginning_of_mark(data)
        if line.waiting == 0:
            self.busy -= 1
            self.idle.append(line)

    def replace(self, line):
        if line.waiting == 0:
            # One that was idle and that the service has closed.
            self.idle.remove(line)
        else:
            self.lost += line.waiting
            self.busy -= 1
        self.selector.unregister(line.socket)
        line.socket.close()
        time.sleep(0.01)
        with contextlib.suppress(OSError):
            self.idle.append(self.connect())

    def connect(self):
        return Line(socket.create_connection((HOST, self.options["port"]), 10), self.selector)

    def report(self):
        seconds = max(self.ended, self.began) - self.began or time.monotonic() - self.began
        return {
            "sent": self.sent,
            "answered": dict(self.answered),
            "expected": dict(self.expected),
            "lost": self.lost,
            "late": self.late,
            "seconds": round(seconds, 2),
            "rate": round(sum(self.answered.values()) / max(seconds, 0.001)),
        }


class Line:
    """One connection and the answers that it still owes."""

    def __init__(self, open_socket, selector):
        self.socket = open_socket
        self.waiting = 0
        self.asked_at = 0.0
        self.rest = b""
        selector.register(open_socket, selectors.EVENT_READ, self)


def beginning_of_mark(data):
    """The longest end of `data` that a status line may begin with."""
    for length in range(len(MARK) - 1, 0, -1):
        if data.endswith(MARK[:length]):
            return MARK[:length]
    return b""
