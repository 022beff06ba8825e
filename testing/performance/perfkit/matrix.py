"""Throughput and latency by configuration: RAM, spill, durable index, DHT, logs on and off."""

import contextlib

from .bench_run import (
    LOGGED, OPEN_LIMITS, QUIET, KitError, Skipped, make_dht_names, make_names, note, table,
)

NAMES = 10_000
DHT_NAMES = 100
HIT_RATE, MISS_RATE = 5000, 1000
# A client asks one node only so often, so lookups a second are bounded by the network's size.
DHT_NODES, LOOKUP_RATE = 500, 20
MISSES = ["--distribution", "uniform", "--fresh", "1"]


def measure(bench, server, names, rate, load=()):
    """A fixed rate first, saturation second: its queues may take a while to empty."""
    common = ["--names", names, *load]
    paced = bench.load(server, *common, "--rate", rate, "--duration", bench.seconds)
    full = bench.load(server, *common, "--duration", bench.seconds)
    return full, paced


def row(name, rate, full, paced):
    latency = paced["latency"]
    return {
        "configuration": name, "per_second": full["perSecond"], "cpu_us": full["cpu_us"],
        "full_p99": full["latency"]["p99"], "rate": rate, "p50": latency["p50"],
        "p95": latency["p95"], "p99": latency["p99"], "hit_share": paced["hitShare"],
        "spectrum": paced["spectrum"], "errors": full["errors"] + paced["errors"],
        "throttled": full["throttled"] + paced["throttled"],
        "commands": [full["command"], paced["command"]],
    }


def local_plans(store):
    """(name, store, arguments, load) of the configurations that need nothing but names."""
    return [
        ("RAM alone, request log", None, LOGGED, []),
        ("RAM alone", None, [QUIET], []),
        ("RAM over the durable index, request log", store, LOGGED, []),
        ("RAM over the durable index", store, [QUIET], []),
        ("durable index, every answer (`fresh`)", store, [QUIET], MISSES),
        ("index in memory, every answer (`fresh`)", None, [QUIET], MISSES),
    ]


def local_rows(bench):
    names = make_names(NAMES, bench.data)
    store = bench.folder / "store"
    bench.import_file(names, store)
    warm = ["--names", names, "--distribution", "each"]
    for name, where, arguments, load in local_plans(store):
        with bench.serving([*arguments, *OPEN_LIMITS], where, names) as server:
            bench.load(server, *warm)
            rate = MISS_RATE if load else HIT_RATE
            full, paced = measure(bench, server, names, rate, load)
        note(f"matrix: {name}: {full['perSecond']:,.0f} requests/s")
        yield row(name, rate, full, paced)


def spill_row(bench):
    if "spill.enabled" not in bench.settings:
        raise Skipped("RAM + spill: this build has no spill.enabled")
    names = make_names(NAMES, bench.data)
    store = bench.folder / "store"
    # A tenth fits in RAM, so most answers come from the spill or go there.
    arguments = [QUIET, "--spill-enabled=true", f"--cache-entries={NAMES // 10}", *OPEN_LIMITS]
    load = ["--distribution", "uniform"]
    with bench.serving(arguments, store) as server:
        bench.load(server, "--names", names, "--distribution", "each")
        full, paced = measure(bench, server, names, MISS_RATE, load)
    return row("RAM + spill, a tenth of the names in RAM", MISS_RATE, full, paced)


@contextlib.contextmanager
def dht_service(bench):
    """A service in a DHT of DHT_NODES nodes, which alone know its names' providers; and names."""
    lines, cids = make_dht_names(DHT_NAMES, bench.data)
    store = bench.folder / "dht-store"
    if not store.exists():
        bench.import_file(lines, store)
    with bench.testnet(DHT_NODES) as (bootstrap, _):
        bench.announce(cids.read_text().split(), bootstrap)
        arguments = [QUIET, f"--dht-bootstrap={bootstrap}", "--dht-bind=127.0.0.1:0", *OPEN_LIMITS]
        with bench.serving(arguments, store) as server:
            bench.load(server, "--names", lines, "--distribution", "each")
            yield server, lines


def dht_rows(bench):
    with dht_service(bench) as (server, lines):
        full, paced = measure(bench, server, lines, HIT_RATE)
        yield row("RAM, DHT behind it, providers announced", HIT_RATE, full, paced)
        load = [*MISSES, "--connections", 16]
        full, paced = measure(bench, server, lines, LOOKUP_RATE, load)
        yield row("DHT, every answer (`fresh`)", LOOKUP_RATE, full, paced)


def run(bench):
    rows, skipped = list(local_rows(bench)), []
    for part in (lambda: [spill_row(bench)], lambda: dht_rows(bench)):
        try:
            rows.extend(part())
        except Skipped as reason:
            skipped.append(str(reason))
            note(f"matrix: skipped: {reason}")
        except KitError as error:
            skipped.append(str(error))
            note(f"matrix: {error}")
    return {"rows": rows, "skipped": skipped, "markdown": markdown(rows, skipped)}


def markdown(rows, skipped):
    headings = ["configuration", "requests/s", "CPU µs", "p99 ms at that", "fixed rate", "p50 ms",
                "p95", "p99", "hits %"]
    cells = [
        [r["configuration"], f"{r['per_second']:,.0f}", f"{r['cpu_us']:.1f}",
         f"{r['full_p99']:.2f}", f"{r['rate']:,}", f"{r['p50']:.2f}",
         f"{r['p95']:.2f}", f"{r['p99']:.2f}", f"{r['hit_share'] * 100:.0f}"]
        for r in rows
    ]
    text = table(headings, cells)
    return text + "".join(f"\n\nNot measured: {reason}." for reason in skipped)
