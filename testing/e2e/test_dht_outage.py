"""The DHT goes and comes back: readiness tells within two seconds, and nothing is lost by it."""

import concurrent.futures
import json
import time

from network import Network, free_ports
from support import EndToEndTest

NODES = 40
# What the contract gives a dependency's fall or return to show.
BOUND = 2.0
# One lookup's budget (dht.deadline_ms), and time for a busy machine to say so.
LOOKUP_BUDGET = 1.2 + 0.8


class DHTOutageTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.port = free_ports(NODES, self.random)
        self.network = self.start_network()
        self.server = self.start("--dht-bootstrap", self.network.bootstrap, ready=False)
        self.server.wait_until_ready("/healthz")
        self.wait_for("the DHT", 10, self.is_ready)

    def start_network(self):
        """At ports that a successor can have again."""
        network = Network(NODES, port=self.port)
        self.addCleanup(network.end)
        self.assertTrue(network.bootstrap, "the network did not start")
        return network

    def is_ready(self):
        status, report = self.server.readiness()
        self.assertEqual(self.server.get("/healthz").status, 200)
        if status != 200:
            self.assertEqual(report["missing"], ["dht_client_ready"])
        return status == 200

    def await_fall(self):
        return self.wait_for("not ready", BOUND, lambda: not self.is_ready())

    def await_return(self):
        return self.wait_for("ready again", BOUND, self.is_ready)

    def expect_steady(self, seconds, is_ready):
        """Readiness, asked every 50 ms, does not change."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.assertEqual(self.is_ready(), is_ready)
            time.sleep(0.05)

    def look_up(self, path):
        """A response, and how long it took."""
        began = time.monotonic()
        response = self.server.get(path)
        return response, time.monotonic() - began

    def places(self, response):
        return [place["addr"] for place in json.loads(response.body)["providers"]]

    def test_a_network_that_is_there_is_always_ready(self):
        self.expect_steady(10, True)

    def test_a_fall_and_a_return_show_within_two_seconds(self):
        for pause in (0.3, 4):
            self.network.fall_silent()
            self.await_fall()
            self.expect_steady(pause, False)
            self.network.go_on()
            self.await_return()
            self.expect_steady(2, True)

    def test_a_network_started_anew_is_found_within_two_seconds(self):
        """Its nodes have other ids, and know nothing of us."""
        self.network.end()
        self.await_fall()
        time.sleep(1)
        self.network = self.start_network()
        self.await_return()
        self.expect_steady(3, True)
        [cid] = self.content_ids([b"after"])
        joined = ("--dht-bootstrap", self.network.bootstrap)
        self.succeed("announce", cid, "--port", 9000, *joined)
        response, _ = self.look_up(f"/providers/{cid}?fresh=true")
        self.assert_status(response, 200)

    def test_what_is_known_is_answered_and_what_is_not_is_never_called_absent(self):
        document = {"e2e": "outage"}
        [cid] = self.content_ids([json.dumps(document, separators=(",", ":")).encode()])
        line = {"name": "known", "manifest": document, "ttl_s": 1}
        self.server.request("POST", "/admin/import", json.dumps(line).encode() + b"\n")
        joined = ("--dht-bootstrap", self.network.bootstrap)
        self.succeed("announce", cid, "--port", 9000, *joined)
        response, _ = self.look_up("/resolve/known")
        self.assert_status(response, 200)
        self.assertEqual(self.places(response), ["127.0.0.1:9000"])
        self.network.fall_silent()
        self.await_fall()
        # Enough of them at once to open the circuit breaker, which then has to let go in time.
        strangers = self.content_ids([b"%d" % number for number in range(30)])
        with concurrent.futures.ThreadPoolExecutor(len(strangers)) as pool:
            refusals = list(pool.map(self.look_up, [f"/resolve/{one}" for one in strangers]))
        refusals.append(self.look_up(f"/resolve/{strangers[0]}"))
        for response, seconds in refusals:
            self.assert_problem(response, 503, "upstream_unready")
            self.assertLess(seconds, LOOKUP_BUDGET)
            self.assertIn("Retry-After", response.headers)
        self.assertLess(refusals[-1][1], 1, "the breaker does not wait for the budget")
        # Long enough for refreshes to fail.
        end = time.monotonic() + 8
        while time.monotonic() < end:
            response, seconds = self.look_up("/resolve/known")
            self.assert_status(response, 200)
            self.assertEqual(self.places(response), ["127.0.0.1:9000"])
            self.assertIn("detail=stale", response.headers["Cache-Status"])
            self.assertLess(seconds, 0.5)
            time.sleep(0.1)
        self.network.go_on()
        self.await_return()
        # Asked everywhere again: now it is absent, and the breaker is not in the way.
        for stranger in strangers[:5]:
            response, _ = self.look_up(f"/resolve/{stranger}")
            self.assert_problem(response, 404, "not_found")
        self.stop(self.server)
