"""What memory goes to: idle, an answer, an absence, a contact, a lookup, a connection.

What is in bytes is the difference of two runs, or of two moments of one run, that differ in that
alone; what is in MiB is the whole service.
"""

import http.client
import json
import signal
import subprocess

import service

from .bench_run import (
    OPEN_LIMITS, QUIET, KitError, metrics, note, printed_json, resident_kib, table,
)
from .names import make_dht_names, make_keys, make_names

NAMES = 50_000
NEGATIVES = 40_000
CONNECTIONS = 1000
LOOKUPS = 400
FULL = 1_000_000
# A slow machine asks for the rest in another round, past those that are in RAM already.
FULL_ROUNDS, FULL_SECONDS = 3, 240


class Connections:
    """Many keep-alive connections from Python, for what the generator is too quick for."""

    def __init__(self, port, count):
        self.all = [http.client.HTTPConnection(service.HOST, port, timeout=60)
                    for _ in range(count)]

    def ask_each(self, path_of):
        for number, connection in enumerate(self.all):
            connection.request("GET", path_of(number))
            connection.getresponse().read()

    def send_each(self, path_of):
        for number, connection in enumerate(self.all):
            connection.request("GET", path_of(number))

    def close(self):
        for connection in self.all:
            connection.close()


def idle(bench):
    with bench.serving([QUIET]) as server:
        return resident_kib(server)


def answers(bench, count=NAMES):
    """(resident with every answer in RAM) - (the same traffic with room for one), an answer."""
    names = make_names(count, bench.data)
    store = bench.folder / "memory"
    bench.import_file(names, store)
    found = {}
    for entries in (1, 2 * count):
        arguments = [QUIET, f"--cache-entries={entries}", "--cache-max-bytes=512MiB"]
        with bench.serving([*arguments, *OPEN_LIMITS], store) as server:
            # Twice, so that what the allocator keeps for a working set is there in both.
            for _ in range(2):
                figures = bench.load(server, "--names", names, "--distribution", "each")
            found[entries] = resident_kib(server), metrics(server), figures
    few, many = found[1], found[2 * count]
    cached = many[1]["index_cache_entries"]
    each = (many[0] - few[0]) * 1024 / cached
    charged = many[1]["index_cache_bytes"] / cached
    return {"entries": cached, "resident": each, "charged": charged}


def full(bench, count=FULL):
    """A service with a million answers in RAM: how many they are, and what it takes, in MiB."""
    names = make_names(count, bench.data)
    keys = make_keys(names)
    store = bench.folder / "memory-full"
    bench.import_file(names, store)
    arguments = [QUIET, f"--cache-entries={2 * count}", "--cache-max-bytes=2GiB",
                 # None ends while the others are asked for.
                 "--cache-default-ttl-s=3600", "--cache-max-ttl-s=3600"]
    with bench.serving([*arguments, *OPEN_LIMITS], store) as server:
        for _ in range(FULL_ROUNDS):
            bench.load(server, "--names", keys, "--distribution", "each", "--duration",
                       FULL_SECONDS)
            cached = metrics(server)["index_cache_entries"]
            note(f"memory: {cached:,.0f} of {count:,} answers in RAM")
            if cached == count:
                break
        mib = resident_kib(server, "VmHWM") / 1024
    if cached < count:
        raise KitError(f"RAM has {cached:,.0f} of {count:,} answers: the machine is too slow, or "
                       "the cache too small for them")
    return {"entries": cached, "mib": mib}


def body_bytes(bench):
    """The mean size of the answers, by asking for a hundred."""
    names = make_names(NAMES, bench.data)
    with bench.serving([QUIET], bench.folder / "memory") as server:
        connections = Connections(server.port, 1)
        sizes = []
        with open(names, encoding="utf-8") as file:
            for _, line in zip(range(100), file):
                connection = connections.all[0]
                connection.request("GET", "/resolve/" + json.loads(line)["name"])
                sizes.append(len(connection.getresponse().read()))
        connections.close()
    return sum(sizes) / len(sizes)


def negatives(bench):
    found = []
    for entries in (2, 4 * NEGATIVES):
        arguments = [QUIET, f"--cache-entries={entries}", "--cache-negative-percent=50",
                     "--cache-negative-ttl-s=3600", "--cache-max-bytes=512MiB"]
        with bench.serving([*arguments, *OPEN_LIMITS]) as server:
            for seed in (1, 1):
                bench.load(server, "--mix", "unknown=1", "--requests", NEGATIVES, "--seed", seed,
                           "--duration", 60)
            found.append((resident_kib(server), metrics(server)["index_cache_entries"]))
    (few, _), (many, cached) = found
    return {"entries": cached, "resident": (many - few) * 1024 / cached}


def connections(bench):
    """What connections cost that made one request each and stay open."""
    lines, _ = make_dht_names(1000, bench.data)
    with bench.serving([QUIET, *OPEN_LIMITS], None, lines) as server:
        first = Connections(server.port, 10)
        first.ask_each(lambda number: f"/resolve/dht-{number}")
        before = resident_kib(server)
        opened = Connections(server.port, CONNECTIONS)
        opened.ask_each(lambda number: f"/resolve/dht-{number % 10}")
        after = resident_kib(server)
        opened.close()
        first.close()
    return (after - before) * 1024 / CONNECTIONS


def lookups(bench):
    """What lookups cost while they wait for nodes that say nothing (the testnet is stopped)."""
    lines, _ = make_dht_names(1000, bench.data)
    store = bench.folder / "memory-dht"
    bench.import_file(lines, store)
    with bench.testnet() as (bootstrap, nodes):
        arguments = [QUIET, f"--dht-bootstrap={bootstrap}", "--dht-bind=127.0.0.1:0",
                     "--dht-deadline-ms=8000", "--http-request-timeout-ms=20000",
                     "--dht-query-timeout-ms=8000"]
        with bench.serving([*arguments, *OPEN_LIMITS], store) as server:
            asking = Connections(server.port, LOOKUPS)
            asking.ask_each(lambda number: "/healthz")
            before = resident_kib(server)
            nodes.send_signal(signal.SIGSTOP)
            try:
                asking.send_each(lambda number: f"/resolve/dht-{number}")
                flying = metrics(server).get('inflight_requests{route="resolve"}', 0)
                after = resident_kib(server)
            finally:
                nodes.send_signal(signal.SIGCONT)
            asking.close()
    if flying < LOOKUPS * 0.9:
        raise KitError(f"only {flying:.0f} of {LOOKUPS} lookups were under way at once")
    return (after - before) * 1024 / flying


def contact(bench):
    if not bench.probe.exists():
        return None
    done = subprocess.run([bench.probe, "table", "10000"], capture_output=True, text=True)
    found = printed_json("dht-probe", done)
    return (found["rss_after"] - found["rss_before"]) * 1024 / found["contacts"]


def run(bench):
    figures = {"idle_kib": idle(bench), "answers": answers(bench), "body": body_bytes(bench),
               "negative": negatives(bench), "connection": connections(bench),
               "contact": contact(bench), "full": full(bench)}
    try:
        figures["lookup"] = lookups(bench)
    except KitError as error:
        note(f"memory: {error}")
        figures["lookup"] = None
    figures["beyond_body"] = figures["answers"]["resident"] - figures["body"]
    return {"figures": figures, "markdown": markdown(figures)}


def markdown(figures):
    def size(value):
        return "not measured" if value is None else f"{value:,.0f} B"
    answer = figures["answers"]
    return table(["what", "resident memory"], [
        ["idle, in memory (micronode)", f"{figures['idle_kib'] / 1024:.0f} MiB"],
        [f"a cached answer ({answer['entries']:,.0f} of them), body included",
         size(answer["resident"])],
        [f"the same without its body of {figures['body']:.0f} B", size(figures["beyond_body"])],
        ["what the cache charges for it", size(answer["charged"])],
        [f"the whole service with {figures['full']['entries']:,.0f} answers in RAM, at most",
         f"{figures['full']['mib']:.0f} MiB"],
        [f"a negative answer ({figures['negative']['entries']:,.0f} of them)",
         size(figures["negative"]["resident"])],
        ["a contact of the DHT's table (`dht-probe table 10000`)", size(figures["contact"])],
        [f"a lookup under way ({LOOKUPS} at once)", size(figures["lookup"])],
        [f"an open connection ({CONNECTIONS:,} of them)", size(figures["connection"])],
    ])
