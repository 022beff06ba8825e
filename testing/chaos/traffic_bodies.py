"""Requests with bodies that have to be refused, so many a second."""

import threading
import time

from traffic import Connection, count, quantile

THREADS = 4


class Bodies:
    """Sends prepared requests in turn and notes each one's answer.

    Options: `port`, `rate`, `requests`: each with `kind`, `head` (without its end), `body` (a file;
    none: no body) and `accept` (the right answers, as `413 decompress_cap`).
    """

    def __init__(self, controls, options):
        self.controls = controls
        self.port = options["port"]
        self.rate = options["rate"]
        self.requests = []
        for request in options["requests"]:
            with open(request["body"], "rb") as file:
                body = file.read()
            whole = request["head"].encode() + b"\r\n\r\n" + body
            self.requests.append((request["kind"], whole, request["accept"]))
        self.lock = threading.Lock()
        self.number = 0
        self.times = []
        self.outcomes = {}
        self.wrong = []
        self.began = time.monotonic()

    def run(self):
        self.began = time.monotonic()
        threads = [threading.Thread(target=self.send) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def send(self):
        connection = Connection(self.port)
        while not self.controls.stopped.is_set():
            with self.lock:
                number = self.number
                self.number += 1
            wait = self.began + number / self.rate - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            kind, request, accept = self.requests[number % len(self.requests)]
            sent = time.monotonic()
            try:
                status, _, body = connection.ask(request)
                answer = f"{status} {code_of(body)}".strip()
            except OSError as error:
                answer = f"no answer: {error.__class__.__name__}"
            with self.lock:
                self.times.append((time.monotonic() - sent) * 1000)
                count(self.outcomes.setdefault(kind, {}), answer)
                if answer not in accept and len(self.wrong) < 10:
                    self.wrong.append(f"{kind}: {answer}, not {' or '.join(accept)}")
        connection.close()

    def report(self):
        seconds = time.monotonic() - self.began
        with self.lock:
            return {
                "requests": len(self.times),
                "rate": round(len(self.times) / seconds, 1),
                "p99_ms": round(quantile(self.times, 0.99), 2),
                "outcomes": self.outcomes,
                "wrong": self.wrong,
            }


def code_of(body):
    """The `code` of a problem; empty for anything else."""
    return body.partition(b'"code":"')[2].partition(b'"')[0].decode()
