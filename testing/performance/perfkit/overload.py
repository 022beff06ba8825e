"""Four times as many misses as the service can answer, beside RAM hits at a modest rate.

Twice: where the DHT bounds the misses, as in service, and where nothing but the processor does,
which service and generators share: there even refusals are more than two cores can make.
"""

import concurrent.futures
import json
import os
import re
import subprocess
import time

import service

from .bench_run import QUIET, KitError, held_up, metrics, note, resident_kib, table
from .names import make_dht_names, make_names, name_of

NAMES = 10_000
DHT_NAMES, DHT_NODES = 20_000, 500
# A lookup of what nobody announced takes long: a few at once are all that the network bears.
DHT_LIMITS = ["--limits-running=64", "--limits-waiting=64"]
MISSES = ["--distribution", "uniform", "--fresh", "1"]
HIT_RATE = 1000
FACTOR = 4
# Until the misses have come up to their rate; the hits have connected before.
HEAD_START, RAMP_SECONDS = 0.3, 2
# More than may run and wait, so that the gate must refuse; all of them from one address.
CONNECTIONS = 3000
LIMITS = [
    QUIET, "--http-max-connections=8192", "--http-max-connections-per-address=8192",
]


def hits(bench, server, path, meanwhile=lambda: None):
    """Hits out of RAM, measured after a ramp; `meanwhile` is called once they are connected."""
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        run = thread.submit(
            bench.load, server, "--path", path, "--rate", HIT_RATE, "--connections", 16,
            "--warm-up", HEAD_START + RAMP_SECONDS, "--duration", bench.seconds,
            "--max-throttled-share", 0, "--max-unsent-share", 1,
        )
        time.sleep(HEAD_START)
        meanwhile()
        return run.result()


def start_misses(bench, server, names, rate):
    command = [
        bench.load_binary, "--url", f"http://{service.HOST}:{server.port}", "--json",
        "--names", names, *MISSES, "--rate", round(rate),
        "--connections", CONNECTIONS, "--warm-up", 0.5,
        "--duration", bench.seconds + RAMP_SECONDS + 1,
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


def measure(bench, server, path, names):
    """The service at its capacity for these names, then the hits before, under and after."""
    service.get(server.port, path)
    full = bench.load(server, "--names", names, *MISSES, "--connections", 64, "--duration",
                      bench.seconds, "--max-throttled-share", 1, checked=False)
    capacity = full["perSecond"] * (1 - full["throttledShare"] - full["errorShare"])
    if capacity < 1:
        raise KitError(f"overload: nothing is answered: {full['status']}")
    calm = hits(bench, server, path)
    before, at_first = resident_kib(server), metrics(server)
    started = []
    loaded = hits(
        bench, server, path,
        lambda: started.append(start_misses(bench, server, names, FACTOR * capacity)),
    )
    process = started[0]
    during, at_last = resident_kib(server), metrics(server)
    printed, errors = process.communicate(timeout=120)
    if not printed:
        raise KitError(f"svc-index-load: {errors.strip()[-300:]}")
    misses = json.loads(printed)
    again = hits(bench, server, path)
    reasons = {name: value for name, value in at_last.items() if "rejected_total" in name}
    return {
        "capacity": capacity, "offered": FACTOR * capacity, "answered": misses["perSecond"],
        "status": misses["status"], "errors": misses["errors"],
        "refusals": misses["refusals"], "refusals_sent": misses["refusalsFromSending"],
        "unsent": misses["unsent"], "rejected": reasons,
        "before_mib": before / 1024, "during_mib": during / 1024,
        "hits": {"calm": calm["latency"], "loaded": loaded["latency"], "again": again["latency"]},
        "lag_ms": reached(at_first, at_last, "event_loop_lag_seconds", 0.99),
        "gate_ms": reached(at_first, at_last, "miss_gate_wait_seconds", 0.99),
        "processor": {"calm": calm["processor"], "loaded": loaded["processor"]},
        "hit_errors": loaded["errors"] + loaded["throttled"],
        "p99_ratio": loaded["latency"]["p99"] / calm["latency"]["p99"],
    }


def run(bench):
    names, (lines, _) = make_names(NAMES, bench.data), make_dht_names(DHT_NAMES, bench.data)
    store = bench.folder / "overload"
    for file in (names, lines):
        bench.import_file(file, store)
    path = "/resolve/" + name_of(names, 0)
    rows = []
    with bench.testnet(DHT_NODES) as (bootstrap, _):
        dht = [f"--dht-bootstrap={bootstrap}", "--dht-bind=127.0.0.1:0"]
        with bench.serving([*LIMITS, *DHT_LIMITS, *dht], store) as server:
            rows.append({"bound": "the DHT"} | measure(bench, server, path, lines))
    with bench.serving(LIMITS, store) as server:
        rows.append({"bound": "the processor"} | measure(bench, server, path, names))
    for row in rows:
        note(f"overload: by {row['bound']}: capacity {row['capacity']:,.0f} misses/s")
    return {"rows": rows, "markdown": markdown(rows)}


def markdown(rows):
    def times(latency):
        return f"{latency['p50']:.2f}, {latency['p99']:.2f}"
    lines = {
        "misses a second at capacity": lambda r: f"{r['capacity']:,.0f}",
        "offered, answered in any way": lambda r: f"{r['offered']:,.0f}, {r['answered']:,.0f}",
        "by status": lambda r: ", ".join(f"{k}: {v:,}" for k, v in sorted(r["status"].items())),
        "a refusal (429) p50, p99, ms, from when it was due": lambda r: times(r["refusals"]),
        "the same from when it was sent": lambda r: times(r["refusals_sent"]),
        f"RAM hits at {HIT_RATE:,}/s, p50, p99, ms, before": lambda r: times(r["hits"]["calm"]),
        "the same under it": lambda r: times(r["hits"]["loaded"]),
        "the same after it": lambda r: times(r["hits"]["again"]),
        "RAM hits that failed": lambda r: r["hit_errors"],
        "`event_loop_lag_seconds`, p99 at most, ms": lambda r: f"{r['lag_ms']:g}",
        "`miss_gate_wait_seconds`, p99 at most, ms": lambda r: f"{r['gate_ms']:g}",
        "a task waited for a core before, under it, % of the time": lambda r: ", ".join(
            held_up(r["processor"][when])[1] for when in ("calm", "loaded")),
        "resident before, under it, MiB":
            lambda r: f"{r['before_mib']:.0f}, {r['during_mib']:.0f}",
    }
    headings = ["what", *(f"misses bound by {row['bound']}" for row in rows)]
    return table(headings, [[what, *map(cell, rows)] for what, cell in lines.items()])
