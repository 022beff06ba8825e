"""The whole DHT falls silent and comes back: what is known is answered, the rest is 503."""

import json
import threading
import time

from chaos import ChaosTest, length, pause
from network import Network

NODES = 60
SILENT_SECONDS = length(30, 5)
CIDS = length(20, 4)
# So that answers become stale within the silence.
LIFE_SECONDS = 3
REFRESH_SECONDS = 1
# A lookup's budget of 1200 ms, and a busy machine.
ANSWERED_WITHIN_MS = 2000


class DHTFlapTest(ChaosTest):
    def test_silence_is_told_and_survived(self):
        network = Network(NODES)
        self.addCleanup(network.end)
        truth = self.make_truth(300, asks_cids=False)
        cids = self.content_ids([b"announced %d" % number for number in range(2 * CIDS)])
        ports = {cid: 10_000 + number for number, cid in enumerate(cids)}
        self.announce(ports, network.bootstrap)
        self.cached, self.cold = cids[:CIDS], cids[CIDS:]
        server = self.start(
            "--dht-bootstrap", network.bootstrap, "--cache-max-ttl-s", LIFE_SECONDS,
            "--cache-default-ttl-s", LIFE_SECONDS, "--log-requests=false",
            database=self.database,
        )
        with self.checked(server, truth) as checker:
            self.ask_all(server, self.cached, ports, "before the silence")
            with checker.fault(missing=["dht_client_ready"]) as fault:
                network.fall_silent()
                self.during(server, ports)
                network.go_on()
            self.wait_for("readiness", 60, lambda: checker.return_seconds(fault) is not None)
            self.figure("until readiness fell", checker.fall_seconds(fault), "s", most=2)
            self.figure("until readiness was back", checker.return_seconds(fault), "s", most=2)
            self.recover(server, cids, ports)
        self.stop_well(server)

    def announce(self, ports, bootstrap):
        """From a few commands at once: each joins and stores by itself."""
        def work(pairs):
            for cid, port in pairs:
                done = self.command("announce", cid, "--port", port, "--dht-bootstrap", bootstrap)
                if done.returncode != 0:
                    failed.append(done.complaint)

        failed = []
        pairs = list(ports.items())
        threads = [threading.Thread(target=work, args=(pairs[part::4],)) for part in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])

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

    def during(self, server, ports):
        """What was asked before goes on, fresh and then stale; what was not is 503, not 404."""
        began = time.monotonic()
        held, stale, slowest = 0, 0, 0.0
        unknown, slowest_unknown = {}, 0.0
        asked = 0
        while (elapsed := time.monotonic() - began) < SILENT_SECONDS:
            cid = self.cached[asked % len(self.cached)]
            status, is_stale, took = self.ask(server, cid, ports)
            held += status == 200
            stale += is_stale
            slowest = max(slowest, took)
            asked += 1
            if asked % 10 == 0:
                cid = self.cold[asked // 10 % len(self.cold)]
                status, _, took = self.ask(server, cid, ports)
                # The first lookups may get the answers that were under way.
                if elapsed > 0.5:
                    unknown[status] = unknown.get(status, 0) + 1
                    slowest_unknown = max(slowest_unknown, took)
            pause(0.02)
        self.figure("during the silence: cached, asked", asked)
        self.figure("during the silence: cached, not answered", asked - held, most=0)
        self.figure("during the silence: answered stale", stale, least=1)
        self.figure("during the silence: cached, slowest", slowest, "ms", most=500)
        self.figure("during the silence: never asked before", unknown)
        honest = unknown.get(503, 0)
        self.figure("during the silence: not told 503", sum(unknown.values()) - honest, most=0)
        self.figure("during the silence: 503 after at most", slowest_unknown, "ms",
                    most=ANSWERED_WITHIN_MS)

    def recover(self, server, cids, ports):
        """Everything is found again, fresh."""
        left = set(cids)

        def are_found():
            for cid in list(left):
                status, is_stale, _ = self.ask(server, cid, ports)
                if status == 200 and not is_stale:
                    left.discard(cid)
            return not left

        took = self.wait_for("all of them, fresh", 60, are_found)
        self.figure("after the silence: all found and fresh after", took, "s", most=10)
