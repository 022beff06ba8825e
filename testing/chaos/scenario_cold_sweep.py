"""A sweep of random names beside hot ones: what is hot stays in RAM, and RAM stays bounded."""

from chaos import ChaosTest, length, pause, resident_mib
from load import Load

SWEPT = length(1_000_000, 50_000)
HOT = 1000
# More than the cache takes (20,000), so that real answers compete for their places too.
NAMES = length(40_000, 22_000)
HOT_RATE = 500
CACHE_MIB = 64
# The process itself, the database's pages, and what the allocator keeps.
OTHER_MIB = 160


class ColdSweepTest(ChaosTest):
    def test_hot_names_stay_in_ram_during_a_sweep(self):
        truth = self.make_truth(NAMES, known=HOT)
        server = self.start("--log-requests=false", database=self.database)
        known = truth.write_known(self.folder / "known")
        pools = [
            {"weight": 8, "status": 404, "random": "name"},
            {"weight": 1, "status": 404, "random": "cid"},
            {"weight": 1, "status": 200, "paths": self.names_file()},
        ]
        with (
            self.checked(server, truth),
            Load("hot", port=server.port, rate=HOT_RATE, known=known) as hot,
        ):
            pause(HOT / HOT_RATE + 1)
            hot.phase("undisturbed")
            pause(length(10, 1))
            hot.phase("swept")
            most = resident = resident_mib(server)
            with Load("stream", port=server.port, pools=pools, total=SWEPT) as sweep:
                while not sweep.report()["done"]:
                    pause(0.5)
                    most = max(most, resident_mib(server))
                swept = sweep.finish()
            phases = hot.finish()
        entries, size = map(server.metric, ("index_cache_entries", "index_cache_bytes"))
        self.figure("names asked for", swept["sent"], least=SWEPT)
        self.figure("swept a second", swept["rate"])
        self.stream_figures("sweep", swept)
        self.figure("hot names: hit ratio", phases["swept"]["hit_ratio"], least=0.95)
        # The sweep takes all of the machine that it can get, so that times say little.
        self.compare_hot(
            phases["undisturbed"], phases["swept"], "during the sweep", is_bounded=False
        )
        self.figure("cache entries", int(entries), most=20_000)
        self.figure("cache bytes", size / (1 << 20), "MiB", most=CACHE_MIB)
        self.figure("resident before", resident, "MiB")
        self.figure("resident at most", most, "MiB", most=CACHE_MIB + OTHER_MIB)
        self.stop_well(server)
