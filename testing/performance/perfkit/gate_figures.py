"""Measures what the gate checks; each function returns {check: figure}."""

import json
import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import service

from . import PERFORMANCE, checks, memory, peers
from .bench_run import OPEN_LIMITS, QUIET, KitError, make_names, metrics, note
from .dedup import name_of

ROUNDS = 5
# Runs of a part whose figures depend on what else the machine does; the best of them counts.
ATTEMPTS = 3
# Enough that what the allocator keeps for itself is a small part.
ANSWERS = 50_000
PROBE_HITS = 50_000
HTTP_HITS = 20_000
SIMULATION = ["hedging", "--nodes", "300", "--lookups", "300", "--seed", "1", "--no-bars"]


def simulate(bench):
    """Virtual time: the same on every machine, to the last digit."""
    done = subprocess.run([bench.simulate, *SIMULATION], capture_output=True, text=True, timeout=60)
    found = {}
    for line in done.stdout.splitlines():
        name, _, rest = line.partition(": ")
        beta = {"beta 0": "without-hedging", "hedged": "hedged"}.get(name)
        if beta and rest.startswith("{"):
            figures = json.loads(rest)
            found[f"simulate-{beta}-p50-ms"] = figures["first_provider_ms"]["p50"]
            found[f"simulate-{beta}-p95-ms"] = figures["first_provider_ms"]["p95"]
            found[f"simulate-{beta}-queries"] = figures["queries_mean"]
    if not found:
        raise KitError(f"dht-simulate said nothing of use: {done.stderr.strip()[-200:]}")
    return found


def beside_nginx(bench):
    rows = peers.run(bench, everything=False, rounds=ROUNDS)["rows"]
    ours = rows[1]
    return {"ram-hit-throughput-to-nginx": ours["best_ratio"],
            "ram-hit-cpu-to-nginx": ours["best_cpu_ratio"],
            "ram-hit-p95-to-nginx": ours["best_p95_ratio"]}


def resident(bench):
    return {"resident-idle-kib": memory.idle(bench),
            "resident-per-answer-bytes": memory.answers(bench, ANSWERS)["resident"]}


def build_shim(bench):
    compiler = shutil.which("clang") or shutil.which("cc")
    if compiler is None:
        raise KitError("no C compiler: install clang or gcc")
    library = bench.folder / "count.so"
    source = PERFORMANCE / "shim/count_allocations.c"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


def counted(bench, library):
    """(environment that counts allocations, function that reads the count)."""
    path = bench.folder / "allocations"
    path.write_bytes(bytes(4096))

    def read():
        return struct.unpack("=Q", path.read_bytes()[:8])[0]
    return {"LD_PRELOAD": str(library), "COUNT_ALLOCATIONS_IN": str(path)}, read


def allocations(bench):
    """What one more hit allocates, in the cache alone and over HTTP: differences of two runs."""
    library = build_shim(bench)
    environment, read = counted(bench, library)
    probe = bench.simulate.parent / "cache-probe"
    totals = []
    for hits in (PROBE_HITS, 2 * PROBE_HITS):
        before = read()
        subprocess.run([probe, str(hits)], env=environment, check=True, capture_output=True)
        totals.append(read() - before)
    if min(totals) < 1000:
        raise KitError("the shim counted nothing: is cache-probe linked statically?")
    in_cache = (totals[1] - totals[0]) / PROBE_HITS
    names = make_names(1000, bench.data)
    path = "/resolve/" + name_of(names, 0)
    totals = []
    with bench.serving([QUIET, *OPEN_LIMITS], None, names, environment) as server:
        for hits in (HTTP_HITS, HTTP_HITS, 2 * HTTP_HITS):
            before = read()
            bench.load(server, "--path", path, "--connections", 4, "--requests", hits,
                       "--duration", 60)
            totals.append(read() - before)
    over_http = (totals[2] - totals[1]) / HTTP_HITS
    return {"cache-hit-allocations": in_cache, "http-hit-allocations": round(over_http, 2)}


def instructions(bench):
    """Instructions of one more hit in the cache, under callgrind: the same on every run.

    Swift seeds its hashing anew in each process unless it is told not to.
    """
    environment = os.environ | {"SWIFT_DETERMINISTIC_HASHING": "1"}
    if shutil.which("valgrind") is None:
        raise KitError("valgrind is missing: scripts/install-deps.sh valgrind")
    probe = bench.simulate.parent / "cache-probe"
    totals = []
    for hits in (PROBE_HITS, 2 * PROBE_HITS):
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", probe, str(hits)],
            capture_output=True, text=True, timeout=120, env=environment,
        )
        found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
        if found is None:
            raise KitError(f"callgrind failed: {done.stderr.strip()[-300:]}")
        totals.append(int(found.group(1)))
    return {"cache-hit-instructions": round((totals[1] - totals[0]) / PROBE_HITS, 1)}


def labels(bench):
    """How many series or label values a thousand new keys make."""
    names = make_names(1000, bench.data)
    with bench.serving([QUIET, *OPEN_LIMITS], None, names) as server:
        service.get(server.port, "/resolve/" + name_of(names, 0))
        service.get(server.port, "/resolve/nobody-has-this")
        for path in ("/nowhere", "/resolve/b3:x"):
            service.get(server.port, path)
        before = set(metrics(server))
        bench.load(server, "--names", names, "--distribution", "each")
        bench.load(server, "--mix", "unknown=1", "--requests", 1000, "--duration", 20)
        new = set(metrics(server)) - before
    for name in sorted(new):
        note(f"labels: new: {name}")
    return {"metrics-new-label-values": len(new)}


def attempt(part, bench):
    try:
        return part(bench)
    except (KitError, service.ServerError, OSError, subprocess.SubprocessError) as error:
        note(f"gate: {part.__name__}: {error}")
        return {}


def measure_all(bench, baselines):
    """Every figure; what is timed is measured again while it is worse than its baseline allows.

    A machine that is busy makes a figure worse and never better: the best attempt is the one that
    was disturbed least, and a regression is there in every one of them.
    """
    found = {}
    for part in (simulate, labels, allocations, instructions):
        found |= attempt(part, bench)
    for part in (resident, beside_nginx):
        figures = attempt(part, bench)
        for _ in range(1, ATTEMPTS):
            failing = checks.failing(figures, baselines)
            if not failing:
                break
            note(f"gate: once more, for {', '.join(failing)}")
            figures = checks.best(figures, attempt(part, bench))
        found |= figures
    return found


def write_baselines(found, folder):
    Path(folder).mkdir(exist_ok=True)
    for name, value in found.items():
        (Path(folder) / f"{name}.txt").write_text(f"{round(value, 4):g}\n" if isinstance(
            value, float) and not name.startswith("simulate") else f"{value}\n")
