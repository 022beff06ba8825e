"""Measures what the gate checks; each function returns {check: figure}."""

import json
import math
import subprocess
from pathlib import Path

from . import checks, in_process, memory, peers
from .counted import (
    allocations, http_allocations, http_instructions, instructions, system_calls,
)
from .bench_run import ERRORS, KitError, note, require
from .labels import labels

# Many short pairs: what disturbs one of them does not move the median.
PAIRS = 25
PAIR_SECONDS = 0.5
PAIR_WARM_UP = 0.2
# Runs of a part whose figures depend on what else the machine does; the best of them counts.
ATTEMPTS = 3
# Enough that what the allocator keeps for itself is a small part.
ANSWERS = 50_000
SIMULATION = ["hedging", "--nodes", "300", "--lookups", "300", "--seed", "1", "--no-bars"]


def simulate(bench):
    """Virtual time: the same on every machine, to the last digit."""
    require(bench.simulate)
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
    """Medians of the ratios to nginx of runs in turn."""
    ours = peers.run(bench, everything=False, rounds=PAIRS, seconds=PAIR_SECONDS,
                     warm_up=PAIR_WARM_UP)["rows"][1]
    return {"ram-hit-throughput-to-nginx": ours["ratio"],
            "ram-hit-cpu-to-nginx": ours["cpu_ratio"],
            "ram-hit-p95-to-nginx": ours["p95_ratio"]}


def resident(bench):
    return {"resident-idle-kib": memory.idle(bench),
            "resident-per-answer-bytes": memory.answers(bench, ANSWERS)["resident"]}


def resolver_hits(bench):
    require(bench.hit_probe)
    return {"resolver-hit-allocations": round(abs(in_process.allocations(bench)), 3)}


def attempt(part, bench):
    try:
        return part(bench)
    except ERRORS as error:
        note(f"gate: {part.__name__}: {error}")
        return {}


STEADY = (simulate, labels, allocations, resolver_hits, http_allocations, instructions,
          http_instructions, system_calls)
TIMED = (resident, beside_nginx)
PARTS = tuple(part.__name__.replace("_", "-") for part in (*STEADY, *TIMED))


def measure_all(bench, baselines, parts=PARTS):
    """Every figure; what is timed is measured again while it fails or is not there.

    A busy machine moves a ratio either way, and a gate that fails for that is not believed: the
    best of the attempts counts. What is small enough to hide in it shows in the counts.
    """
    def chosen(all_of_them):
        return [part for part in all_of_them if part.__name__.replace("_", "-") in parts]
    found = {}
    for part in chosen(STEADY):
        found |= attempt(part, bench)
    for part in chosen(TIMED):
        figures = attempt(part, bench)
        for _ in range(1, ATTEMPTS):
            failing = checks.failing(figures, baselines)
            if figures and not failing:
                break
            note(f"gate: once more, for {', '.join(failing) or part.__name__}")
            figures = checks.best(figures, attempt(part, bench))
        found |= figures
    return found


def write_baselines(found, folder, is_slow=False):
    beside = {check.name for check in checks.CHECKS if check.part == "beside-nginx"}
    for name, value in found.items():
        if not math.isfinite(value):
            raise KitError(f"{name} is {value}: a baseline is a number")
        kind = checks.SLOW if is_slow and name in beside else ""
        (Path(folder) / f"{name}{kind}.txt").write_text(f"{round(value, 4):g}\n" if isinstance(
            value, float) and not name.startswith("simulate") else f"{value}\n")
