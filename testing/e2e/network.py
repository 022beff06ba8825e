"""A small DHT on loopback in a process of its own, which can be stopped as by an outage."""

import contextlib
import signal
import subprocess

from support import BINARY


class Network:
    """`svc-index testnet`, with more options if need be; `bootstrap` is what leads to it."""

    def __init__(self, nodes, *words):
        self.process = subprocess.Popen(
            [str(BINARY), "testnet", "--nodes", str(nodes), *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        # The first line is the whole of what others need.
        self.bootstrap = self.process.stdout.readline().strip()

    def fall_silent(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            self.go_on()
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
