"""The hit in process: nanoseconds by distribution and threads, and what it allocates."""

import json
import subprocess

from .bench_run import KitError, table
from .counted import allocations_each, counted

ENTRIES = 100_000
HITS = 2_000_000
# Filling allocates now one more, now one less for each answer, as its tasks happen to be scheduled:
# few answers and many hits keep that below what is told, a thousandth of an allocation a hit.
COUNTED_ENTRIES, COUNTED_HITS = 100, 400_000
ORDERS = (("hot", "one hot key"), ("zipf", "Zipf, exponent 1"), ("uniform", "uniformly at random"))


def probe(bench, entries, hits, environment=None):
    done = subprocess.run(
        [bench.hit_probe, str(entries), str(hits)], capture_output=True, text=True, timeout=300,
        env=environment,
    )
    if done.returncode != 0:
        raise KitError(f"hit-probe: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout)


def allocations(bench):
    """Of one more hit, over all distributions, on one thread and on one a core."""
    environment, read = counted(bench)
    found = []
    each = allocations_each(
        read, lambda hits: found.append(probe(bench, COUNTED_ENTRIES, hits, environment)),
        COUNTED_HITS,
    )
    return each / (len(ORDERS) * (1 + found[-1]["cores"]))


def run(bench):
    if not bench.hit_probe.exists():
        raise KitError("hit-probe is missing: run `make perf-build`")
    rounds = [probe(bench, ENTRIES, HITS) for _ in range(3)]
    best = {name: min(one[name] for one in rounds) for name in rounds[0]}
    worst = {name: max(one[name] for one in rounds) for name in rounds[0]}
    data = {"rounds": rounds, "best": best, "allocations": allocations(bench)}
    cores = best["cores"]
    headings = ["a hit among 100,000 answers", "one thread, ns", f"{cores} threads at once, ns"]
    rows = [
        [title, *(f"{best[f'{name}_{threads}']} to {worst[f'{name}_{threads}']}"
                  for threads in (1, cores))]
        for name, title in ORDERS
    ]
    text = table(headings, rows) + f"\n\nAllocations a hit: {abs(data['allocations']):.3f}."
    return data | {"markdown": text}
