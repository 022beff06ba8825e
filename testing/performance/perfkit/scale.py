"""How cost grows with the number of names: import, start, resolve, memory, disk."""

import shutil

from .bench_run import HELD_UP, OPEN_LIMITS, QUIET, held_up, note, resident_kib, table
from .names import make_keys, make_names

RATE = 1000


def measure(bench, count):
    names = make_names(count, bench.data)
    keys = make_keys(names)
    store = bench.folder / f"scale-{count}"
    imported = bench.import_file(names, store)
    with bench.serving([QUIET, *OPEN_LIMITS], store) as server:
        ready, idle = server.ready_seconds, resident_kib(server)
        common = ["--names", keys, "--distribution", "uniform", "--fresh", "1"]
        paced = bench.load(server, *common, "--rate", RATE, "--duration", bench.seconds)
        full = bench.load(server, *common, "--duration", bench.seconds)
        after = resident_kib(server)
    disk = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
    shutil.rmtree(store)
    note(f"scale: {count:,} names done")
    return {
        "names": count, "import_rate": imported["rate"], "ready_ms": ready * 1000,
        "idle_mib": idle / 1024, "after_mib": after / 1024, "disk_bytes": disk / count,
        "p50": paced["latency"]["p50"], "p95": paced["latency"]["p95"],
        "p99": paced["latency"]["p99"], "processor": paced["processor"],
        "per_second": full["perSecond"], "cpu_us": full["cpu_us"],
    }


def run(bench, counts):
    rows = [measure(bench, count) for count in counts]
    growth = rows[-1]["cpu_us"] / rows[0]["cpu_us"]
    return {"rows": rows, "growth": growth, "markdown": markdown(rows)}


def markdown(rows):
    headings = ["names", "import/s", "ready ms", "idle MiB", "MiB after load", "disk B a name",
                f"p50 ms at {RATE:,}/s", "p95", "p99", *HELD_UP, "requests/s", "CPU µs"]
    cells = [
        [f"{r['names']:,}", f"{r['import_rate']:,.0f}", f"{r['ready_ms']:.0f}",
         f"{r['idle_mib']:.0f}", f"{r['after_mib']:.0f}", f"{r['disk_bytes']:,.0f}",
         f"{r['p50']:.2f}", f"{r['p95']:.2f}", f"{r['p99']:.2f}", *held_up(r["processor"]),
         f"{r['per_second']:,.0f}", f"{r['cpu_us']:.1f}"] for r in rows
    ]
    return table(headings, cells)
