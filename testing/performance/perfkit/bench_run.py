"""What every measurement needs: tools, data, services, runs of the generator, figures of both."""

import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import service

from . import ROOT, machine

# A client address of its own has more connections and misses than the defaults allow one.
OPEN_LIMITS = [
    "--http-max-connections=4096",
    "--http-max-connections-per-address=4096",
    "--limits-running=4096",
    "--limits-waiting=4096",
    "--limits-lookups-per-second=1000000",
    "--dht-queries-per-second=1000000",
    "--dht-query-burst=1000000",
]
QUIET = "--log-requests=false"
# A record of every request: at the usual level `info` only refusals and failures leave one.
LOGGED = ["--log-requests=true", "--log-level=debug"]
# Of the answers that a run counted, so many have left their line at least.
LEAST_LOGGED = 0.98
LOG_SECONDS = 5


class KitError(Exception):
    """A measurement cannot be made or would mean nothing; the message says why."""


class Skipped(Exception):
    """Something optional is not there; the message says what."""


def note(text):
    print(text, file=sys.stderr, flush=True)


def import_file(binary, lines, store):
    """Imports into a store; the figures that `import --json` ends with."""
    done = subprocess.run(
        [binary, "import", lines, "--db-path", store, "--json"],
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
        # A slow import is a figure, one that hangs is none: 5,000 names a second.
        timeout=600 + Path(lines).stat().st_size / 3_000_000,
    )
    return printed_json("import", done)


def require(program):
    """The program, if it is there; else an error that says what builds it."""
    if not program.is_file():
        raise KitError(f"{program} is missing: `make perf-build` and `make bench-check` build "
                       "what they measure with")
    return program


def require_load(program):
    """The same of the load generator, and that it is one."""
    if "svc-index-load" not in printed(require(program), "--help", "--load"):
        raise KitError(f"--load {program} is not svc-index-load: run `make perf-build`")
    return program


def printed(program, word, option):
    """What a program says to one word, within ten seconds."""
    try:
        done = subprocess.run([program, word], capture_output=True, text=True, timeout=10,
                              stdin=subprocess.DEVNULL, errors="replace")
    except (OSError, subprocess.SubprocessError) as error:
        raise KitError(f"{option} {program} cannot be run: {error}") from None
    return done.stdout


def printed_json(name, done, codes=(0,)):
    """The object that a program printed, on one line or on several, or why there is none."""
    with contextlib.suppress(ValueError):
        # What is printed on several lines begins with a brace alone.
        last = done.stdout.rstrip().rpartition("\n")[2] if done.stdout else ""
        found = json.loads(done.stdout if last == "}" else last)
        if done.returncode in codes and isinstance(found, dict):
            return found
    said = done.stderr.strip()[-500:] or f"exit code {done.returncode}, and no figures"
    raise KitError(f"{name} failed: {said}")


def ran(command, seconds=300):
    """What a program printed, or an error that says what it said against it."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    if done.returncode != 0:
        said = done.stderr.strip()[-500:] or f"exit code {done.returncode}"
        raise KitError(f"{Path(command[0]).name} {command[1]} failed: {said}")
    return done.stdout


# What may be wrong with a machine, a tool or a file, and is told in a sentence.
ERRORS = (KitError, service.ServerError, OSError, subprocess.SubprocessError)


class Bench:
    """Paths of the programs under test and of one run's folder."""

    def __init__(self, options, folder):
        self.binary = Path(options.binary).resolve()
        self.load_binary = Path(options.load).resolve()
        self.probe = Path(options.probe).resolve()
        self.simulate = Path(options.simulate).resolve()
        self.hit_probe = self.binary.parent / "hit-probe"
        self.seconds = options.seconds
        self.folder = folder
        self.data = ROOT / "artifacts/perf/data"
        self.data.mkdir(parents=True, exist_ok=True)
        self.version = printed(require(self.binary), "version", "--binary")
        if not self.version.startswith("svc-index "):
            raise KitError(f"--binary {self.binary} is not svc-index: run `make perf-build`")
        require_load(self.load_binary)
        # Those of whoever measures would be settings of what is measured.
        for name in [name for name in os.environ if name.startswith("SVC_INDEX_")]:
            note(f"{name} is left aside: figures are of what their commands say")
            del os.environ[name]
        shown = ran([self.binary, "config", "print"])
        self.settings = {line.split()[0] for line in shown.splitlines() if line.strip()}

    def facts(self):
        model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        return {
            "version": " ".join(self.version.split()),
            "cores": len(os.sched_getaffinity(0)),
            "processor": model.group(1) if model else "unknown",
            "load_average_before": os.getloadavg()[0],
        }

    def new_folder(self, name):
        """A folder in this run's, whose name nothing else has."""
        folder = self.folder / f"{name}-{secrets.token_hex(3)}"
        folder.mkdir(parents=True)
        return folder

    # Services

    def import_file(self, lines, store):
        return import_file(self.binary, lines, store)

    @contextlib.contextmanager
    def serving(self, arguments=(), store=None, lines=None, environment=None, program=None,
                ready_seconds=service.READY_SECONDS, stop_seconds=service.STOP_SECONDS):
        """A service, ready, on a store or in memory (then `lines` are imported over HTTP).

        `program` is a command line to start it by, in place of the binary.
        """
        folder = self.new_folder("serve")
        port = service.free_port()
        command = [*(program or [self.binary]), "serve", "--http-bind", f"{service.HOST}:{port}"]
        token = folder / "token"
        token.write_text(secrets.token_hex(24))
        token.chmod(0o600)
        command += ["--auth-token-file", token]
        if store is not None:
            command += ["--db-path", store]
        environment = {**os.environ, **(environment or {})}
        server = service.Server(
            "svc-index", [*command, *arguments], port, folder / "log", env=environment
        )
        server.token = token.read_text()
        server.logs_requests = all(word in arguments for word in LOGGED)
        with service.running(server, "/readyz", ready_seconds, stop_seconds):
            if store is None and lines is not None:
                ran([self.binary, "import", lines, "--url", f"http://{service.HOST}:{port}",
                     "--auth-token-file", token, "--json"])
            yield server
        # -9 too: somebody else ended it, or it did not stop when it was asked to.
        if server.exit_code != 0:
            raise KitError(f"svc-index exited with {server.exit_code}{server.tail()}")
        shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def testnet(self, nodes=60, late=0):
        """A DHT on loopback, so many of whose nodes answer late.

        Yields what --dht-bootstrap takes, and the process.
        """
        process = subprocess.Popen(
            [self.binary, "testnet", "--nodes", str(nodes), "--late-nodes", str(late)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        try:
            bootstrap = process.stdout.readline().strip()
            if not bootstrap:
                raise KitError("svc-index testnet ended without saying where its nodes are")
            yield bootstrap, process
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def announce(self, cids, bootstrap):
        """Announces content ids on a DHT, eight at a time."""
        waiting = list(cids)
        running = []
        while waiting or running:
            while waiting and len(running) < 8:
                command = [self.binary, "announce", waiting.pop(), "--port", "8080"]
                running.append(subprocess.Popen(
                    [*command, "--dht-bootstrap", bootstrap],
                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                ))
            done = running.pop(0)
            _, errors = done.communicate(timeout=60)
            if done.returncode != 0:
                raise KitError(f"announce failed: {errors.strip()[-300:]}")

    # Load

    def load(self, server, *arguments, checked=True):
        """One run of the generator; its figures, and `cpu_us`: the server's time an answer, and
        `processor`: what the machine's did while it was sending.
        """
        before, logged = server.cpu_seconds(), server.log.stat().st_size
        command = [self.load_binary, "--url", f"http://{service.HOST}:{server.port}", "--json"]
        with machine.ProcessorWatch() as watch:
            done = subprocess.run(
                [*map(str, command), *map(str, arguments)],
                capture_output=True, text=True, timeout=300 + self.seconds,
            )
        figures = printed_json("svc-index-load", done, codes=(0, 1))
        if checked and done.returncode == 1:
            words = " ".join(Path(str(word)).name for word in arguments)
            raise KitError(f"svc-index-load {words}: {done.stderr.strip()}")
        spent = server.cpu_seconds() - before
        figures["processor"] = watch.over_last(figures["seconds"])._asdict()
        figures["cpu_us"] = spent * 1e6 / max(1, figures["answersInAll"])
        if getattr(server, "logs_requests", False):
            figures["logged"] = require_logged(server.log, logged, figures["answersInAll"])
        figures["command"] = " ".join(
            ["svc-index-load", *(Path(str(word)).name if os.sep in str(word) and
                                 Path(str(word)).exists() else str(word) for word in arguments)]
        )
        return figures


# What held code up during a run: the last columns of tables whose times a busy machine decides.
HELD_UP = ["stolen %", "a task waited %"]


def held_up(processor):
    """The cells of `HELD_UP`."""
    return ["–" if processor[share] is None else f"{processor[share] * 100:.0f}"
            for share in ("stolen", "waited")]


def lines_since(path, offset):
    """How many lines a file has beyond a place in it."""
    with open(path, "rb") as file:
        file.seek(offset)
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


def require_logged(path, offset, answers, seconds=LOG_SECONDS):
    """The lines that so many answers left in a log; far too few are an error.

    The log may be a moment behind the answers.
    """
    until = time.monotonic() + seconds
    while (lines := lines_since(path, offset)) < LEAST_LOGGED * answers:
        if time.monotonic() > until:
            raise KitError(f"{answers:,} answers left {lines:,} lines in the request log: "
                           "a row with the request log would show what no log costs")
        time.sleep(0.1)
    return lines


def resident_kib(server, figure="VmRSS"):
    """VmRSS of a server's process, or VmHWM: the most it has had so far."""
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(figure + r":\s+(\d+)", text).group(1))


@contextlib.contextmanager
def watched_descriptors(server, every=0.1):
    """Yields a list whose one number is how many descriptors a server had open at most."""
    most, done = [0], threading.Event()

    def watch():
        while True:
            with contextlib.suppress(OSError):
                most[0] = max(most[0], len(os.listdir(f"/proc/{server.process.pid}/fd")))
            if done.wait(every):
                return
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield most
    finally:
        done.set()
        thread.join()


def metrics(server):
    """{name and labels: value} of /metrics."""
    text = service.get(server.port, "/metrics").body.decode()
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def grew(before, after, name):
    """How much a metric grew, over all its series."""
    def total(values):
        return sum(value for key, value in values.items() if key.partition("{")[0] == name)
    return total(after) - total(before)


def table(headings, rows):
    """A Markdown table; the first column is text, the others are numbers."""
    lines = ["| " + " | ".join(headings) + " |"]
    lines.append("| --- |" + " ---: |" * (len(headings) - 1))
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)
