"""Throughput, latency and resources by configuration: RAM, spill, index, DHT, logs, profiles."""

import contextlib

from .bench_run import (
    ERRORS, HELD_UP, LOGGED, OPEN_LIMITS, QUIET, KitError, Skipped, held_up, note, resident_kib,
    table, watched_descriptors,
)
from .names import make_dht_names, make_names

NAMES = 10_000
DHT_NAMES = 100
HIT_RATE, MISS_RATE = 5000, 1000
# A client asks one node only so often, so lookups a second are bounded by the network's size.
DHT_NODES, LOOKUP_RATE = 500, 20
# At so few a second a tail takes a while to be seen.
LOOKUP_SECONDS = 40
# Those of a tail: each holds its answers back for 400 ms.
LATE_NODES = DHT_NODES // 5
MISSES = ["--distribution", "uniform", "--fresh", "1"]


def measure(bench, server, name, names, rate, load=(), seconds=None):
    """One row: a fixed rate first, saturation second: its queues may take a while to empty.

    `seconds` is how long the fixed rate is kept up, where that is not as long as saturation.
    """
    common = ["--names", names, *load]
    with watched_descriptors(server) as descriptors:
        paced = bench.load(server, *common, "--rate", rate,
                           "--duration", seconds or bench.seconds)
        full = bench.load(server, *common, "--duration", bench.seconds)
    note(f"matrix: {name}: {full['perSecond']:,.0f} requests/s")
    return row(name, rate, full, paced) | {
        "resident_mib": resident_kib(server) / 1024,
        "most_resident_mib": resident_kib(server, "VmHWM") / 1024,
        "descriptors": descriptors[0],
    }


def row(name, rate, full, paced):
    latency = paced["latency"]
    status = {code: full["status"].get(code, 0) + paced["status"].get(code, 0)
              for code in sorted({*full["status"], *paced["status"]})}
    return {
        "configuration": name, "per_second": full["perSecond"], "cpu_us": full["cpu_us"],
        "full_p99": full["latency"]["p99"], "rate": rate, "p50": latency["p50"],
        "p95": latency["p95"], "p99": latency["p99"], "hit_share": paced["hitShare"],
        "processor": paced["processor"], "status": status, "spectrum": paced["spectrum"],
        "errors": full["errors"] + paced["errors"],
        "throttled": full["throttled"] + paced["throttled"],
        "commands": [full["command"], paced["command"]],
    }


LATE = "DHT, every answer (`fresh`), a fifth of the nodes late"
# To compare with, and without a target.
UNHEDGED = ", without hedging"
# Answers that no longer fit in RAM go to disk.
SPILL = ["--amnesia-enabled=false", "--spill-enabled=true"]


def local_plans(store):
    """(name, store, arguments, load) of the configurations that need nothing but names."""
    return [
        ("RAM alone, request log", None, LOGGED, []),
        ("RAM alone", None, [QUIET], []),
        ("RAM over the durable index, request log", store, LOGGED, []),
        ("RAM over the durable index", store, [QUIET], []),
        ("durable index, every answer (`fresh`)", store, [QUIET], MISSES),
        ("index in memory, every answer (`fresh`)", None, [QUIET], MISSES),
        ("RAM alone, micronode's defaults", None, ["--profile=micronode"], []),
        # Its DHT has nobody to join by, and one client address is all that the generator has.
        ("RAM over the durable index, macronode's defaults", store,
         ["--profile=macronode", "--dht-mode=off", "--ratelimit-enabled=false"], []),
    ]


def local_rows(bench):
    names = make_names(NAMES, bench.data)
    store = bench.folder / "store"
    bench.import_file(names, store)
    warm = ["--names", names, "--distribution", "each"]
    for name, where, arguments, load in local_plans(store):
        with bench.serving([*arguments, *OPEN_LIMITS], where, names) as server:
            bench.load(server, *warm)
            yield measure(bench, server, name, names, MISS_RATE if load else HIT_RATE, load)


def spill_plans(store, directory):
    """The same of a spill: where the index lies, and where the spill does if not beside it."""
    return [
        ("RAM + spill, a tenth of the names in RAM", store, [QUIET, *SPILL], []),
        ("RAM + spill, a tenth of the names in RAM, request log", store, [*LOGGED, *SPILL], []),
        ("RAM + spill over an index in memory, a tenth of the names in RAM", None,
         [QUIET, *SPILL, f"--spill-path={directory}"], []),
    ]


def spill_rows(bench):
    if "spill.enabled" not in bench.settings:
        raise Skipped("RAM + spill: this build has no spill.enabled")
    names = make_names(NAMES, bench.data)
    for name, where, arguments, _ in spill_plans(bench.folder / "store", bench.folder / "spill"):
        # A tenth fits in RAM, so most answers come from the spill or go there.
        arguments = [*arguments, f"--cache-entries={NAMES // 10}", *OPEN_LIMITS]
        with bench.serving(arguments, where, names) as server:
            bench.load(server, "--names", names, "--distribution", "each")
            yield measure(bench, server, name, names, MISS_RATE, ["--distribution", "uniform"])


@contextlib.contextmanager
def dht_network(bench, late=0):
    """DHT_NODES nodes that alone know the providers of names; (where to join it, the names).

    So many of them answer late.
    """
    lines, cids = make_dht_names(DHT_NAMES, bench.data)
    store = bench.folder / "dht-store"
    if not store.exists():
        bench.import_file(lines, store)
    with bench.testnet(DHT_NODES, late) as (bootstrap, _):
        bench.announce(cids.read_text().split(), bootstrap)
        yield bootstrap, lines


@contextlib.contextmanager
def dht_service(bench, network, arguments=(QUIET,)):
    """A service in such a network, which has asked for every name once."""
    bootstrap, lines = network
    arguments = [*arguments, f"--dht-bootstrap={bootstrap}", "--dht-bind=127.0.0.1:0"]
    with bench.serving([*arguments, *OPEN_LIMITS], bench.folder / "dht-store") as server:
        bench.load(server, "--names", lines, "--distribution", "each")
        yield server


def dht_rows(bench):
    def lookups(server, name, lines):
        load = [*MISSES, "--connections", 16]
        return measure(bench, server, name, lines, LOOKUP_RATE, load, LOOKUP_SECONDS)

    with dht_network(bench) as network:
        lines = network[1]
        for logs, arguments in (("", [QUIET]), (", request log", LOGGED)):
            with dht_service(bench, network, arguments) as server:
                name = "RAM, DHT behind it, providers announced" + logs
                yield measure(bench, server, name, lines, HIT_RATE)
                name = "DHT, every answer (`fresh`)" + logs
                yield lookups(server, name, lines)
    with dht_network(bench, LATE_NODES) as network:
        for how, arguments in (("", [QUIET]), (UNHEDGED, [QUIET, "--dht-beta=0"])):
            with dht_service(bench, network, arguments) as server:
                yield lookups(server, LATE + how, network[1])


def run(bench):
    rows, skipped = [], []
    for part in (local_rows, spill_rows, dht_rows):
        try:
            # One by one, so that a part that fails leaves the rows it has made.
            for found in part(bench):
                rows.append(found)
        except Skipped as reason:
            skipped.append(str(reason))
            note(f"matrix: skipped: {reason}")
        except ERRORS as error:
            skipped.append(str(error))
            note(f"matrix: {error}")
    if not rows:
        raise KitError("; ".join(skipped))
    return {"rows": rows, "skipped": skipped, "markdown": markdown(rows, skipped)}


def markdown(rows, skipped):
    headings = ["configuration", "requests/s", "CPU µs", "p99 ms at that", "fixed rate", "p50 ms",
                "p95", "p99", *HELD_UP, "hits %", "RSS MiB, at most", "descriptors", "by status"]
    cells = [
        [r["configuration"], f"{r['per_second']:,.0f}", f"{r['cpu_us']:.1f}",
         f"{r['full_p99']:.2f}", f"{r['rate']:,}", f"{r['p50']:.2f}",
         f"{r['p95']:.2f}", f"{r['p99']:.2f}", *held_up(r["processor"]),
         f"{r['hit_share'] * 100:.0f}",
         f"{r['resident_mib']:.0f}, {r['most_resident_mib']:.0f}", r["descriptors"],
         ", ".join(f"{code}: {count:,}" for code, count in r["status"].items())]
        for r in rows
    ]
    text = table(headings, cells)
    return text + "".join(f"\n\nNot measured: {reason}." for reason in skipped)
