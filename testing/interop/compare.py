#!/usr/bin/env python3
"""Our DHT client and libtorrent's own, with the same lookups on the same network at the same time.

    compare.py PROBE [--nodes N] [--rtt-ms MS] [--slow PART --slow-ms MS] [--silent PART] [--json F]

PROBE is a release build of `dht-probe`. The network is one of libtorrent nodes in a namespace of
its own. Both clients join it, warm up with the same lookups, and then take turns at each one: the
order alternates, so that the machine's moods meet both. Prints a table and the bars that were
missed. Exit codes: 0 all bars held, 1 one was missed, 2 usage.
"""

import argparse
import hashlib
import json
import math
import os
import random
import sys
import time
from pathlib import Path

from namespace import enter_namespace

PROVIDERS = 3
WARMING = 40
# What every lookup of ours has, as in the service.
DEADLINE_MS = 1200
# A finished get that libtorrent begins every so often: its own may take 15 s.
GAP_MS = 50
# How often all are looked up at once.
BURSTS = 5
# Below this a difference is the machine's.
NOISE_MS = 1.0
WORST_MS = 400
MESSAGES_RATIO = 1.3
GET_RATIO = 0.1


def quantile(times, part):
    """The nearest rank; None without times."""
    ordered = sorted(times)
    return round(ordered[max(0, math.ceil(part * len(ordered)) - 1)], 1) if ordered else None


def summary(results):
    """Quantiles of what was found, and how many were not."""
    times = [result["wall_ms"] for result in results if result["found"]]
    figures = {
        name: quantile(times, part)
        for name, part in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("worst", 1)]
    }
    return {"asked": len(results), "lost": len(results) - len(times), **figures}


class Side:
    """One of the two clients, and what it measured."""

    def __init__(self, name, client):
        self.name = name
        self.client = client
        self.first = []
        self.bursts = []
        self.figures = {}

    def warm(self, targets):
        for target in targets:
            self.client("peers", target=target, deadline_ms=DEADLINE_MS)

    def find(self, target, expected):
        answer = self.client("peers", target=target, deadline_ms=DEADLINE_MS)
        self.first.append(judged(answer, expected))

    def burst(self, expected):
        answer = self.client("burst", targets=list(expected), deadline_ms=DEADLINE_MS)
        results = [
            judged(result, providers)
            for result, providers in zip(answer["results"], expected.values(), strict=True)
        ]
        self.bursts.append(summary(results))


class Ours(Side):
    def find(self, target, expected):
        answer = self.client("peers", target=target, deadline_ms=DEADLINE_MS, trace=True)
        self.first.append(judged(answer, expected))

    def slowest(self, count):
        """The traces of the lookups that took longest."""
        ordered = sorted(self.first, key=lambda result: -result["wall_ms"])
        return [result["trace"] for result in ordered[:count]]

    def gets(self, expected):
        commands = [{"op": "get", "key": key, "deadline_ms": 30_000} for key in expected]
        answers = self.client.side_by_side(commands, GAP_MS / 1000)
        self.figures["get"] = newest(answers, expected)


class Theirs(Side):
    def warm(self, targets):
        # Its lookups without a result say nothing until they are over.
        self.client("burst", targets=targets)

    def gets(self, expected):
        answer = self.client("gets", keys=list(expected), gap_ms=GAP_MS)
        self.figures["get"] = newest(answer["results"], expected)


def judged(answer, expected):
    """A result counts when all that it names was announced."""
    got = set(answer.get("providers") or [])
    return {**answer, "found": bool(got) and got <= expected}


def median_burst(bursts):
    """The burst whose p99 is the median, and what was lost in all of them.

    In a burst a thousand sessions share two cores: one pause of the machine is the p99 of it.
    """
    ordered = sorted(bursts, key=lambda burst: burst["p99"] or math.inf)
    return {**ordered[len(ordered) // 2], "lost": sum(burst["lost"] for burst in bursts)}


def newest(answers, expected):
    return summary(
        [
            {**answer, "found": answer.get("seq") == sequence}
            for answer, sequence in zip(answers, expected.values(), strict=True)
        ]
    )


# The workload.


def announce_all(network, count, generator):
    """Providers of each info-hash."""
    expected = {}
    for number in range(count):
        info_hash = generator.randbytes(20)
        nodes = generator.sample(range(len(network.sessions)), PROVIDERS)
        providers = {network.announce(info_hash, 10_000 + number, node) for node in nodes}
        expected[info_hash.hex()] = providers
        # Many at once overrun the nodes' receive buffers.
        time.sleep(0.01)
    time.sleep(3)
    return expected


def put_all(network, probe, count, generator):
    """The sequence number of each public key."""
    expected = {}
    for number in range(count):
        seed = generator.randbytes(32)
        public = bytes.fromhex(probe("key", seed=seed.hex())["key"])
        node = generator.randrange(len(network.sessions))
        stored, sequence = network.put_mutable(
            expanded_key(seed), public, b"value %d" % number, b"", node
        )
        if not stored:
            raise SystemExit(f"item {number} was stored nowhere")
        expected[public.hex()] = sequence
    return expected


def expanded_key(seed):
    """The 64-byte form of an Ed25519 key that libtorrent wants (RFC 8032, 5.1.5)."""
    digest = bytearray(hashlib.sha512(seed).digest())
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    return bytes(digest)


# The measurement.


def measure(ours, theirs, hashes, items, generator, path_state):
    targets = [generator.randbytes(20).hex() for _ in range(WARMING)]
    for side in (ours, theirs):
        side.warm(targets)
    time.sleep(3)
    before = {side.name: side.client("status") for side in (ours, theirs)}
    for number, (target, providers) in enumerate(hashes.items()):
        for side in (ours, theirs) if number % 2 else (theirs, ours):
            side.find(target, providers)
            time.sleep(0.02)
    # libtorrent's lookups go on after the first provider, and their queries count.
    time.sleep(5)
    for side in (ours, theirs):
        status = side.client("status")
        side.figures["first"] = summary(side.first)
        sent = status["sent"] - before[side.name]["sent"]
        side.figures["messages"] = round(sent / len(hashes), 1)
        side.figures["contacts"] = before[side.name]["good"]
    for side in (ours, theirs):
        side.gets(items)
    for number in range(BURSTS):
        for side in (ours, theirs) if number % 2 else (theirs, ours):
            time.sleep(2)
            side.burst(hashes)
    for side in (ours, theirs):
        side.figures["burst"] = median_burst(side.bursts)
        side.figures["path"] = path_state()


def bars(ours, theirs):
    """Each bar: what it says, our figure, the limit, whether it holds."""
    first, other = ours["first"], theirs["first"]
    limits = [
        ("first provider: lost", first["lost"], 0),
        ("first provider p50, ms", first["p50"], other["p50"] + NOISE_MS),
        ("first provider p95, ms", first["p95"], other["p95"] + NOISE_MS),
        ("first provider worst, ms", first["worst"], WORST_MS),
        ("messages a lookup", ours["messages"], theirs["messages"] * MESSAGES_RATIO),
        ("finished get: lost", ours["get"]["lost"], 0),
        ("finished get p95, ms", ours["get"]["p95"], theirs["get"]["p95"] * GET_RATIO),
        ("burst: lost", ours["burst"]["lost"], 0),
        ("burst p99, ms", ours["burst"]["p99"], theirs["burst"]["p99"] + NOISE_MS),
    ]
    return [
        {"bar": name, "is": figure, "limit": round(limit, 1), "holds": figure <= limit}
        for name, figure, limit in limits
    ]


def print_table(ours, theirs):
    rows = [("first provider", "first"), ("finished mutable get", "get"), ("all at once", "burst")]
    print(f"{'':44}{'ours':>9}{'libtorrent':>12}")
    for title, key in rows:
        for name in ("p50", "p95", "p99", "worst", "lost"):
            unit = f" of {ours[key]['asked']}" if name == "lost" else ", ms"
            label = f"{title}, {name}{unit}"
            print(f"{label:44}{ours[key][name]!s:>9}{theirs[key][name]!s:>12}")
    for name in ("messages", "contacts"):
        label = {"messages": "messages a lookup", "contacts": "contacts known"}[name]
        print(f"{label:44}{ours[name]!s:>9}{theirs[name]!s:>12}")


def run(arguments):
    # Only now, so that the threads that it starts are in the namespace.
    from libtorrent_network import LibtorrentNetwork  # noqa: PLC0415
    from probe import Client, Probe  # noqa: PLC0415
    from shaped_path import ShapedPath  # noqa: PLC0415

    generator = random.Random(arguments.seed)
    path = ShapedPath()
    network = LibtorrentNetwork(arguments.nodes, generator, plain_tables=True)
    print(f"{arguments.nodes} nodes; announcing and putting", flush=True)
    table = ["--plain-table"] if arguments.plain_table else []
    # An option of `dht-probe` has a value.
    plain = [*table, "1"] if table else []
    folder = Path(__file__).parent
    program = [sys.executable, str(folder / "libtorrent_client.py"), "172.16.2.1"]
    with (
        Probe(
            arguments.probe,
            "172.16.1.1:0",
            network.bootstrap,
            *plain,
            *arguments.probe_option,
            enter=path.enter,
        ) as probe,
        Client([*path.enter, *program, ",".join(network.bootstrap), *table]) as client,
    ):
        hashes = announce_all(network, arguments.hashes, generator)
        items = put_all(network, probe, arguments.items, generator)
        path.shape(
            network.others,
            generator,
            rtt_ms=arguments.rtt_ms,
            slow=arguments.slow,
            slow_ms=arguments.slow_ms,
            silent=arguments.silent,
        )
        ours, theirs = Ours("ours", probe), Theirs("libtorrent", client)
        measure(ours, theirs, hashes, items, generator, path.state)
        report(arguments, ours, theirs)


def report(arguments, ours, theirs):
    print_table(ours.figures, theirs.figures)
    judged_bars = bars(ours.figures, theirs.figures)
    missed = [bar for bar in judged_bars if not bar["holds"]]
    for bar in missed:
        print(f"missed: {bar['bar']}: {bar['is']}, the limit is {bar['limit']}")
    if not missed:
        print("all bars held")
    if arguments.json:
        options = {
            name: getattr(arguments, name)
            for name in ("nodes", "rtt_ms", "slow", "slow_ms", "silent", "seed", "plain_table")
        }
        text = {"options": options, "ours": ours.figures, "libtorrent": theirs.figures}
        text |= {"bars": judged_bars, "slowest": ours.slowest(20)}
        text["bursts"] = {side.name: side.bursts for side in (ours, theirs)}
        Path(arguments.json).write_text(json.dumps(text, indent=1) + "\n")
    sys.stdout.flush()
    # libtorrent's sessions take seconds to end in good order; nobody waits for them.
    os._exit(1 if missed else 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("probe")
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--hashes", type=int, default=250)
    parser.add_argument("--items", type=int, default=150)
    parser.add_argument("--rtt-ms", type=float, default=20, help="round trip to every node")
    parser.add_argument("--slow", type=float, default=0.2, help="part of the nodes that is slow")
    parser.add_argument("--slow-ms", type=float, default=800, help="what a slow node adds")
    parser.add_argument("--silent", type=float, default=0.05, help="part that never answers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--plain-table", action="store_true", help="both clients keep 8 nodes in every bucket"
    )
    parser.add_argument("--probe-option", action="append", default=[], help="for dht-probe, twice")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    if not os.access(arguments.probe, os.X_OK):
        parser.error(f"{arguments.probe} is not a program; build it first")
    enter_namespace()
    run(arguments)


if __name__ == "__main__":
    main()
