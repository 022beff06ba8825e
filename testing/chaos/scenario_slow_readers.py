"""A thousand connections that ask for manifests of nearly 1 MiB and read nothing of them.

Each keeps one answer waiting, at most: what else it asked for is not made before that is taken. The
idle timeout ends it. The connections come slowly enough for the manifests to be read from the
index, for it is the waiting that is tried here.
"""

import os
from pathlib import Path

from chaos import ChaosTest, descriptors, length, pause, resident_mib
from load import Load
from support import compact

READERS = length(1000, 100)
# The system copies some 4 MiB into its own buffers for each: more would try that.
OPENED_A_SECOND = length(25, 15)
# No more than 256 connections may come from one address.
ADDRESSES = ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"]
QUESTIONS = 10
MANIFESTS = length(60, 20)
MANIFEST_BYTES = 1_040_000
# All of them are there at once before the first is ended.
IDLE_SECONDS = length(43, 7)
# What a machine may be late.
LATE_SECONDS = length(3, 5)
# The largest answer of each connection, and what else the process has.
ALLOWED_MIB = READERS * MANIFEST_BYTES / (1 << 20) + 224
# What the allocator may keep of all that.
KEPT_MIB = 96
RATE = 300


class SlowReadersTest(ChaosTest):
    def test_slow_readers_are_ended_and_slow_nobody_down(self):
        truth = self.make_truth(1000)
        server = self.start(
            "--http-idle-timeout-s", IDLE_SECONDS, "--log-requests=false", database=self.database
        )
        paths = self.store_manifests(server)
        known = truth.write_known(self.folder / "known")
        options = {
            "port": server.port, "count": READERS, "rate": OPENED_A_SECOND,
            "addresses": ADDRESSES, "paths": paths, "questions": QUESTIONS,
        }
        with (
            self.checked(server, truth),
            Load("hot", port=server.port, rate=RATE, known=known) as hot,
        ):
            pause(1)
            hot.phase("undisturbed")
            pause(length(6, 2))
            before, self.resident = descriptors(server), resident_mib(server)
            self.kernel_before = socket_mib()
            hot.phase("attacked")
            with Load("readers", **options) as readers:
                self.most_files = self.most = self.kernel = 0
                while not readers.report()["done"]:
                    self.look(server)
                took = self.wait_for(
                    "the end of slow readers", IDLE_SECONDS + LATE_SECONDS + 30,
                    lambda: self.look(server) <= before + 2,
                )
                hot.phase("freed")
                figures = readers.finish()
            phases = hot.finish()
        self.tell_of(figures, self.most_files - before, took)
        self.figure("resident memory afterwards", resident_mib(server), "MiB",
                    most=self.resident + KEPT_MIB)
        self.compare_hot(phases["undisturbed"], phases["attacked"], "under attack")
        self.stop_well(server)

    def store_manifests(self, server):
        """Their paths. Any two differ, so that no two answers share their bytes."""
        documents = []
        for number in range(MANIFESTS):
            words = "".join(self.random.choices("abcdefgh", k=1000))
            text = words * (MANIFEST_BYTES // len(words) - 1)
            documents.append(compact({"number": number, "text": text}).encode())
        cids = self.content_ids(documents)
        for cid, document in zip(cids, documents, strict=True):
            self.assert_status(server.put(f"/admin/manifests/{cid}", document), 201)
        return [f"/manifests/{cid}" for cid in cids]

    def look(self, server):
        """The open files now."""
        pause(0.1)
        files = descriptors(server)
        self.most_files = max(self.most_files, files)
        self.most = max(self.most, resident_mib(server))
        self.kernel = max(self.kernel, socket_mib())
        return files

    def tell_of(self, readers, held, took):
        self.figure("connections that read nothing", readers["opened"], least=READERS)
        self.figure("of them, at once", held, least=round(0.9 * READERS))
        self.figure("their first answers", readers["statuses"])
        refused = readers["opened"] - readers["statuses"].get(200, 0)
        refused -= readers["statuses"].get("200", 0)
        self.figure("of them, not 200, share", refused / max(1, readers["opened"]), most=0.01)
        self.figure("until the service was rid of them", took, "s",
                    most=IDLE_SECONDS + LATE_SECONDS)
        self.figure("resident memory before", self.resident, "MiB")
        self.figure("resident memory at most", self.most, "MiB", most=ALLOWED_MIB)
        waiting = (self.most - self.resident) / max(1, held)
        self.figure("resident memory a connection", waiting, "MiB")
        # What the system holds for sockets is no part of the process, and has a bound of its own.
        self.figure("memory of all TCP sockets of the machine, before", self.kernel_before, "MiB")
        self.figure("memory of all TCP sockets of the machine, at most", self.kernel, "MiB")


def socket_mib():
    """Send and receive buffers, of this network namespace."""
    for line in Path("/proc/net/sockstat").read_text().splitlines():
        if line.startswith("TCP:"):
            return int(line.split()[-1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
    return 0.0
