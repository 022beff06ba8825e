"""Concurrent deduplication: N requests at once for one cold key, and the lookups they cause.

Several rounds, each with a key of its own; a row of the table is one of them, the worst.
"""

import contextlib

from .bench_run import LOGGED, OPEN_LIMITS, QUIET, grew, metrics, note, table
from .matrix import SPILL
from .names import make_dht_names, make_names, name_of

SIZES = (20, 200, 2000)
ROUNDS = 5
NAMES = 1000


def plans(names, store, spill_path, dht_store, bootstrap):
    """(name, key of a number, arguments, store, lines to import over HTTP) of each configuration.

    Those of `matrix` that differ in what a cold key goes through, each with and without the log.
    """
    dht = [f"--dht-bootstrap={bootstrap}", "--dht-bind=127.0.0.1:0"]
    apart = [*SPILL, f"--spill-path={spill_path}"]
    kinds = [
        ("index in memory", [], None, names),
        ("durable index", [], store, None),
        ("index in memory and spill", apart, None, names),
        ("durable index and spill", SPILL, store, None),
        ("durable index and DHT", dht, dht_store, None),
    ]
    found = []
    for name, words, where, lines in kinds:
        def key(number, where=where):
            return f"dht-{number}" if where == dht_store else name_of(names, number)
        found.append((name, key, [QUIET, *words], where, lines))
        found.append((f"{name}, request log", key, [*LOGGED, *words], where, lines))
    return found


def configurations(bench, stack):
    """The plans with what they need; the DHT is a testnet that nobody announced to."""
    names = make_names(NAMES, bench.data)
    lines, _ = make_dht_names(NAMES, bench.data)
    store, dht_store = bench.folder / "dedup", bench.folder / "dedup-dht"
    bench.import_file(names, store)
    bench.import_file(lines, dht_store)
    bootstrap, _ = stack.enter_context(bench.testnet())
    return plans(names, store, bench.folder / "dedup-spill", dht_store, bootstrap)


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


def row(name, size, rounds):
    """The worst round, whole: of most lookups, and of as many, of the longest tail."""
    worst = max(rounds, key=lambda one: (one["caused"], one["p99"]))
    return {"configuration": name, "requests": size, **worst, "rounds": rounds}


def run(bench):
    rows = []
    # A key is cold for every configuration: the next may find what the last left on disk.
    cold = iter(range(NAMES))
    with contextlib.ExitStack() as stack:
        for name, key, arguments, store, lines in configurations(bench, stack):
            with bench.serving([*arguments, *OPEN_LIMITS], store, lines) as server:
                for size in SIZES:
                    rounds = [measure(bench, server, key(next(cold)), size) for _ in range(ROUNDS)]
                    rows.append(row(name, size, rounds))
                    note(f"dedup: {name}, {size}: lookups "
                         + ", ".join(f"{one['caused']:.0f}" for one in rounds))
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
    return table(headings, cells) + (f"\n\nA row is one of {ROUNDS} rounds, the one of most "
                                     "lookups, and of as many, of the highest p99.")
