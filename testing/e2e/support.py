"""What the end-to-end tests share: the binary, its commands, running services, import lines.

The binary is named by the variable SVC_INDEX_BINARY, else it is the release build. More variables:
E2E_ROUNDS multiplies the random parts, E2E_SEED repeats a run. The tests never use a fixed port
and write only below a temporary folder of their own.
"""

import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

TESTING = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTING), str(TESTING / "data")]
import service  # noqa: E402
import synthetic_index  # noqa: E402

DEFAULT_BINARY = TESTING.parent / ".build" / "release" / "svc-index"
BINARY = Path(os.environ.get("SVC_INDEX_BINARY", DEFAULT_BINARY)).resolve()
ROUNDS = int(os.environ.get("E2E_ROUNDS", "1"))
SEED = os.environ.get("E2E_SEED") or str(random.SystemRandom().randrange(10**9))
TOKEN = "token-of-the-end-to-end-tests"
# What a crash of the program, as opposed to a sentence of it, looks like.
CRASH_MARKS = ("Fatal error", "Stack dump", "Crash:", "Thread 0", "Backtrace", "swift_task")

# svc-index takes its settings from these, and refuses the ones that are no settings.
for variable in [name for name in os.environ if name.startswith("SVC_INDEX_")]:
    del os.environ[variable]


class Service(service.Server):
    """`svc-index serve` (or `demo`) on a free port of 127.0.0.1."""

    def __init__(self, log, arguments=(), command="serve", **options):
        port = service.free_port()
        words = [BINARY, command, "--http-bind", f"{service.HOST}:{port}", *arguments]
        super().__init__(f"svc-index {command}", words, port, log, **options)

    @property
    def url(self):
        return f"http://{service.HOST}:{self.port}"

    def connect(self, timeout=10):
        return http.client.HTTPConnection(service.HOST, self.port, timeout=timeout)

    def request(self, method, path, body=None, headers=None, connection=None):
        """One request with the admin token, on a connection of its own unless one is given."""
        own = connection or self.connect()
        try:
            everything = {"Authorization": f"Bearer {TOKEN}", **(headers or {})}
            own.request(method, path, body, everything)
            return service.Response(own.getresponse())
        finally:
            if connection is None:
                own.close()

    def get(self, path):
        return self.request("GET", path)

    def put(self, path, body, connection=None, **headers):
        """PUT of bytes as they are, or of anything else as JSON."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        types = {"Content-Type": "application/json"}
        types.update({name.replace("_", "-"): value for name, value in headers.items()})
        return self.request("PUT", path, body, types, connection)

    def readiness(self):
        response = self.get("/readyz")
        return response.status, json.loads(response.body)

    def metric(self, name):
        """The sum of a metric over its labels."""
        lines = self.get("/metrics").body.decode().splitlines()
        values = [line.split() for line in lines if line.split("{")[0].split(" ")[0] == name]
        return sum(float(value[-1]) for value in values)

    def kill(self):
        self.process.kill()
        return self.process.wait()

    def finish(self, seconds=30):
        """Waits for the process's own end; returns its exit code."""
        return self.process.wait(seconds)

    def log_text(self):
        return self.log.read_text(errors="replace")


@unittest.skipUnless(BINARY.is_file(), f"no binary at {BINARY}; set SVC_INDEX_BINARY")
class EndToEndTest(unittest.TestCase):
    """A test with a folder of its own and services that are always ended."""

    def setUp(self):
        holder = tempfile.mkdtemp(prefix="svc-index-e2e-")
        self.addCleanup(shutil.rmtree, holder, ignore_errors=True)
        self.folder = Path(holder)
        self.database = self.folder / "db"
        self.random = random.Random(f"{SEED} {self.id()}")
        self.token_file = self.folder / "token"
        self.token_file.write_text(TOKEN + "\n")
        self.token_file.chmod(0o600)
        self.starts = 0

    # Commands

    def command(self, *words, stdin=b"", seconds=60, **options):
        """Runs `svc-index words…` to its end; the outputs come as bytes and as text."""
        options.setdefault("cwd", self.folder)
        done = subprocess.run(
            [str(BINARY), *map(str, words)],
            input=stdin,
            capture_output=True,
            timeout=seconds,
            **options,
        )
        done.text = done.stdout.decode(errors="replace")
        done.complaint = done.stderr.decode(errors="replace")
        self.check_no_crash(done.complaint, done.returncode)
        return done

    def succeed(self, *words, **options):
        done = self.command(*words, **options)
        self.assertEqual(done.returncode, 0, f"{words}: {done.complaint}")
        return done

    def fail_with(self, code, parts, *words, **options):
        """The command ends with `code` and one sentence on standard error that has all `parts`."""
        done = self.command(*words, **options)
        shown = f"{words}: {done.complaint!r}, standard output {done.text[:300]!r}"
        self.assertEqual(done.returncode, code, shown)
        self.assertRegex(done.complaint, r"\Asvc-index: [^\n]+\n\Z", shown)
        for part in parts:
            self.assertIn(str(part), done.complaint, shown)
        return done

    def check_no_crash(self, text, code):
        self.assertGreaterEqual(code, 0, f"ended by signal {-code}: {text[-2000:]}")
        for mark in CRASH_MARKS:
            self.assertNotIn(mark, text)

    def export(self, database=None):
        """The lines of a store."""
        return self.succeed("export", "--db-path", database or self.database).stdout.splitlines()

    def import_lines(self, lines, database=None):
        words = ("import", "-", "--db-path", database or self.database)
        return self.succeed(*words, stdin=b"".join(line + b"\n" for line in lines))

    def content_ids(self, documents):
        """The cids of many documents; the hash itself has its own test."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        for number, document in enumerate(documents):
            (folder / f"{number:06d}").write_bytes(document)
        names = sorted(path.name for path in folder.iterdir())
        digests = self.succeed("b3sum", *names, cwd=folder).text.split()[::2]
        shutil.rmtree(folder)
        return [f"b3:{digest}" for digest in digests]

    # Services

    def start(self, *arguments, database=None, admin=True, ready=True, command="serve", **options):
        """A service; waited for unless `ready` is False; ended with the test at the latest."""
        self.starts += 1
        words = list(map(str, arguments))
        if database is not None:
            words += ["--db-path", str(database)]
        if admin:
            words += ["--auth-token-file", str(self.token_file)]
        log = self.folder / f"serve-{self.starts}.log"
        server = Service(log, words, command=command, **options)
        self.addCleanup(server.stop)
        if ready:
            server.wait_until_ready("/readyz")
        return server

    def stop(self, server):
        """Ends a service as an operator does; it has to end well."""
        code = server.stop()
        self.assertEqual(code, 0, server.tail())
        self.check_no_crash(server.log_text(), code)

    def wait_for(self, what, seconds, probe):
        """Polls until `probe` is true; returns the seconds it took."""
        began = time.monotonic()
        while True:
            last = probe()
            elapsed = time.monotonic() - began
            if last and elapsed <= seconds:
                return elapsed
            self.assertLess(elapsed, seconds, f"{what} did not come about within {seconds} s")
            time.sleep(0.02)

    # Answers

    def assert_status(self, response, *statuses):
        self.assertIn(response.status, statuses, response.body[:500])
        return response

    def assert_problem(self, response, status, code, *parts):
        """A refusal in our format, with no path of this machine in it."""
        self.assertEqual(response.status, status, response.body[:500])
        self.assertEqual(response.headers["Content-Type"], "application/problem+json")
        problem = json.loads(response.body)
        self.assertEqual(problem["code"], code)
        for part in parts:
            self.assertIn(part, problem["detail"])
        self.assertNotIn(str(self.folder), response.body.decode())
        return problem


def make_lines(count, seed="e2e", **options):
    """Import lines exactly as `export` prints them, provider ids included, sorted by name."""
    return [
        with_ids(line).encode() for line in synthetic_index.import_lines(count, seed, **options)
    ]


def with_ids(line):
    entry = json.loads(line)
    for number, provider in enumerate(entry["providers"]):
        entry["providers"][number] = {"id": f"place-{number:02d}", **provider}
    return compact(entry)


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def name_of(line):
    return json.loads(line)["name"]


