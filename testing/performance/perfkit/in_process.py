"""The hit in process: nanoseconds by distribution and threads, and what it allocates."""

import json
import subprocess

from .bench_run import KitError, table
from .counted import FIRST_CACHE_KIB, allocations_each, counted, in_function, require_valgrind

# The largest is what the target is about; the first fits into many a core's own second cache.
SIZES = (1000, 10_000, 100_000)
HITS = 2_000_000
# Filling allocates now one more, now one less for each answer, as its tasks happen to be scheduled:
# few answers and many hits keep that below what is told, a thousandth of an allocation a hit.
COUNTED_ENTRIES, COUNTED_HITS = 100, 400_000
# Misses are counted under valgrind, which is slow: few answers, that do not fit into a first cache.
MISSED_ENTRIES, MISSED_HITS = 400, 20_480
# HitProbe.ask, as the compiler writes its name: what is timed, and nothing else.
TIMED = "*HitProbeV3ask*"
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


def misses(bench):
    """{order: (instructions, lines that miss the first cache)} of a hit."""
    return {name: [count / MISSED_HITS for count in in_function(
        bench, TIMED, [bench.hit_probe, MISSED_ENTRIES, MISSED_HITS, name])] for name, _ in ORDERS}


def spread(rounds, name):
    values = [one[name] for one in rounds]
    return f"{min(values)} to {max(values)}"


def run(bench):
    if not bench.hit_probe.exists():
        raise KitError("hit-probe is missing: run `make perf-build`")
    # Before minutes of measuring, not after.
    require_valgrind()
    by_size = {size: [probe(bench, size, HITS) for _ in range(3)] for size in SIZES}
    largest = by_size[SIZES[-1]]
    data = {
        "rounds": by_size, "best": {name: min(one[name] for one in largest) for name in largest[0]},
        "allocations": allocations(bench), "misses": misses(bench),
    }
    return data | {"markdown": markdown(data)}


def markdown(data):
    cores = data["best"]["cores"]
    headings = ["a hit, ns", *(f"among {size:,}" for size in SIZES),
                f"{cores} threads at once, among {SIZES[-1]:,}",
                f"instructions, among {MISSED_ENTRIES}",
                f"lines that miss a cache of {FIRST_CACHE_KIB} KiB"]
    rows = [
        [title, *(spread(data["rounds"][size], f"{name}_1") for size in SIZES),
         spread(data["rounds"][SIZES[-1]], f"{name}_{cores}"),
         f"{data['misses'][name][0]:,.0f}", f"{data['misses'][name][1]:.1f}"]
        for name, title in ORDERS
    ]
    return table(headings, rows) + f"\n\nAllocations a hit: {abs(data['allocations']):.3f}."
