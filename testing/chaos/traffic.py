#!/usr/bin/env python3
"""One source of traffic as a process of its own, so that its work does not delay its parent's.

    traffic.py KIND OPTIONS      # OPTIONS is a JSON object; see the class of the kind

Reads commands from standard input, one a line: `phase NAME`, `report`, `stop`. Answers `report` and
the end with one JSON line of figures. `load.py` is the other side of this.
"""

import json
import math
import socket
import sys
import threading
import time

HOST = "127.0.0.1"
END_OF_HEAD = b"\r\n\r\n"


class Controls(threading.Thread):
    """What the parent wants; the end of standard input means stop."""

    def __init__(self):
        super().__init__(daemon=True)
        self.phase = "start"
        self.stopped = threading.Event()
        self.is_done = False
        self.report = dict
        self.printing = threading.Lock()

    def run(self):
        for line in sys.stdin:
            word, _, rest = line.strip().partition(" ")
            if word == "phase":
                self.phase = rest
            elif word == "report":
                is_done = self.is_done
                self.tell({**self.report(), "done": is_done})
            elif word == "stop":
                break
        self.stopped.set()

    def tell(self, figures):
        with self.printing:
            print(json.dumps(figures), flush=True)


class Connection:
    """A blocking keep-alive connection; it is opened again when the service has closed it."""

    def __init__(self, port, address=HOST, timeout=10):
        self.port = port
        self.address = address
        self.timeout = timeout
        self.socket = None
        self.opened = 0

    def ask(self, request):
        """Sends bytes and returns status, head and body of the answer; OSError without one."""
        if self.socket is None:
            self.socket = socket.create_connection(
                (HOST, self.port), self.timeout, source_address=(self.address, 0)
            )
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.opened += 1
        try:
            self.send(request)
            return self.receive()
        except OSError:
            self.close()
            raise

    def send(self, request):
        try:
            self.socket.sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            # A refusal may have come before all was sent; it is still there to be read.
            pass

    def receive(self):
        data = b""
        while END_OF_HEAD not in data:
            data += self.more()
        head, _, body = data.partition(END_OF_HEAD)
        lower = head.lower()
        length = 0
        if b"content-length:" in lower:
            length = int(lower.partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(body) < length:
            body += self.more()
        if b"connection: close" in lower:
            self.close()
        return int(head[9:12]), head, body

    def more(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the service closed the connection")
        return data

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket = None


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def quantile(values, part):
    """The nearest rank; 0 without values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else 0.0


def count(counts, key):
    counts[key] = counts.get(key, 0) + 1


class Hot:
    """Asks for known names in turn, so many a second; times and hits by phase.

    Options: `port`, `rate`, `known` (a file: path, tab, text that the body has to have),
    `connections`. Times are from when a request was due, so that a wait delays those behind it too.
    """

    def __init__(self, controls, options):
        self.controls = controls
        self.port = options["port"]
        self.gap = 1 / options["rate"]
        self.connections = [Connection(self.port) for _ in range(options.get("connections", 2))]
        with open(options["known"], encoding="utf-8") as file:
            pairs = [line.rstrip("\n").split("\t") for line in file]
        self.known = [(get(path), text.encode()) for path, text in pairs]
        self.phases = {}

    def run(self):
        due = time.monotonic()
        number = 0
        while not self.controls.stopped.is_set():
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            request, text = self.known[number % len(self.known)]
            self.ask_one(self.connections[number % len(self.connections)], request, text, due)
            number += 1
            due += self.gap

    def ask_one(self, connection, request, text, due):
        phase = self.phases.setdefault(
            self.controls.phase,
            {"times": [], "statuses": {}, "hits": 0, "stale": 0, "wrong": [], "lost": 0},
        )
        try:
            status, head, body = connection.ask(request)
        except OSError:
            phase["lost"] += 1
            time.sleep(0.01)
            return
        phase["times"].append((time.monotonic() - due) * 1000)
        count(phase["statuses"], status)
        phase["hits"] += b"; hit" in head
        phase["stale"] += b"detail=stale" in head
        if status == 200 and text not in body and len(phase["wrong"]) < 5:
            phase["wrong"].append(f"{request[:80]!r}: {body[:200]!r}")

    def report(self):
        return {name: self.figures(phase) for name, phase in list(self.phases.items())}

    @staticmethod
    def figures(phase):
        times = list(phase["times"])
        return {
            "requests": len(times),
            "p50_ms": round(quantile(times, 0.5), 3),
            "p99_ms": round(quantile(times, 0.99), 3),
            "worst_ms": round(max(times, default=0), 3),
            "hit_ratio": phase["hits"] / max(1, len(times)),
            **{key: phase[key] for key in ("statuses", "stale", "wrong", "lost")},
        }


def main():
    from traffic_bodies import Bodies  # noqa: PLC0415
    from traffic_readers import Readers  # noqa: PLC0415
    from traffic_slow import Slow  # noqa: PLC0415
    from traffic_stream import Stream  # noqa: PLC0415

    kinds = {
        "hot": Hot, "slow": Slow, "readers": Readers, "stream": Stream, "bodies": Bodies
    }
    controls = Controls()
    kind = kinds[sys.argv[1]](controls, json.loads(sys.argv[2]))
    controls.report = kind.report
    controls.start()
    kind.run()
    controls.is_done = True
    controls.stopped.wait()
    controls.tell(kind.report())


if __name__ == "__main__":
    main()
