"""Full and read-only disks, under the index and under the spill. Mounting takes root."""

import json
import unittest

import small_disk
from chaos import ChaosTest, length, pause
from load import Load

DISK_MIB = 24
FAULT_SECONDS = length(10, 1)
ROUNDS = length(3, 1)
NAMES = 1500
# Fewer than there are names: most answers are evicted, and the spill has work.
CACHED = 200
RATE = 500
SPILL_HITS = 100


class DisksTest(ChaosTest):
    @classmethod
    def setUpClass(cls):
        reason = small_disk.why_no_mounts()
        if reason is not None:
            raise unittest.SkipTest(reason)

    def setUp(self):
        super().setUp()
        self.disk = small_disk.SmallDisk(self.folder / "disk", DISK_MIB)
        self.addCleanup(self.disk.unmount)

    # The index

    def test_index_on_a_full_or_read_only_disk_goes_on_reading(self):
        self.scenario = "disk of the index"
        self.database = self.disk.folder / "db"
        truth = self.make_truth(NAMES)
        server = self.start(
            "--cache-entries", CACHED, "--log-requests=false", database=self.database
        )
        self.acknowledged = {}
        self.statuses, self.falls, self.returns = {}, {}, {}
        [self.cid] = self.content_ids([b"something"])
        pools = [{"weight": 1, "status": 200, "paths": self.names_file()}]
        with (
            self.checked(server, truth) as checker,
            Load("stream", port=server.port, rate=RATE, pools=pools) as reads,
        ):
            pause(1)
            for _ in range(ROUNDS):
                self.write(server)
                with checker.fault(missing=["db_open"]) as fault:
                    self.disk.fill(leaving=1 << 20)
                    self.refused("full disk", server)
                    self.disk.free()
                self.came_back("full disk", server, checker, fault)
                with checker.fault(missing=["db_open"]) as fault:
                    with small_disk.read_only(self.database):
                        self.refused("read-only disk", server)
                self.came_back("read-only disk", server, checker, fault)
            figures = reads.finish()
        self.tell_of_faults()
        self.stream_figures("reads", figures)
        self.stop_well(server)
        server = self.start(database=self.database)
        answer = json.loads(server.get(f"/providers/{self.cid}?limit=32").body)
        found = {place["id"]: place["addr"] for place in answer["providers"]}
        self.figure("writes acknowledged", len(self.acknowledged), least=1)
        self.figure("nothing acknowledged lost", found == self.acknowledged, least=True)
        self.stop_well(server)

    def write(self, server):
        number = len(self.acknowledged)
        body = {"id": f"p{number}", "addr": f"198.51.100.7:{number + 1}"}
        answer = server.put(f"/admin/providers/{self.cid}", body)
        if answer.status in (200, 201):
            self.acknowledged[body["id"]] = body["addr"]
        return answer

    def refused(self, kind, server):
        """Lets the fault last; writes are refused with 503 and say why, once it shows."""
        self.wait_for(kind, 10, lambda: server.readiness()[0] == 503)
        statuses = self.statuses.setdefault(kind, {})
        for _ in range(FAULT_SECONDS * 5):
            answer = self.write(server)
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
            if answer.status == 503:
                self.assert_problem(answer, 503, "upstream_unready")
                self.assertIsNotNone(answer.headers["Retry-After"])
            pause(0.2)

    def came_back(self, kind, server, checker, fault):
        self.wait_for("readiness", 10, lambda: checker.return_seconds(fault) is not None)
        self.falls.setdefault(kind, []).append(checker.fall_seconds(fault))
        self.returns.setdefault(kind, []).append(checker.return_seconds(fault))
        self.assert_status(self.write(server), 200, 201)

    def tell_of_faults(self):
        """The worst of all rounds."""
        for kind, statuses in self.statuses.items():
            refused = statuses.get(503, 0)
            self.figure(f"{kind}: times", len(self.falls[kind]))
            self.figure(f"{kind}: writes refused with 503", refused, least=1)
            others = sum(statuses.values()) - refused
            self.figure(f"{kind}: writes answered otherwise", others, most=0)
            self.figure(f"{kind}: until readiness fell", max(self.falls[kind]), "s", most=2)
            self.figure(f"{kind}: until readiness was back", max(self.returns[kind]), "s", most=2)

    # The spill

    def test_spill_on_a_full_or_read_only_disk_harms_nobody(self):
        if "spill.enabled" not in self.succeed("config", "print").text:
            self.skipTest("this version has no spill")
        self.scenario = "disk of the spill"
        spill = self.disk.folder / "spill"
        truth = self.make_truth(NAMES)
        server = self.start(
            "--cache-entries", CACHED, "--spill-enabled", "true", "--spill-path", spill,
            "--log-requests=false", database=self.database,
        )
        pools = [{"weight": 1, "status": 200, "paths": self.names_file()}]
        with (
            self.checked(server, truth),
            Load("stream", port=server.port, rate=RATE, pools=pools) as reads,
        ):
            self.spill_works(server, "before")
            failures = self.spill_failures(server)
            self.disk.fill()
            pause(FAULT_SECONDS + 1)
            self.disk.free()
            failed = self.spill_failures(server) - failures
            self.figure("spill operations that failed on the full disk", failed, least=1)
            self.spill_works(server, "after the full disk")
            with small_disk.read_only(spill):
                pause(FAULT_SECONDS)
            self.spill_works(server, "after the read-only disk")
            figures = reads.finish()
        self.stream_figures("reads", figures)
        self.stop_well(server)

    @staticmethod
    def spill_failures(server):
        return int(server.metric("index_spill_failures_total"))

    def spill_works(self, server, when):
        """It is read from, and so was written to since the names that were hot left RAM."""
        before = server.metric("index_spill_hits_total")
        took = self.wait_for(
            "hits in the spill", 60,
            lambda: server.metric("index_spill_hits_total") >= before + SPILL_HITS,
        )
        self.figure(f"{SPILL_HITS} hits in the spill {when}, after", took, "s", most=10)
