"""The DHT from the command line: nodes on loopback, announcements, lookups, readiness."""

import contextlib
import json
import re
import socket
import subprocess

from support import BINARY, EndToEndTest

NODES = 60


class DHTTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.network = subprocess.Popen(
            [str(BINARY), "testnet", "--nodes", str(NODES)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.addCleanup(self.end_network)
        # The first line is the whole of what others need.
        self.bootstrap = self.network.stdout.readline().strip()
        self.assertRegex(self.bootstrap, r"\A(127\.0\.0\.1:\d+,?)+\Z")

    def end_network(self):
        self.network.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.network.wait(10)
        self.network.kill()
        self.network.stdout.close()

    def joined(self, *words):
        return (*words, "--dht-bootstrap", self.bootstrap)

    def test_what_was_announced_is_found(self):
        cids = self.content_ids([b"%d" % number for number in range(20)])
        for number, cid in enumerate(cids):
            done = self.succeed(*self.joined("announce", cid, "--port", 9000 + number))
            self.assertIn("stored at 8 of 8", done.text)
        for number, cid in enumerate(cids):
            done = self.succeed(*self.joined("lookup", cid))
            self.assertEqual(done.text, f"127.0.0.1:{9000 + number}\n")

    def test_trace_shows_every_query(self):
        [cid] = self.content_ids([b"traced"])
        self.succeed(*self.joined("announce", cid, "--port", 9000))
        text = self.succeed(*self.joined("lookup", cid, "--trace", "--all")).text
        rows = [line for line in text.splitlines() if re.match(r"\d+ +\d", line)]
        self.assertGreaterEqual(len(rows), 8)
        self.assertTrue(all(" alpha " in row or " beta " in row for row in rows))
        answer = json.loads(
            self.succeed(*self.joined("lookup", cid, "--trace", "--all", "--json")).stdout
        )
        self.assertEqual([entry["addr"] for entry in answer["providers"]], ["127.0.0.1:9000"])
        [lookup] = answer["lookups"]
        self.assertEqual(lookup["end"], "complete")
        self.assertEqual(len(lookup["trace"]), lookup["queried"])
        self.assertGreaterEqual(lookup["hops"], 1)

    def test_absent_and_could_not_look_are_told_apart(self):
        [cid] = self.content_ids([b"nowhere"])
        done = self.command(*self.joined("lookup", cid))
        self.assertEqual((done.returncode, done.text), (1, ""))
        self.assertIn("nobody has announced", done.complaint)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
            deaf.bind(("127.0.0.1", 0))
            node = f"127.0.0.1:{deaf.getsockname()[1]}"
            done = self.command("lookup", cid, "--dht-bootstrap", node)
        self.assertEqual((done.returncode, done.text), (69, ""))
        self.assertIn("could not be asked", done.complaint)

    def test_bad_input_is_one_sentence(self):
        [cid] = self.content_ids([b"x"])
        for code, part, words in (
            (64, "--dht-bootstrap", ("lookup", cid)),
            (64, "b3:", self.joined("lookup", "libc6")),
            (64, "--port", self.joined("announce", cid, "--port", 0)),
            (64, "--nodes", ("testnet", "--nodes", 0)),
            (78, "router", ("lookup", cid, "--dht-bootstrap", "router")),
            (78, "numeric", self.joined("lookup", cid, "--dht-bind", "localhost:0")),
        ):
            with self.subTest(words=words):
                self.fail_with(code, [part], *words)

    def test_service_joins_and_says_so(self):
        server = self.start("--dht-bootstrap", self.bootstrap, ready=False)
        server.wait_until_ready("/healthz")
        self.wait_for("the DHT", 10, lambda: server.readiness()[0] == 200)
        self.assertEqual(server.readiness()[1]["checks"]["dht_client_ready"], "ok")
        self.assertGreaterEqual(server.metric("dht_nodes"), 30)
        self.assertGreater(server.metric("dht_queries_total"), 0)
        self.stop(server)

    def test_service_without_a_network_is_not_ready_and_answers(self):
        [cid] = self.content_ids([b"x"])
        server = self.start("--dht-mode", "client", ready=False)
        server.wait_until_ready("/healthz")
        status, report = server.readiness()
        self.assertEqual(status, 503)
        self.assertEqual(report["missing"], ["dht_client_ready"])
        self.assertIn("dht.bootstrap", report["checks"]["dht_client_ready"])
        self.assert_problem(server.get(f"/resolve/{cid}"), 404, "not_found")
        self.stop(server)

    def test_port_in_use_is_refused(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            bind = f"127.0.0.1:{taken.getsockname()[1]}"
            words = ("serve", "--http-bind", "127.0.0.1:0", "--dht-bind", bind)
            done = self.command(*self.joined(*words))
        self.assertEqual(done.returncode, 69)
        self.assertIn(f"{bind} is in use", done.complaint)
