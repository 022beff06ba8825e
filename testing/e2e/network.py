"""A small DHT on loopback in a process of its own, which can be stopped as by an outage."""

import contextlib
import signal
import socket
import subprocess
import threading

from support import BINARY

ANNOUNCERS = 4


class Network:
    """`svc-index testnet`, with more options if need be; `bootstrap` is what leads to it.

    With a `port`, its nodes are at that one and those that follow, so that a successor can have
    the same ones.
    """

    def __init__(self, nodes, *words, port=0):
        self.process = subprocess.Popen(
            [str(BINARY), "testnet", "--nodes", str(nodes), "--port", str(port), *map(str, words)],
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


def free_ports(count, random):
    """The first of so many free UDP ports in a row, below those that the system gives away."""
    for _ in range(100):
        first = random.randrange(15_000, 30_000)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + count):
                taken = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
                taken.bind(("127.0.0.1", port))
            return first
    raise OSError("no free UDP ports in a row")


def announce(test, ports, bootstrap):
    """Announces content ids, each at its port, and returns what went wrong.

    From a few commands at once: each joins and stores by itself.
    """
    def work(pairs):
        for cid, port in pairs:
            done = test.command("announce", cid, "--port", port, "--dht-bootstrap", bootstrap)
            if done.returncode != 0:
                failed.append(done.complaint)

    failed = []
    pairs = list(ports.items())
    threads = [
        threading.Thread(target=work, args=(pairs[part::ANNOUNCERS],))
        for part in range(ANNOUNCERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed
