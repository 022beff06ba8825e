"""Answers that come back from the spill: how long they take, and what else the disk does meanwhile.

So many names are asked for once, with room for a hundredth of them in RAM: the rest goes to the
spill. Then names are asked for at random at a fixed rate. Nearly every answer comes out of the
spill, goes to RAM, and sends another one back, so that reads and writes share the disk.
"""

import itertools
import time

from .bench_run import (
    HELD_UP, OPEN_LIMITS, QUIET, KitError, grew, held_up, metrics, note, table,
)
from .names import make_names

RATES = (500, 1000, 2000)
# Lines of one run of the generator while the spill is filled: each takes some ten seconds.
SLICE = 50_000
# Queued writes that do not fit are dropped: the fill is slower than what the disk takes.
FILL_RATE = 6000
LEAST_FILLED, LEAST_SHARE = 0.9, 0.85


def arguments(rows):
    return [
        QUIET, *OPEN_LIMITS, "--amnesia-enabled=false", "--spill-enabled=true",
        "--spill-max-bytes=8GiB", f"--cache-entries={max(1000, rows // 100)}",
        # Nothing ends while the spill is filled and measured.
        "--cache-default-ttl-s=3600", "--cache-max-ttl-s=3600",
    ]


def fill(bench, server, names, rows):
    """Asks for every name once; the entries that the spill has then."""
    part = bench.folder / "spill-names.ndjson"
    began, filled = time.monotonic(), 0
    with open(names, encoding="utf-8") as lines:
        while chunk := list(itertools.islice(lines, SLICE)):
            part.write_text("".join(chunk), encoding="utf-8")
            bench.load(server, "--names", part, "--distribution", "each", "--rate", FILL_RATE,
                       "--duration", 4 * SLICE / FILL_RATE)
            filled += len(chunk)
            note(f"spill: {filled:,} of {rows:,} names asked for, "
                 f"{metrics(server)['index_spill_entries']:,.0f} spilled")
    part.unlink()
    entries = metrics(server)["index_spill_entries"]
    if entries < LEAST_FILLED * rows:
        raise KitError(f"the spill kept {entries:,.0f} of {rows:,} answers: it drops at this pace")
    return entries, time.monotonic() - began


def measure(bench, server, names, rate):
    before = metrics(server)
    # Other names each time: those of the run before are in RAM now.
    paced = bench.load(server, "--names", names, "--distribution", "uniform", "--rate", rate,
                       "--seed", rate, "--duration", bench.seconds, checked=False)
    after = metrics(server)
    hits = grew(before, after, "index_spill_hits_total")
    asked = hits + grew(before, after, "index_spill_misses_total")
    in_all = asked + grew(before, after, "index_cache_hits_total")
    latency = paced["latency"]
    return {
        "rate": rate, "p50": latency["p50"], "p95": latency["p95"], "p99": latency["p99"],
        "per_second": paced["perSecond"], "cpu_us": paced["cpu_us"],
        "spill_share": hits / max(1, in_all),
        "misses": asked - hits, "from_ram": in_all - asked,
        "dropped": grew(before, after, "index_spill_dropped_total"),
        "failures": grew(before, after, "index_spill_failures_total"),
        "errors": paced["errors"], "throttled": paced["throttled"],
        "processor": paced["processor"],
        "spectrum": paced["spectrum"], "commands": [paced["command"]],
    }


def run(bench, rows):
    names = make_names(rows, bench.data)
    store = bench.folder / "spill-store"
    bench.import_file(names, store)
    with bench.serving(arguments(rows), store) as server:
        entries, seconds = fill(bench, server, names, rows)
        size = metrics(server)["index_spill_bytes"]
        found = [measure(bench, server, names, rate) for rate in RATES]
    for row in found:
        if row["spill_share"] < LEAST_SHARE:
            note(f"spill: at {row['rate']:,}/s only {row['spill_share']:.0%} of the answers came "
                 "out of the spill; the others were in RAM, or it was late")
    return {"rows": found, "asked": rows, "entries": entries, "bytes": size, "seconds": seconds,
            "markdown": markdown(found, entries, size)}


def markdown(found, entries, size):
    headings = ["fixed rate", "p50 ms", "p95", "p99", "out of the spill %", "CPU µs", "dropped",
                "late or failed", "errors", *HELD_UP]
    cells = [
        [f"{row['rate']:,}", f"{row['p50']:.2f}", f"{row['p95']:.2f}", f"{row['p99']:.2f}",
         f"{row['spill_share'] * 100:.0f}", f"{row['cpu_us']:.0f}", f"{row['dropped']:.0f}",
         f"{row['failures']:.0f}", row["errors"] + row["throttled"],
         *held_up(row["processor"])]
        for row in found
    ]
    return (f"{entries:,.0f} answers in the spill, {size / (1 << 20):,.0f} MiB.\n\n"
            + table(headings, cells))
