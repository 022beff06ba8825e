"""The parent's side of `traffic.py`: a process that makes traffic, and what it reports."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent / "traffic.py"


class LoadError(Exception):
    """A source of traffic fell; what it said is above."""


class Load:
    """Traffic of one kind until `finish`; the report of one with a `total` says when it is done."""

    def __init__(self, kind, **options):
        self.kind = kind
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), kind, json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                stream.close()

    def phase(self, name):
        self.tell(f"phase {name}")

    def report(self):
        """The figures so far."""
        self.tell("report")
        return self.read()

    def finish(self):
        self.tell("stop")
        figures = self.read()
        self.process.wait(30)
        return figures

    def tell(self, words):
        try:
            self.process.stdin.write(words + "\n")
            self.process.stdin.flush()
        except OSError as error:
            raise LoadError(f"the traffic of kind {self.kind} has ended") from error

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise LoadError(f"the traffic of kind {self.kind} ended without a report")
        return json.loads(line)
