"""The latency of RAM hits beside nginx's, in many short pairs, at saturation and below it.

A latency at saturation is what a closed loop makes of it: whoever answers sooner is asked more.
At a fixed rate both have the same to do, and latency counts from when a request was due.
"""

import contextlib
import statistics

from . import peers
from .bench_run import HELD_UP, held_up, note, table

# Many short pairs: what disturbs one of them does not move the median.
PAIRS = 15
WARM_UP = 0.2
PERCENTILES = ("p50", "p95", "p99")
# What a machine that stands still at the end leaves unsent counts with its waiting.
LOAD = ["--max-unsent-share", 1]
# Shares of what nginx answers without a pause.
SHARES = {"a quarter": 0.25, "half": 0.5}


def measure_pairs(bench, subjects, load=()):
    """[(nginx's figures, ours), …] of runs in turn."""
    seconds = min(1, bench.seconds)
    runs = peers.measure_all(bench, subjects, PAIRS, seconds, WARM_UP, [*LOAD, *load])
    return list(zip(*runs.values()))


def summarise(name, pairs):
    """Medians of both, and of the ratios within a pair with their quartiles."""
    row = {"load": name, "commands": [pairs[0][1]["command"]]}
    for percentile in PERCENTILES:
        both = [[one["latency"][percentile] for one in pair] for pair in pairs]
        ratios = statistics.quantiles([own / max(base, 1e-9) for base, own in both])
        row[percentile] = {"nginx": statistics.median(base for base, _ in both),
                           "ours": statistics.median(own for _, own in both), "ratio": ratios[1],
                           "quartiles": [ratios[0], ratios[2]]}
    row["rate_ratio"] = statistics.median(own["perSecond"] / base["perSecond"]
                                          for base, own in pairs)
    row["processor"] = {
        share: median_of(one["processor"][share] for pair in pairs for one in pair)
        for share in ("stolen", "waited")
    }
    return row


def median_of(values):
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def run(bench):
    with contextlib.ExitStack() as stack:
        subjects, _, _ = peers.start_subjects(bench, stack, False)
        pairs = measure_pairs(bench, subjects)
        rows = [summarise("no pause", pairs)]
        full = statistics.median(base["perSecond"] for base, _ in pairs)
        for name, share in SHARES.items():
            rate = round(share * full)
            note(f"tails: {rate:,} a second")
            pairs = measure_pairs(bench, subjects, ["--rate", rate])
            rows.append(summarise(f"{name} of nginx's rate, {rate:,}/s", pairs))
    return {"rows": rows, "markdown": markdown(rows)}


def markdown(rows):
    headings = ["load", "nginx p50 ms", "ours", "nginx p95", "ours", "nginx p99", "ours",
                "p50 ratio", "p95 ratio", "p99 ratio", "quartiles", "rate ratio", *HELD_UP]
    return table(headings, [
        [row["load"],
         *[f"{row[one][who]:.3f}" for one in PERCENTILES for who in ("nginx", "ours")],
         *[f"{row[one]['ratio']:.2f}" for one in PERCENTILES],
         " to ".join(f"{ratio:.2f}" for ratio in row["p99"]["quartiles"]),
         f"{row['rate_ratio']:.2f}", *held_up(row["processor"])]
        for row in rows
    ])
