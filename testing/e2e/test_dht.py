"""The DHT from the command line: nodes on loopback, announcements, lookups, readiness."""

import json
import re
import socket
import subprocess
import unittest
from pathlib import Path

from network import Network
from support import BINARY, EndToEndTest

NODES = 60
# The keys of the objects that `lookup --json` prints, as docs/dht.md has them.
LOOKUP_KEYS = """family target verdict end hops queried responded stalled timed_out failed held_back
    hedged winner elapsed_ms elapsed_us first_result_us hedge_delay_us bytes_sent bytes_received
    discarded forged trace""".split()
QUERY_KEYS = """turn wave hop node id shared_bits sent_us answered_us took_us stalled state nodes
    values""".split()
DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "dht.md"


def has_ipv6_loopback():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
            return True
    except OSError:
        return False


class NetworkTest(EndToEndTest):
    """A test with a DHT of its own."""

    # Beside the number of nodes.
    words = ()

    def setUp(self):
        super().setUp()
        network = Network(NODES, *self.words)
        self.addCleanup(network.end)
        self.bootstrap = network.bootstrap

    def joined(self, *words):
        return (*words, "--dht-bootstrap", self.bootstrap)


@unittest.skipUnless(has_ipv6_loopback(), "this machine has no IPv6 loopback")
class IPv6Test(NetworkTest):
    words = ("--ipv6",)

    def test_what_was_announced_over_ipv6_is_found(self):
        self.assertRegex(self.bootstrap, r"\A(\[::1\]:\d+,?)+\Z")
        bind = ("--dht-bind", "[::1]:0")
        cids = self.content_ids([b"six", b"key"])
        done = self.succeed(*self.joined("announce", cids[0], "--port", 9000), *bind)
        self.assertIn("stored at 8 of 8", done.text)
        done = self.succeed(*self.joined("lookup", cids[0], "--trace", "--json"), *bind)
        answer = json.loads(done.stdout)
        self.assertEqual([entry["addr"] for entry in answer["providers"]], ["[::1]:9000"])
        [lookup] = answer["lookups"]
        self.assertEqual(lookup["family"], "ipv6")
        self.assertTrue(all(query["node"].startswith("[::1]:") for query in lookup["trace"]))
        key = self.succeed("keygen", "--out", "name.key").text.strip()
        words = ("publish", key, cids[1], "--key-file", "name.key")
        self.succeed(*self.joined(*words), *bind)
        self.assertIn(cids[1], self.succeed(*self.joined("lookup", key), *bind).text)

    def test_a_service_finds_it_too(self):
        bind = ("--dht-bind", "[::1]:0")
        [cid] = self.content_ids([b"served"])
        self.succeed(*self.joined("announce", cid, "--port", 9000), *bind)
        server = self.start(*self.joined("--dht-bind", "[::1]:0"))
        answer = json.loads(server.get(f"/providers/{cid}").body)
        self.assertEqual([entry["addr"] for entry in answer["providers"]], ["[::1]:9000"])
        self.stop(server)


class DHTTest(NetworkTest):
    def test_the_first_line_is_the_bootstrap_list(self):
        self.assertRegex(self.bootstrap, r"\A(127\.0\.0\.1:\d+,?){8}\Z")

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
        self.check_lookup(lookup, cid)

    def check_lookup(self, lookup, cid):
        """The sums of a traced lookup are those of its queries."""
        self.assertEqual(list(lookup), LOOKUP_KEYS)
        self.assertEqual(lookup["target"], cid.removeprefix("b3:")[:40])
        queries = lookup["trace"]
        for query in queries:
            self.assertEqual(list(query), QUERY_KEYS)
            answered = query["state"] == "answered"
            self.assertEqual(query["answered_us"] is not None, answered)
            if answered:
                took = query["answered_us"] - query["sent_us"]
                self.assertAlmostEqual(took, query["took_us"], delta=2)
                self.assertLessEqual(query["answered_us"], lookup["elapsed_us"] + 1)
                self.assertRegex(query["id"], r"\A[0-9a-f]{40}\Z")
        self.assertEqual([query["turn"] for query in queries], [*range(1, len(queries) + 1)])
        for key, count in (
            ("responded", sum(query["state"] == "answered" for query in queries)),
            ("timed_out", sum(query["state"] == "timeout" for query in queries)),
            ("stalled", sum(query["stalled"] for query in queries)),
            ("hedged", sum(query["wave"] == "beta" for query in queries)),
        ):
            self.assertEqual(lookup[key], count, key)
        first = min(query["answered_us"] for query in queries if query["values"])
        self.assertAlmostEqual(lookup["first_result_us"], first, delta=2)
        self.assertGreater(lookup["bytes_sent"], 90 * len(queries))
        self.assertGreater(lookup["bytes_received"], 90 * lookup["responded"])
        self.assertEqual(round(lookup["elapsed_us"] / 1000), lookup["elapsed_ms"])

    def test_json_of_a_failed_lookup_has_the_same_keys(self):
        [cid] = self.content_ids([b"nowhere"])
        done = self.command(*self.joined("lookup", cid, "--json"))
        self.assertEqual(done.returncode, 1)
        [lookup] = json.loads(done.stdout)["lookups"]
        self.assertEqual(list(lookup), LOOKUP_KEYS[:-1])
        self.assertEqual((lookup["verdict"], lookup["first_result_us"]), ("absent", None))

    def test_every_key_of_the_json_is_documented(self):
        text = DOCUMENT.read_text()
        for key in (*LOOKUP_KEYS, *QUERY_KEYS):
            self.assertIn(f"`{key}`", text)

    def test_json_of_a_write_says_what_became_of_it(self):
        [cid] = self.content_ids([b"announced"])
        done = self.succeed(*self.joined("announce", cid, "--port", 9000, "--json"))
        answer = json.loads(done.stdout)
        self.assertEqual((answer["attempted"], answer["stored"]), (8, 8))
        self.assertEqual((answer["timed_out"], answer["unsent"], answer["refusals"]), (0, 0, []))

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
        self.assertIn(f"could not be asked: {node}: it does not answer", done.complaint)

    def test_bad_bootstrap_nodes_are_named_with_the_reason(self):
        [cid] = self.content_ids([b"nowhere"])
        for node, reason in (
            ("name.invalid:6881", "name.invalid:6881: "),
            ("[::1]:6881", "no IPv6 address is bound"),
            ("255.255.255.255:6881", "no node can be at 255.255.255.255"),
        ):
            done = self.command("lookup", cid, "--dht-bootstrap", node)
            self.assertEqual((done.returncode, done.text), (69, ""))
            self.assertIn(reason, done.complaint)

    def test_one_private_node_by_name_beside_a_dead_one_is_enough(self):
        [cid] = self.content_ids([b"by name"])
        port = self.bootstrap.split(",")[0].rpartition(":")[2]
        nodes = f"localhost:{port},name.invalid:6881"
        self.succeed(*self.joined("announce", cid, "--port", 9000))
        self.assertIn("9000", self.succeed("lookup", cid, "--dht-bootstrap", nodes).text)

    def keygen(self, file="name.key"):
        return self.succeed("keygen", "--out", file).text.strip()

    def publish(self, name, cid, *words, file="name.key"):
        return self.joined("publish", name, cid, "--key-file", file, *words)

    def pointed_at(self, name):
        return self.succeed(*self.joined("lookup", name)).text.split()[0]

    def test_published_names_point_where_they_were_last_pointed(self):
        [old, new, apex] = self.content_ids([b"old", b"new", b"apex"])
        key = self.keygen()
        self.assertRegex(key, r"\A[ybndrfg8ejkmcpqxot1uwisza345h769]{52}\Z")
        blog = f"blog.{key}"
        done = self.succeed(*self.publish(blog, old))
        self.assertIn("stored at 8 of 8", done.text)
        self.assertEqual(self.pointed_at(blog), old)
        self.fail_lookup(key, "none for this name")
        self.succeed(*self.publish(key, apex, "--ttl-s", 3600))
        self.succeed(*self.publish(blog.upper(), new))
        self.assertEqual(self.pointed_at(blog), new)
        found = self.succeed(*self.joined("lookup", key)).text
        self.assertRegex(found, rf"\A{apex} seq \d+ ttl_s 3600\n\Z")
        answer = json.loads(self.succeed(*self.joined("lookup", blog, "--json")).stdout)
        self.assertEqual((answer["name"], answer["cid"], answer["ttl_s"]), (blog, new, 300))
        proof = answer["proof"]
        self.assertEqual(proof["seq"], answer["seq"])
        self.assertEqual([len(proof[part]) for part in ("key", "signature")], [64, 128])
        count, _, packet = bytes.fromhex(proof["value"]).partition(b":")
        self.assertEqual(int(count), len(packet))
        for cid in (apex, new):
            self.assertIn(b"dnslink=/b3/" + cid.removeprefix("b3:").encode(), packet)

    def test_a_later_publication_has_a_higher_number(self):
        cids = self.content_ids([b"%d" % number for number in range(3)])
        key = self.keygen()
        written = [
            json.loads(self.succeed(*self.publish(key, cid, "--json")).stdout) for cid in cids
        ]
        numbers = [line["seq"] for line in written]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertTrue(all(line["stored"] == 8 for line in written))
        self.assertEqual(self.pointed_at(key), cids[-1])

    def test_a_full_key_says_so_and_keeps_what_it_has(self):
        [cid, other] = self.content_ids([b"x", b"y"])
        key = self.keygen()
        for number in range(20):
            name = f"{'long' * 12}{number}.{key}"
            done = self.command(*self.publish(name, cid))
            if done.returncode:
                break
        self.assertEqual(done.returncode, 1)
        self.assertIn("996 bytes", done.complaint)
        first = f"{'long' * 12}0.{key}"
        self.succeed(*self.publish(first, other))
        self.assertEqual(self.pointed_at(first), other)

    def test_unpublished_keys_and_silent_networks_are_told_apart(self):
        [cid] = self.content_ids([b"x"])
        key = self.keygen()
        self.fail_lookup(key, "nothing has been published")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
            deaf.bind(("127.0.0.1", 0))
            node = f"127.0.0.1:{deaf.getsockname()[1]}"
            for words in (("lookup", key), ("publish", key, cid, "--key-file", "name.key")):
                done = self.command(*words, "--dht-bootstrap", node)
                self.assertEqual((done.returncode, done.text), (69, ""))
                self.assertIn("could not be asked", done.complaint)

    def fail_lookup(self, name, part):
        done = self.command(*self.joined("lookup", name))
        self.assertEqual((done.returncode, done.text), (1, ""))
        self.assertIn(part, done.complaint)

    def test_a_kept_publication_stays_until_it_is_stopped(self):
        [cid] = self.content_ids([b"kept"])
        key = self.keygen()
        words = self.publish(key, cid, "--keep-alive")
        with subprocess.Popen(
            [str(BINARY), *words], stdout=subprocess.PIPE, text=True, cwd=self.folder
        ) as keeper:
            self.addCleanup(keeper.kill)
            self.assertIn("stored at 8 of 8", keeper.stdout.readline())
            self.assertEqual(self.pointed_at(key), cid)
            self.assertIsNone(keeper.poll())
            keeper.terminate()
            self.assertEqual(keeper.wait(10), 0)

    def test_secrets_are_private_and_never_written_over(self):
        key = self.keygen()
        file = self.folder / "name.key"
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        secret = file.read_text()
        self.assertRegex(secret, r"\A[0-9a-f]{64}\n\Z")
        self.fail_with(1, ["name.key", "exists"], "keygen", "--out", "name.key")
        self.assertEqual(file.read_text(), secret)
        self.fail_with(1, ["no such file"], "keygen", "--out", "missing/name.key")
        answer = json.loads(self.succeed("keygen", "--json").stdout)
        self.assertEqual(answer["key_file"], "svc-index.key")
        self.assertNotEqual(answer["name"], key)
        [cid] = self.content_ids([b"x"])
        self.fail_with(64, ["not that of"], *self.publish(answer["name"], cid))
        for text in ("", "zz" * 32, secret + "00", secret[:-2]):
            file.write_text(text)
            self.fail_with(64, ["name.key", "64 hex digits"], *self.publish(key, cid))
        file.write_text(secret)
        file.chmod(0o640)
        self.fail_with(64, ["chmod 600"], *self.publish(key, cid))
        self.fail_with(64, ["absent"], *self.publish(key, cid, file="absent"))
        self.fail_with(64, ["is a directory"], *self.publish(key, cid, file="."))
        file.chmod(0o600)
        for part, words in (
            ("public key", self.publish("libc6", cid)),
            ("b3:", self.publish(key, "libc6")),
            ("--ttl-s", self.publish(key, cid, "--ttl-s", 299)),
            ("too long", self.publish("a" * 64 + "." + key, cid)),
        ):
            self.fail_with(64, [part], *words)

    def test_bad_input_is_one_sentence(self):
        [cid] = self.content_ids([b"x"])
        for code, part, words in (
            (64, "--dht-bootstrap", ("lookup", cid)),
            (64, "b3:", self.joined("lookup", "libc6")),
            (64, "--port", self.joined("announce", cid, "--port", 0)),
            (64, "--nodes", ("testnet", "--nodes", 0)),
            (64, "do not fit", ("testnet", "--nodes", 5000, "--port", 65000)),
            (64, "--late-nodes", ("testnet", "--nodes", 5, "--late-nodes", 6)),
            (64, "--late-ms", ("testnet", "--nodes", 5, "--late-nodes", 1, "--late-ms", 0)),
            (78, "two IPv4", self.joined("lookup", cid, "--dht-bind", "127.0.0.1:0,127.0.0.2:0")),
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

    def test_what_the_service_drops_is_counted_by_reason(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = self.start(*self.joined("--dht-bind", f"127.0.0.1:{port}"))
        ping = b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"
        reply = b"d1:rd2:id20:abcdefghij0123456789e1:t6:nobody1:y1:re"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for datagram in (b"garbage", b"d1:t2:aae", ping, reply):
                stranger.sendto(datagram, ("127.0.0.1", port))

        def dropped(reason):
            line = f'dht_datagrams_dropped_total{{reason="{reason}"}} '
            text = server.get("/metrics").body.decode()
            return int(text.partition(line)[2].split("\n")[0])

        for reason in ("bad_bencode", "bad_message", "query_in_client_mode", "unsolicited"):
            self.wait_for(reason, 5, lambda: dropped(reason) == 1)
        self.stop(server)

    def test_service_without_a_network_is_not_ready_and_answers(self):
        [cid] = self.content_ids([b"x"])
        server = self.start("--dht-mode", "client", ready=False)
        server.wait_until_ready("/healthz")
        status, report = server.readiness()
        self.assertEqual(status, 503)
        self.assertEqual(report["missing"], ["dht_client_ready"])
        self.assertIn("dht.bootstrap", report["checks"]["dht_client_ready"])
        # Whether anybody has it cannot be told without a network.
        self.assert_problem(server.get(f"/resolve/{cid}"), 503, "upstream_unready")
        self.stop(server)

    def test_port_in_use_is_refused(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            bind = f"127.0.0.1:{taken.getsockname()[1]}"
            words = ("serve", "--http-bind", "127.0.0.1:0", "--dht-bind", bind)
            done = self.command(*self.joined(*words))
        self.assertEqual(done.returncode, 69)
        self.assertIn(f"{bind} is in use", done.complaint)
