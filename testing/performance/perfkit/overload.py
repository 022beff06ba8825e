"""Four times as many misses as the service can answer, beside RAM hits at a modest rate."""

import json
import os
import re
import subprocess
import time

import service

from .bench_run import QUIET, KitError, make_names, metrics, note, resident_kib, table
from .dedup import name_of

NAMES = 10_000
HIT_RATE = 1000
FACTOR = 4
# Until the misses have come up to their rate.
RAMP_SECONDS = 1
# More than may run and wait, so that the gate must refuse; all of them from one address.
CONNECTIONS = 3000
LIMITS = [
    QUIET, "--http-max-connections=8192", "--http-max-connections-per-address=8192",
    "--limits-lookups-per-second=1000000",
]


def hits(bench, server, path):
    return bench.load(
        server, "--path", path, "--rate", HIT_RATE, "--connections", 16,
        "--duration", bench.seconds, "--max-throttled-share", 0,
    )


def start_misses(bench, server, names, rate):
    command = [
        bench.load_binary, "--url", f"http://{service.HOST}:{server.port}", "--json",
        "--names", names, "--distribution", "uniform", "--fresh", "1", "--rate", round(rate),
        "--connections", CONNECTIONS, "--warm-up", 0.5,
        "--duration", bench.seconds + RAMP_SECONDS + 2,
        "--max-throttled-share", 1,
    ]
    # It must not take the processor from what is measured.
    return subprocess.Popen(
        ["nice", "-n", "10", *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=os.environ,
    )


def reached(before, after, name, share):
    """The bound, in ms, that this share of what a histogram took in between did not exceed."""
    counts = {}
    for key, value in after.items():
        bound = re.search(r'le="([^"]+)"', key)
        if bound and key.startswith(name + "_bucket{"):
            bound = float(bound.group(1).replace("+Inf", "inf"))
            counts[bound] = counts.get(bound, 0) + value - before.get(key, 0)
    total = max(counts.values(), default=0)
    return next((1000 * bound for bound in sorted(counts) if counts[bound] >= share * total), 0)


def run(bench):
    names = make_names(NAMES, bench.data)
    store = bench.folder / "store"
    bench.import_file(names, store)
    path = "/resolve/" + name_of(names, 0)
    with bench.serving(LIMITS, store) as server:
        service.get(server.port, path)
        full = bench.load(server, "--names", names, "--distribution", "uniform", "--fresh", "1",
                          "--duration", bench.seconds)
        capacity = full["perSecond"]
        calm = hits(bench, server, path)
        before, at_first = resident_kib(server), metrics(server)
        process = start_misses(bench, server, names, FACTOR * capacity)
        time.sleep(RAMP_SECONDS)
        loaded = hits(bench, server, path)
        during, at_last = resident_kib(server), metrics(server)
        printed, errors = process.communicate(timeout=120)
        if not printed:
            raise KitError(f"svc-index-load: {errors.strip()[-300:]}")
        misses = json.loads(printed)
        again = hits(bench, server, path)
        refused = metrics(server)
    note(f"overload: capacity {capacity:,.0f} misses/s")
    reasons = {name: value for name, value in refused.items() if "rejected_total" in name}
    data = {
        "capacity": capacity, "offered": FACTOR * capacity, "answered": misses["perSecond"],
        "status": misses["status"], "refusals": misses["refusals"], "errors": misses["errors"],
        "unsent": misses["unsent"], "rejected": reasons,
        "before_mib": before / 1024, "during_mib": during / 1024,
        "hits": {"calm": calm["latency"], "loaded": loaded["latency"], "again": again["latency"]},
        "lag_ms": reached(at_first, at_last, "event_loop_lag_seconds", 0.99),
        "gate_ms": reached(at_first, at_last, "miss_gate_wait_seconds", 0.99),
        "hit_errors": loaded["errors"] + loaded["throttled"],
        "p99_ratio": loaded["latency"]["p99"] / calm["latency"]["p99"],
    }
    return data | {"markdown": markdown(data)}


def markdown(data):
    times = data["hits"]
    rows = [
        ["misses a second at saturation", f"{data['capacity']:,.0f}"],
        ["misses a second offered, answered in any way",
         f"{data['offered']:,.0f}, {data['answered']:,.0f}"],
        ["by status", ", ".join(f"{k}: {v:,}" for k, v in sorted(data["status"].items()))],
        ["a refusal (429) p50, p99, ms, from when it was due",
         f"{data['refusals']['p50']:.2f}, {data['refusals']['p99']:.2f}"],
        [f"RAM hits at {HIT_RATE:,}/s, p50 and p99 ms, before",
         f"{times['calm']['p50']:.2f}, {times['calm']['p99']:.2f}"],
        ["the same under it", f"{times['loaded']['p50']:.2f}, {times['loaded']['p99']:.2f}"],
        ["the same after it", f"{times['again']['p50']:.2f}, {times['again']['p99']:.2f}"],
        ["RAM hits that failed", f"{data['hit_errors']}"],
        ["`event_loop_lag_seconds`, `miss_gate_wait_seconds` under it, p99 at most, ms",
         f"{data['lag_ms']:g}, {data['gate_ms']:g}"],
        ["resident before, under it, MiB",
         f"{data['before_mib']:.0f}, {data['during_mib']:.0f}"],
    ]
    return table(["what", "figure"], rows)
