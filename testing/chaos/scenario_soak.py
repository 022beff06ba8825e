"""A long run at half of what the service can do: memory and open files stay as they are.

Everything takes part: RAM that holds a part of the names, the spill, the index, and a DHT whose
answers end and are looked up again.
"""

import http.client
import itertools
import json
import random
import signal
import threading
import time

from chaos import ERROR_SHARE, SOAK_SECONDS, ChaosTest, descriptors, length, pause, resident_mib
from load import Load
from network import Network, announce
from support import compact

NAMES = length(40_000, 25_000)
# Few enough that each is asked for in its life, however slow the machine is.
HOT = length(1000, 500)
# Answers in RAM: the hot ones, and so few of the others that some go to the spill at any rate.
CACHED = length(8_000, 1_500)
# So that answers end, and are refreshed, many times.
LIFE_SECONDS = length(60, 5)
NODES = 60
ANNOUNCED = length(100, 20)
LOOKUPS_A_SECOND = 20
# Nodes of our own can take more than public ones.
DHT = (
    "--dht-queries-per-second", 5000, "--dht-queries-per-second-to-one-node", 200,
    "--dht-query-burst-to-one-node", 2000,
)
# Nodes forget an announcement after half an hour.
ANNOUNCED_AGAIN_SECONDS = 900
CAPACITY_SECONDS = length(10, 1)
# Over the second half, when the caches are full: what an allocator's moods may make of it.
GROWTH_MIB = 16
GROWTH_FILES = 4
WRITES_A_SECOND = 10
HANGUP_SECONDS = length(15, 3)


class Writer(threading.Thread):
    """Changes names and providers, and reads each change at once."""

    def __init__(self, server, documents):
        super().__init__(daemon=True)
        self.server = server
        self.documents = documents
        self.over = threading.Event()
        self.random = random.Random(1)
        self.written = 0
        self.wrong = []

    def run(self):
        connection = self.server.connect()
        for number in itertools.count():
            if self.over.wait(1 / WRITES_A_SECOND):
                break
            cid, document = self.random.choice(self.documents)
            name = f"soaked-{number % 50}"
            try:
                self.change(connection, cid, document, name, number)
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(repr(error))
                # The next request opens it again.
                connection.close()
        connection.close()

    def change(self, connection, cid, document, name, number):
        place = {"id": f"p{number % 20}", "addr": f"198.51.100.9:{number % 60_000 + 1}"}
        put = self.server.put
        for answer in (
            put(f"/admin/manifests/{cid}", document, connection),
            put(f"/admin/names/{name}", {"manifest_cid": cid}, connection),
            put(f"/admin/providers/{cid}", place, connection),
        ):
            if answer.status not in (200, 201):
                self.wrong.append(f"{answer.status} {answer.body[:200]!r}")
        path = f"/resolve/{name}?limit=32"
        answer = self.server.request("GET", path, connection=connection)
        read = json.loads(answer.body)
        places = [found["addr"] for found in read.get("providers", [])]
        if read.get("manifest_cid") != cid or place["addr"] not in places:
            self.wrong.append(f"{name} after its change: {answer.body[:300]!r}")
        self.written += 3


class Renewal(threading.Thread):
    """Announces everything again and again, as its providers would."""

    def __init__(self, test, ports, bootstrap):
        super().__init__(daemon=True)
        self.test, self.ports, self.bootstrap = test, ports, bootstrap
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(ANNOUNCED_AGAIN_SECONDS):
            for failure in announce(self.test, self.ports, self.bootstrap):
                print(f"  announced again: {failure}", flush=True)


class SoakTest(ChaosTest):
    def test_soak_leaves_memory_and_files_as_they_are(self):
        truth = self.make_truth(NAMES, known=HOT)
        configuration = self.folder / "settings.toml"
        configuration.write_text('[log]\nlevel = "warning"\n')
        network = Network(NODES)
        self.addCleanup(network.end)
        lookups, renewal = self.announce_some(network.bootstrap)
        server = self.start(
            "--config", configuration, "--cache-entries", CACHED, "--spill-enabled",
            "--dht-bootstrap", network.bootstrap, *DHT,
            "--cache-default-ttl-s", LIFE_SECONDS, "--cache-max-ttl-s", LIFE_SECONDS,
            database=self.database,
        )
        known = truth.write_known(self.folder / "known")
        pools = [
            {"weight": 70, "status": 200, "paths": known},
            {"weight": 20, "status": 200, "paths": self.names_file()},
            {"weight": 10, "status": 404, "random": "name"},
        ]
        capacity = self.measure_capacity(server, pools)
        documents = [compact({"soaked": number}).encode() for number in range(200)]
        writer = Writer(server, list(zip(self.content_ids(documents), documents, strict=True)))
        port = server.port
        with (
            self.checked(server, truth),
            Load("hot", port=port, rate=100, known=known) as hot,
            Load("stream", port=port, rate=LOOKUPS_A_SECOND, pools=lookups, connections=4,
                 seed=3) as looking,
            Load("stream", port=port, rate=capacity // 2, pools=pools, seed=2) as mix,
        ):
            writer.start()
            renewal.start()
            samples = self.watch(server)
            renewal.over.set()
            writer.over.set()
            writer.join(20)
            mixed, looked, phases = mix.finish(), looking.finish(), hot.finish()
        self.tell_of(mixed, looked, phases["start"], writer)
        self.tell_of_steps(server, looked)
        self.slope("resident memory", [(at, mib) for at, mib, _ in samples], "MiB", GROWTH_MIB)
        self.slope("open files", [(at, files) for at, _, files in samples], "", GROWTH_FILES)
        self.stop_well(server)

    def announce_some(self, bootstrap):
        """Questions about content ids that are on the DHT, and about ones that are nowhere."""
        cids = self.content_ids([b"announced %d" % number for number in range(ANNOUNCED)])
        ports = {cid: 10_000 + number for number, cid in enumerate(cids)}
        self.assertEqual(announce(self, ports, bootstrap), [])
        paths = self.folder / "announced"
        paths.write_text("".join(
            f'/providers/{cid}?limit=32\t"addr":"127.0.0.1:{port}"\n'
            for cid, port in ports.items()
        ))
        pools = [
            {"weight": 1, "status": 200, "paths": str(paths)},
            {"weight": 1, "status": 404, "random": "cid"},
        ]
        return pools, Renewal(self, ports, bootstrap)

    def measure_capacity(self, server, pools):
        with Load("stream", port=server.port, pools=pools) as all_out:
            pause(CAPACITY_SECONDS)
            rate = all_out.finish()["rate"]
        return self.figure("capacity, requests a second", rate, least=10)

    def watch(self, server):
        """Moments, MiB and open files, once a second; a SIGHUP now and then."""
        samples, began, hangups = [], time.monotonic(), 0
        while (elapsed := time.monotonic() - began) < SOAK_SECONDS:
            samples.append((elapsed, resident_mib(server), descriptors(server)))
            if elapsed > (hangups + 1) * HANGUP_SECONDS:
                server.process.send_signal(signal.SIGHUP)
                hangups += 1
            pause(1)
        self.figure("length", round(elapsed), "s")
        self.figure("SIGHUPs", hangups)
        return samples

    def tell_of(self, mixed, looked, hot, writer):
        self.figure("mix, requests a second", mixed["rate"])
        self.stream_figures("mix", mixed, ERROR_SHARE)
        self.stream_figures("lookups", looked, ERROR_SHARE)
        self.figure("hot names: p50", hot["p50_ms"], "ms")
        self.figure("hot names: p99", hot["p99_ms"], "ms")
        self.figure("hot names: hit ratio", hot["hit_ratio"], least=0.95)
        self.figure("admin writes", writer.written, least=1)
        for wrong in writer.wrong[:3]:
            print(f"  {wrong}")
        self.figure("admin writes refused or not read back", len(writer.wrong), most=0)

    def tell_of_steps(self, server, looked):
        """That every step of the way to an answer has had work."""
        self.figure("answers in RAM at the end", int(server.metric("index_cache_entries")),
                    most=CACHED)
        self.figure("hits in the spill", int(server.metric("index_spill_hits_total")), least=1)
        self.figure("answers in the spill at the end", int(server.metric("index_spill_entries")),
                    least=1)
        self.figure("not spilled, or not in time",
                    int(server.metric("index_spill_dropped_total")))
        failures = int(server.metric("index_spill_failures_total"))
        self.figure("operations of the spill that failed", failures)
        # One for each content id that is nowhere, and then those that are found again.
        lookups = int(server.metric("index_dht_lookup_ms_count"))
        self.figure("lookups in the DHT", lookups, least=looked["answered"].get("404", 1))

    def slope(self, what, samples, unit, most):
        """A line through the second half, and what it grows by over it."""
        half = [(at, value) for at, value in samples if at >= samples[-1][0] / 2]
        mean_at = sum(at for at, _ in half) / len(half)
        mean = sum(value for _, value in half) / len(half)
        spread = sum((at - mean_at) ** 2 for at, _ in half) or 1
        rise = sum((at - mean_at) * (value - mean) for at, value in half) / spread
        self.figure(f"{what}: at half time", half[0][1], unit)
        self.figure(f"{what}: at the end", half[-1][1], unit)
        self.figure(f"{what}: growth a minute, fitted", round(rise * 60, 3), unit)
        grown = rise * (half[-1][0] - half[0][0])
        self.figure(f"{what}: growth over the second half", round(grown, 3), unit, most=most)
