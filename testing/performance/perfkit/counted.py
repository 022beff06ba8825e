"""Counts what a hit does: allocations by a preloaded library, instructions by callgrind, system
calls by strace.

Nothing is timed. What the start takes falls out, since every figure is the difference of two runs.
"""

import os
import re
import shutil
import struct
import subprocess
import time
from pathlib import Path

from . import PERFORMANCE
from .bench_run import OPEN_LIMITS, QUIET, KitError, require
from .names import make_names, name_of

PROBE_HITS = 50_000
HTTP_HITS = 20_000
TRACED_HITS = 2000
# The start makes some hundred calls more or fewer: so many hits that it is within the tolerance.
CALLING_HITS = 10_000
# Of one hit: fewer than these mean that collecting was off where the work is.
LEAST_INSTRUCTIONS = 10_000
# A hit is read from its connection and written to it.
LEAST_CALLS = 2
# Of a whole run: every program allocates more than that, unless the shim is not in it.
LEAST_ALLOCATIONS = 1000
# Valgrind starts and stops slowly, more so beside others.
READY_SECONDS, STOP_SECONDS = 120, 60
# strace writes its counts when the service has ended.
COUNTS_SECONDS = 10
# Swift seeds its hashing anew in each process unless it is told not to.
DETERMINISTIC = {"SWIFT_DETERMINISTIC_HASHING": "1"}
# The first data cache that is counted, whatever the machine's is.
FIRST_CACHE_KIB = 32
# SelectableEventLoop.handleEvent, as the compiler writes its name.
EVENT_LOOP = "*SelectableEventLoopC06handle*"


def build_shim(bench, name):
    """One of the libraries in shim/, for `LD_PRELOAD`."""
    compiler = shutil.which("clang") or shutil.which("cc")
    if compiler is None:
        raise KitError("no C compiler: install clang or gcc")
    library = bench.folder / f"{name}.so"
    source = PERFORMANCE / f"shim/{name}.c"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


def counted(bench):
    """(environment that counts allocations, function that reads the count)."""
    path = bench.folder / "allocations"
    path.write_bytes(bytes(4096))

    def read():
        return struct.unpack("=Q", path.read_bytes()[:8])[0]
    library = build_shim(bench, "count_allocations")
    return {"LD_PRELOAD": str(library), "COUNT_ALLOCATIONS_IN": str(path)}, read


def allocations_each(read, run, hits):
    """What one more hit allocates: the difference of `run(2 * hits)` and `run(hits)`.

    A run before them makes what every later one finds made.
    """
    totals = []
    for count in (hits, hits, 2 * hits):
        before = read()
        run(count)
        totals.append(read() - before)
    if min(totals) < LEAST_ALLOCATIONS:
        raise KitError("the shim counted nothing: is the program linked statically, or was "
                       "LD_PRELOAD taken away?")
    return (totals[2] - totals[1]) / hits


def allocations(bench):
    """What one more hit allocates in the cache alone."""
    environment, read = counted(bench)
    probe = require(bench.simulate.parent / "cache-probe")

    def run(hits):
        subprocess.run([probe, str(hits)], env=environment, check=True, capture_output=True)
    return {"cache-hit-allocations": allocations_each(read, run, PROBE_HITS)}


def http_allocations(bench):
    """The same over HTTP, of the whole service."""
    environment, read = counted(bench)
    names, path = one_name(bench)
    with bench.serving([QUIET, *OPEN_LIMITS], None, names, environment) as server:
        def run(hits):
            bench.load(server, "--path", path, "--connections", 4, "--requests", hits,
                       "--duration", 60)
        return {"http-hit-allocations": round(allocations_each(read, run, HTTP_HITS), 2)}


def instructions(bench):
    """Instructions of one more hit in the cache: the same on every run."""
    probe = require(bench.simulate.parent / "cache-probe")
    totals = []
    for hits in (PROBE_HITS, 2 * PROBE_HITS):
        done = subprocess.run([*callgrind(), probe, str(hits)], capture_output=True, text=True,
                              timeout=120, env=os.environ | DETERMINISTIC)
        if done.returncode != 0:
            raise KitError(f"cache-probe exited with {done.returncode}")
        totals.append(collected(done.stderr))
    return {"cache-hit-instructions": round((totals[1] - totals[0]) / PROBE_HITS, 1)}


def http_instructions(bench):
    """Instructions in user space of one more hit over HTTP, in the service itself.

    Counted is what an event loop does for a socket, not what else the service does meanwhile.
    """
    log, binary = bench.folder / "callgrind", without_debug_information(bench)
    environment = DETERMINISTIC | {"LD_PRELOAD": str(build_shim(bench, "own_signal_mask"))}
    command = [*callgrind(), f"--log-file={log}", "--collect-atstart=no",
               f"--toggle-collect={EVENT_LOOP}", binary]
    totals = []
    for hits in (TRACED_HITS, 3 * TRACED_HITS):
        answer_traced(bench, command, hits, 4, environment)
        totals.append(collected(log.read_text(errors="replace")))
    a_hit = round((totals[1] - totals[0]) / (2 * TRACED_HITS))
    if a_hit < LEAST_INSTRUCTIONS:
        raise KitError(f"callgrind counted {a_hit} instructions a hit: is {EVENT_LOOP} still what "
                       "the event loop does for a socket, and never called by itself?")
    return {"http-hit-instructions": a_hit}


def system_calls(bench):
    """System calls of one more hit, in the whole service.

    On one connection without pipelining each hit is its own wake, read and write; with several, a
    wake is for as many as happen to be there.
    """
    if shutil.which("strace") is None:
        raise KitError("strace is missing: scripts/install-deps.sh strace")
    totals = []
    for hits in (CALLING_HITS, 5 * CALLING_HITS):
        log = bench.folder / f"strace-{hits}"
        # The service stays our child, and the tracer outlives its process group.
        command = ["strace", "-DD", "-f", "-q", "-c", "-U", "calls,name", "-o", log, bench.binary]
        answer_traced(bench, command, hits, 1)
        totals.append(calls_in(log))
    a_hit = round((totals[1] - totals[0]) / (4 * CALLING_HITS), 2)
    if a_hit < LEAST_CALLS:
        raise KitError(f"strace counted {a_hit} system calls a hit: has it lost the service?")
    return {"http-hit-system-calls": a_hit}


def calls_in(log, seconds=COUNTS_SECONDS):
    """The total that strace has written, or will have in a moment."""
    until = time.monotonic() + seconds
    while True:
        text = log.read_text(errors="replace") if log.exists() else ""
        found = re.search(r"^\s*(\d+)\s+total$", text, re.MULTILINE)
        if found:
            return int(found.group(1))
        if time.monotonic() > until:
            raise KitError(f"strace counted nothing: {text.strip()[-300:] or 'its log is empty'}")
        time.sleep(0.05)


def one_name(bench):
    """(names to import, the path of one of them)"""
    names = make_names(1000, bench.data)
    return names, "/resolve/" + name_of(names, 0)


def answer_traced(bench, command, hits, connections, environment=None):
    """Has a service that a tracer runs answer so many hits, from its start to its end."""
    names, path = one_name(bench)
    with bench.serving([QUIET, *OPEN_LIMITS], None, names, environment, command,
                       READY_SECONDS, STOP_SECONDS) as server:
        figures = bench.load(server, "--path", path, "--connections", connections,
                             "--requests", hits, "--duration", 120)
    if figures["answersInAll"] != hits:
        raise KitError(f"{figures['answersInAll']} of {hits} answers came in two minutes")


def require_valgrind():
    if shutil.which("valgrind") is None:
        raise KitError("valgrind is missing: scripts/install-deps.sh valgrind")


def callgrind():
    require_valgrind()
    return ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]


def collected(log):
    """The instructions that callgrind's log says it has counted."""
    return events(log)[0]


def events(log):
    """All that it has counted: instructions, then by --cache-sim loads, stores and misses."""
    found = re.search(r"Collected\s*: *(\d[\d ]*)", log)
    if found is None:
        raise KitError(f"callgrind failed: {log.strip()[-300:]}")
    return [int(number) for number in found.group(1).split()]


def in_function(bench, pattern, command):
    """(instructions, misses of the first data cache) of a program in one of its functions."""
    program = without_debug_information(bench, command[0])
    done = subprocess.run(
        [*callgrind(), "--cache-sim=yes", f"--D1={FIRST_CACHE_KIB << 10},8,64",
         "--collect-atstart=no",
         f"--toggle-collect={pattern}", program, *map(str, command[1:])],
        capture_output=True, text=True, timeout=300, env=os.environ | DETERMINISTIC | {
            "LD_PRELOAD": str(build_shim(bench, "own_signal_mask"))},
    )
    # Ir Dr Dw I1mr D1mr D1mw …
    counts = events(done.stderr)
    if done.returncode != 0 or len(counts) < 6 or counts[0] == 0:
        raise KitError(f"callgrind counted nothing in {pattern}: {done.stderr.strip()[-300:]}")
    return counts[0], counts[4] + counts[5]


def without_debug_information(bench, binary=None):
    """A copy of a program, the service, whose debug information callgrind cannot read."""
    strip = shutil.which("strip") or shutil.which("llvm-strip")
    if strip is None:
        raise KitError("no strip: install binutils")
    binary = Path(binary or bench.binary)
    copy = bench.folder / binary.name
    subprocess.run([strip, "-g", "-o", copy, binary], check=True)
    return copy
