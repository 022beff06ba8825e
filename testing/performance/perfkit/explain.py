"""Says what a run's figures mean against the targets, and which metric and knob belong to each."""

import math

from . import report
from .matrix import UNHEDGED
from .peers import OPENDHT, VARNISH
from .profiles import PROFILES


def verdict(holds, what, figure, target, advice):
    text = f"{'holds ' if holds else 'MISSED'}  {what}: {figure} (target {target})"
    return text if holds else f"{text}\n        {advice}"


def explain_compare(data):
    by_name = {row["server"]: row for row in data["rows"]}
    ours = by_name["svc-index, out of RAM"]
    peers = [("nginx, static file", 1.0), (VARNISH, 1.4), (OPENDHT, 2.0)]
    for name, target in peers:
        if name not in by_name:
            yield f"unknown {name} was not measured"
            continue
        ratio = ours["per_second"] / by_name[name]["per_second"]
        by_time = by_name[name]["cpu_us"] / ours["cpu_us"]
        yield verdict(
            ratio >= target, f"RAM hits beside {name}",
            f"{ratio:.2f}, by processor time {by_time:.2f}", f">= {target}",
            "Compare CPU µs: if ours is higher, the hit path has grown (`perf record`); if not, "
            "the machine was busy. Metric process_cpu_seconds_total; knobs log.requests, "
            "http.event_loops.",
        )


def explain_tails(data):
    for row in data["rows"]:
        yield verdict(
            row["p99"]["ratio"] <= 1.1, f"p99 of RAM hits to nginx's, {row['load']}",
            f"{row['p99']['ratio']:.2f}", "<= 1, with 10 % for noise",
            "A tail without more CPU is queueing: fewer event loops than cores, or a busy "
            "neighbour.",
        )


def explain_matrix(data):
    for row in data["rows"]:
        if row["configuration"].endswith(UNHEDGED):
            continue
        hits = row["configuration"].startswith("RAM")
        target = 5 if "DHT, every" not in row["configuration"] else 200
        yield verdict(
            row["p95"] < target, f"p95, {row['configuration']}", f"{row['p95']:.2f} ms",
            f"< {target} ms",
            "Hits: request_latency_seconds against process_cpu_seconds_total, knob log.requests. "
            "Index: index_resolve_latency_seconds, knobs db.readers and db.page_cache_bytes. "
            "DHT: index_dht_lookup_ms and dht_queries_total, knobs dht.alpha, dht.beta, "
            "dht.hedge_ms.",
        )
        if hits and "spill" not in row["configuration"]:
            yield verdict(
                row["hit_share"] > 0.8, f"hit share, {row['configuration']}",
                f"{row['hit_share'] * 100:.0f} %", "> 80 %",
                "index_cache_entries at cache.entries, or index_cache_bytes at cache.max_bytes: "
                "raise that one; otherwise lives are short: cache.default_ttl_s.",
            )


def explain_dedup(data):
    for row in data["rows"]:
        yield verdict(
            row["caused"] == 1, f"{row['requests']} at once, {row['configuration']}",
            f"{row['caused']:.0f} lookups", "1",
            "index_coalesced_total should count the others; rejected_total{over_capacity} says "
            "that limits.waiting was full.",
        )


def explain_memory(data):
    figures = data["figures"]
    yield verdict(
        figures["idle_kib"] < 60 * 1024, "idle", f"{figures['idle_kib'] / 1024:.0f} MiB",
        "< 60 MiB", "db.page_cache_bytes and db.readers are what an idle process holds.",
    )
    yield verdict(
        figures["beyond_body"] <= 200, "an answer without its body",
        f"{figures['beyond_body']:.0f} B", "<= 200 B",
        "index_cache_bytes is what the cache counts; the rest is the allocator and the answer's "
        "object. Knobs cache.entries and cache.max_bytes.",
    )
    yield verdict(
        figures["full"]["mib"] <= 1024, f"{figures['full']['entries']:,.0f} answers in RAM",
        f"{figures['full']['mib']:.0f} MiB", "<= 1,024 MiB", "As above.",
    )


def explain_overload(data):
    for row in data["rows"]:
        where = f"misses bound by {row['bound']}"
        yield verdict(
            row["p99_ratio"] <= 2, f"p99 of RAM hits under four times the misses, {where}",
            f"{row['p99_ratio']:.2f} times", "<= 2 times",
            "miss_gate_wait_seconds and event_loop_lag_seconds say where they wait; knobs "
            "limits.running and http.event_loops. The generators share the cores: where the "
            "processor is the bound, refusals alone may take all of it.",
        )
        yield verdict(
            0 < row["refusals"]["p99"] < 10, f"a refusal, p99, {where}",
            f"{row['refusals']['p99']:.2f} ms", "< 10 ms",
            "rejected_total by reason; a refusal waits for the event loop alone.",
        )


def explain_spill(data):
    for row in data["rows"]:
        yield verdict(
            row["p95"] < 5, f"p95, {data['entries']:,.0f} answers spilled, {row['rate']:,}/s",
            f"{row['p95']:.2f} ms", "< 5 ms",
            "index_spill_failures_total counts reads that were late; a slow disk wants another "
            "place (spill.path), a busy one a larger RAM (cache.max_bytes).",
        )


def explain_scale(data):
    rows = data["rows"]
    last = rows[-1]
    yield verdict(
        last["p95"] < 5, f"index, {last['names']:,} names, p95", f"{last['p95']:.2f} ms", "< 5 ms",
        "index_resolve_latency_seconds; knobs db.page_cache_bytes and db.readers.",
    )
    yield verdict(
        last["import_rate"] >= 50_000, "import", f"{last['import_rate']:,.0f} names/s",
        ">= 50,000", "The disk's flushes and the processor share it: db.synchronous, a quiet "
        "machine.",
    )
    yield verdict(last["ready_ms"] < 300, "start to ready", f"{last['ready_ms']:.0f} ms",
                  "< 300 ms", "The log names the slow step of the start.")
    yield verdict(last["idle_mib"] < 60, "idle with that store", f"{last['idle_mib']:.0f} MiB",
                  "< 60 MiB", "db.page_cache_bytes.")
    if len(rows) > 1:
        allowed = math.log(last["names"]) / math.log(rows[0]["names"])
        growth = last["cpu_us"] / rows[0]["cpu_us"]
        yield verdict(
            growth <= allowed * 1.1, f"cost from {rows[0]['names']:,} to {last['names']:,} names",
            f"{growth:.2f} times", f"logarithm: {allowed:.2f}, with 10 % for noise",
            "More pages are read than the page cache holds: db.page_cache_bytes.",
        )


def explain_in_process(data):
    best = data["best"]
    yield verdict(
        best["zipf_1"] <= 250, "a hit in process under a Zipf law",
        f"{best['zipf_1']} ns (hot {best['hot_1']}, uniform {best['uniform_1']})", "<= 250 ns",
        "Loads that miss the processor's caches, if a hit among fewer answers is within it: what "
        "the hit touches (Cache/LRU.swift, OutcomeRecord).",
    )
    yield verdict(
        data["allocations"] < 0.01, "allocations a hit", f"{data['allocations']:.3f}", "0",
        "`ltrace -e malloc` or heaptrack on hit-probe says where.",
    )


def all_hold(folder):
    """Whether a run has missed no target."""
    return not any(line.startswith("MISSED") for line in explain(folder))


def explain_load(data):
    units = {"p95": " ms"}
    for row in data["rows"]:
        for name, bound in PROFILES[row["profile"]]["targets"].items():
            value = row["figures"]["latency"]["p95"] if name == "p95" else row["figures"][name]
            holds = value > bound if name == "hitShare" else value <= bound
            sign = ">" if name == "hitShare" else "<="
            yield verdict(
                holds, f"{row['profile']}, {name}", f"{value:.4g}{units.get(name, '')}",
                f"{sign} {bound}",
                "p95: request_latency_seconds by route. hitShare: index_cache_* and cache.entries. "
                "throttledShare: rejected_total{over_capacity}, limits.* and ratelimit.*. "
                "unsentShare: inflight_requests, event_loop_lag_seconds.",
            )
        figures = row["figures"]
        missing = figures.get("missing", 0)
        if missing > figures.get("answers", 0) / 2:
            yield (f"{row['profile']}: {missing:,} of {figures['answers']:,} answers "
                   "were 404: the service does not have these names; give --names what was "
                   "imported into it")


EXPLAINERS = {
    "compare": explain_compare, "tails": explain_tails, "matrix": explain_matrix,
    "dedup": explain_dedup, "memory": explain_memory, "overload": explain_overload,
    "spill": explain_spill, "scale": explain_scale, "load": explain_load, "profiles": explain_load,
    "in-process": explain_in_process,
}


def explain(folder):
    """The lines for people, one paragraph a part."""
    lines = []
    for part, data in report.read(folder).items():
        if part in EXPLAINERS:
            with report.reading(folder, part):
                lines += ["", report.TITLES[part], *EXPLAINERS[part](data)]
    return lines[1:]
