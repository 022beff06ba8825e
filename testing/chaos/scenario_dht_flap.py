"""The whole DHT falls silent and comes back; then it is gone, and another one begins in its place.

What is known is answered meanwhile, the rest is 503.
"""

import json
import time

from chaos import ChaosTest, length, pause
from network import Network, announce, free_ports

NODES = 60
FAULT_SECONDS = length(30, 5)
CIDS = length(20, 4)
# So that answers become stale meanwhile.
LIFE_SECONDS = 3
REFRESH_SECONDS = 1
# A lookup's budget of 1200 ms, and a busy machine.
ANSWERED_WITHIN_MS = 2000


class DHTFlapTest(ChaosTest):
    def test_silence_and_loss_are_told_and_survived(self):
        first = free_ports(NODES, self.random)
        network = self.start_network(first)
        truth = self.make_truth(300, asks_cids=False)
        cids = self.content_ids([b"announced %d" % number for number in range(3 * CIDS)])
        ports = {cid: 10_000 + number for number, cid in enumerate(cids)}
        self.assertEqual(announce(self, ports, network.bootstrap), [])
        known, cold, colder = cids[:CIDS], cids[CIDS:2 * CIDS], cids[2 * CIDS:]
        server = self.start(
            "--dht-bootstrap", network.bootstrap, "--cache-max-ttl-s", LIFE_SECONDS,
            "--cache-default-ttl-s", LIFE_SECONDS, "--log-requests=false",
            database=self.database,
        )
        with self.checked(server, truth) as checker:
            self.ask_all(server, known, ports, "before the silence")
            with checker.fault(missing=["dht_client_ready"]) as fault:
                network.fall_silent()
                self.during(server, known, cold, ports, "the silence")
                network.go_on()
            self.tell_of_return(checker, fault, "the silence")
            self.recover(server, known + cold, ports, "the silence")
            with checker.fault(missing=["dht_client_ready"]) as fault:
                network.end()
                self.during(server, known, colder, ports, "the loss")
                network = self.start_network(first)
            self.tell_of_return(checker, fault, "the loss")
            # The nodes have other ids, and know nothing.
            self.assertEqual(announce(self, ports, network.bootstrap), [])
            self.recover(server, cids, ports, "the loss")
        self.stop_well(server)

    def start_network(self, first):
        network = Network(NODES, port=first)
        self.addCleanup(network.end)
        self.assertTrue(network.bootstrap, "the network did not start")
        return network

    def tell_of_return(self, checker, fault, what):
        self.wait_for("readiness", 60, lambda: checker.return_seconds(fault) is not None)
        fall, back = checker.fall_seconds(fault), checker.return_seconds(fault)
        self.figure(f"{what}: until readiness fell", fall, "s", most=2)
        self.figure(f"{what}: until readiness was back", back, "s", most=2)

    def ask(self, server, cid, ports):
        """Status, whether stale, milliseconds; a 200 has to name the one provider."""
        began = time.monotonic()
        answer = server.get(f"/providers/{cid}")
        took = (time.monotonic() - began) * 1000
        if answer.status == 200:
            places = {place["addr"] for place in json.loads(answer.body)["providers"]}
            self.assertEqual(places, {f"127.0.0.1:{ports[cid]}"})
        else:
            self.assert_problem(answer, answer.status, {
                404: "not_found", 503: "upstream_unready", 504: "timeout"
            }.get(answer.status))
        is_stale = "detail=stale" in answer.headers.get("Cache-Status", "")
        return answer.status, is_stale, took

    def ask_all(self, server, cids, ports, when):
        answers = [self.ask(server, cid, ports) for cid in cids]
        found = sum(status == 200 for status, _, _ in answers)
        self.figure(f"{when}: found", found, least=len(cids))
        return answers

    def during(self, server, known, cold, ports, what):
        """What was asked before goes on, fresh and then stale; what was not is 503, not 404."""
        began = time.monotonic()
        held, stale, slowest = 0, 0, 0.0
        unknown, slowest_unknown = {}, 0.0
        asked = 0
        while (elapsed := time.monotonic() - began) < FAULT_SECONDS:
            cid = known[asked % len(known)]
            status, is_stale, took = self.ask(server, cid, ports)
            held += status == 200
            stale += is_stale
            slowest = max(slowest, took)
            asked += 1
            if asked % 10 == 0:
                cid = cold[asked // 10 % len(cold)]
                status, _, took = self.ask(server, cid, ports)
                # The first lookups may get the answers that were under way.
                if elapsed > 0.5:
                    unknown[status] = unknown.get(status, 0) + 1
                    slowest_unknown = max(slowest_unknown, took)
            pause(0.02)
        self.figure(f"{what}: cached, asked", asked)
        self.figure(f"{what}: cached, not answered", asked - held, most=0)
        self.figure(f"{what}: answered stale", stale, least=1)
        self.figure(f"{what}: cached, slowest", slowest, "ms", most=500)
        self.figure(f"{what}: never asked before", unknown)
        honest = unknown.get(503, 0)
        self.figure(f"{what}: not told 503", sum(unknown.values()) - honest, most=0)
        self.figure(f"{what}: 503 after at most", slowest_unknown, "ms",
                    most=ANSWERED_WITHIN_MS)

    def recover(self, server, cids, ports, what):
        """Everything is found again, fresh."""
        left = set(cids)

        def are_found():
            for cid in list(left):
                status, is_stale, _ = self.ask(server, cid, ports)
                if status == 200 and not is_stale:
                    left.discard(cid)
            return not left

        took = self.wait_for("all of them, fresh", 60, are_found)
        self.figure(f"{what}: all found and fresh after", took, "s", most=10)
