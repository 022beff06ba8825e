"""Servers under test as child processes: started on a free port, waited for, always ended.

Used by the end-to-end tests and by the benchmarks. Every server listens on 127.0.0.1 only.
"""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

HOST = "127.0.0.1"
READY_SECONDS = 30
STOP_SECONDS = 10
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class ServerError(Exception):
    """A server did not start, or fell; the message carries the end of its log."""


def free_port():
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


class Server:
    """One running server and everything it forked (they share a process group).

    `options` are those of `subprocess.Popen`, such as `cwd`.
    """

    def __init__(self, name, command, port, log, **options):
        self.name = name
        self.port = port
        self.log = Path(log)
        with open(self.log, "wb") as output:
            streams = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": subprocess.STDOUT}
            self.process = subprocess.Popen(
                [str(word) for word in command], start_new_session=True, **{**streams, **options}
            )

    def wait_until_ready(self, path, seconds=READY_SECONDS):
        """Returns the seconds it took until `GET path` was 200."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if self.process.poll() is not None:
                raise ServerError(f"{self.name} exited with {self.process.returncode}{self.tail()}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                if get(self.port, path, timeout=2).status == 200:
                    return time.monotonic() - began
            time.sleep(0.02)
        raise ServerError(f"{self.name}: GET {path} was not 200 within {seconds} s{self.tail()}")

    def cpu_seconds(self):
        """User and system time of the whole process group so far."""
        ticks = 0
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(fields[2]) == self.process.pid:
                    ticks += int(fields[11]) + int(fields[12])
        return ticks / CLOCK_TICKS

    def tail(self, lines=15):
        text = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "".join(f"\n  | {line}" for line in text)

    def stop(self, seconds=STOP_SECONDS):
        """SIGTERM, after so many seconds SIGKILL for the group; returns the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait()


class Response:
    """A whole HTTP response: status, headers, body."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()


def get(port, path, timeout=10):
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request("GET", path)
        return Response(connection.getresponse())
    finally:
        connection.close()


@contextlib.contextmanager
def running(server, ready_path, ready_seconds=READY_SECONDS, stop_seconds=STOP_SECONDS):
    """The server, ready; stopped when the block is left, however it is left."""
    try:
        server.ready_seconds = server.wait_until_ready(ready_path, ready_seconds)
        yield server
    finally:
        server.exit_code = server.stop(stop_seconds)


def serve(binary, database, folder, arguments=()):
    """`svc-index serve` on a free port over a database folder."""
    port = free_port()
    command = [binary, "serve", "--http-bind", f"{HOST}:{port}", "--db-path", database]
    server = Server("svc-index", [*command, *arguments], port, Path(folder) / "svc-index.log")
    return running(server, "/readyz")


def import_file(binary, lines, database, seconds=600):
    """`svc-index import`; returns the seconds it took."""
    began = time.monotonic()
    done = subprocess.run(
        [str(binary), "import", str(lines), "--db-path", str(database)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        raise ServerError(f"import exited with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return time.monotonic() - began


def end_on_signals():
    """Makes SIGTERM and SIGHUP unwind the stack, so that `finally` blocks stop the servers."""

    def leave(number, _):
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
