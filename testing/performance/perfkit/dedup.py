"""Concurrent deduplication: N requests at once for one cold key, and the lookups they cause."""

import contextlib

from .bench_run import LOGGED, OPEN_LIMITS, QUIET, grew, metrics, note, table
from .names import make_dht_names, make_names, name_of

SIZES = (20, 200, 2000)
ROUNDS = 5


def configurations(bench, stack):
    """(name, lines, arguments, store) of each; the DHT's is a testnet that nobody announced to."""
    names = make_names(1000, bench.data)
    lines, _ = make_dht_names(1000, bench.data)
    store, dht_store = bench.folder / "dedup", bench.folder / "dedup-dht"
    bench.import_file(names, store)
    bench.import_file(lines, dht_store)
    bootstrap, _ = stack.enter_context(bench.testnet())
    dht = [f"--dht-bootstrap={bootstrap}", "--dht-bind=127.0.0.1:0"]
    spill = ["--amnesia-enabled=false", "--spill-enabled=true"]
    key, dht_key = (lambda n: name_of(names, n)), (lambda n: f"dht-{n}")
    return [
        ("index in memory", key, [QUIET], None, names),
        ("index in memory, request log", key, LOGGED, None, names),
        ("durable index", key, [QUIET], store, None),
        ("durable index, request log", key, LOGGED, store, None),
        ("durable index and spill", key, [QUIET, *spill], store, None),
        ("durable index and DHT", dht_key, [QUIET, *dht], dht_store, None),
        ("durable index and DHT, request log", dht_key, [*LOGGED, *dht], dht_store, None),
    ]


def measure(bench, server, key, size):
    before = metrics(server)
    figures = bench.load(
        server, "--path", f"/resolve/{key}", "--connections", size, "--requests", size
    )
    after = metrics(server)
    joined = grew(before, after, "index_coalesced_total")
    return {
        "answers": figures["answers"], "joined": joined,
        "from_ram": figures["hits"],
        "caused": grew(before, after, "index_resolve_latency_seconds_count"),
        "dht_lookups": grew(before, after, "index_dht_lookup_ms_count"),
        "p50": figures["latency"]["p50"], "p99": figures["latency"]["p99"],
        "max": figures["latency"]["max"],
    }


def run(bench):
    rows = []
    with contextlib.ExitStack() as stack:
        for name, key, arguments, store, lines in configurations(bench, stack):
            with bench.serving([*arguments, *OPEN_LIMITS], store, lines) as server:
                cold = iter(range(1000))
                for size in SIZES:
                    rounds = [measure(bench, server, key(next(cold)), size) for _ in range(ROUNDS)]
                    worst = max(rounds, key=lambda one: one["caused"])
                    worst["p99"] = max(one["p99"] for one in rounds)
                    rows.append({"configuration": name, "requests": size, **worst})
                    note(f"dedup: {name}, {size}: {worst}")
    return {"rows": rows, "markdown": markdown(rows)}


def markdown(rows):
    headings = ["configuration", "requests at once", "lookups caused", "joined", "out of RAM",
                "accuracy", "p50 ms", "p99 ms"]
    cells = []
    for r in rows:
        accuracy = 1 if r["requests"] == 1 else 1 - (r["caused"] - 1) / (r["requests"] - 1)
        cells.append([r["configuration"], f"{r['requests']:,}", f"{r['caused']:.0f}",
                      f"{r['joined']:.0f}", f"{r['from_ram']:.0f}", f"{accuracy * 100:.1f} %",
                      f"{r['p50']:.1f}", f"{r['p99']:.1f}"])
    return table(headings, cells)
