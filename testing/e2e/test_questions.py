"""`resolve` and `providers`: what they print of a service's answers, and how they end."""

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler

from support import EndToEndTest, compact, make_lines, name_of

ABSENT_CID = "b3:" + "0123456789abcdef" * 4
HEX64 = r"b3:[0-9a-f]{64}"


class Liar(BaseHTTPRequestHandler):
    """A service that names one manifest and sends another."""

    def do_GET(self):
        answer = compact({"key": "name:a", "manifest_cid": ABSENT_CID}).encode()
        body = {"/resolve/name:a": answer, "/resolve/name:garbage": b"{"}.get(self.path, b"no")
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class QuestionTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.lines = make_lines(5, providers=7)
        self.import_lines(self.lines)
        self.name = name_of(self.lines[0])
        self.entry = json.loads(self.lines[0])
        self.server = self.start(database=self.database)
        self.url = ("--url", self.server.url)
        answer = json.loads(self.server.get(f"/resolve/{self.name}").body)
        self.cid = answer["manifest_cid"]

    def test_resolve_prints_text(self):
        for key in (self.name, f"name:{self.name}", self.name.upper(), self.cid):
            with self.subTest(key=key):
                done = self.succeed("resolve", key, *self.url)
                lines = done.text.splitlines()
                self.assertEqual(done.complaint, "")
                self.assertRegex(lines[0], r"^key +\S+$")
                self.assertRegex(lines[1], rf"^manifest +{self.cid}$")
                self.assertRegex(lines[2], r"^ +\d+ bytes, application/json$")
                self.assertRegex(lines[3], r"^providers +5 of 7$")
                self.assertEqual(len(lines), 4 + 5)
                self.assertRegex(lines[4], r"^ +http://198\.51\.100\.\S+ +\S+ +\w+ +[01](\.\d+)? ")

    def test_resolve_prints_the_answer_as_it_came(self):
        done = self.succeed("resolve", self.name, "--json", *self.url)
        self.assertEqual(done.stdout.rstrip(b"\n"),
                         self.server.get(f"/resolve/{self.name}").body.rstrip(b"\n"))
        done = self.succeed("resolve", self.name, "--json", "--fresh", *self.url)
        self.assertEqual(json.loads(done.text)["manifest_cid"], self.cid)

    def test_limit_and_region_are_passed_on(self):
        for command, key in (("resolve", self.name), ("providers", self.cid)):
            words = (command, key, "--limit", 2, "--region", "ap-south-1", "--json", *self.url)
            answer = json.loads(self.succeed(*words).text)
            self.assertEqual((len(answer["providers"]), answer["providers_total"]), (2, 7))
            self.assertEqual(answer["providers"][0]["region"], "ap-south-1")
            self.assertEqual(answer["providers"][0]["class"], "region_match")
        answer = self.succeed("resolve", self.name, "--limit", 0, "--json", *self.url)
        self.assertEqual(json.loads(answer.text)["providers"], [])

    def test_providers_prints_text_and_json(self):
        text = self.succeed("providers", self.cid, "--limit", 32, *self.url).text
        self.assertRegex(text, rf"\Acid +{self.cid}\nproviders +7 of 7\n")
        for place in self.entry["providers"]:
            self.assertIn(place["addr"], text)
        answer = json.loads(self.succeed("providers", self.cid, "--json", *self.url).text)
        self.assertEqual((answer["cid"], answer["providers_total"]), (self.cid, 7))
        words = ("providers", self.cid, "--min-freshness", 3600, "--json", *self.url)
        self.assertEqual(json.loads(self.succeed(*words).text)["providers_total"], 7)

    def test_manifest_is_printed_after_it_was_checked(self):
        done = self.succeed("resolve", self.name, "--manifest", *self.url)
        self.assertEqual(json.loads(done.stdout), self.entry["manifest"])
        self.assertEqual(self.content_ids([done.stdout]), [self.cid])

    def test_manifest_with_wrong_bytes_is_not_printed(self):
        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Liar) as liar:
            threading.Thread(target=liar.serve_forever, daemon=True).start()
            url = ("--url", "http://127.0.0.1:%d" % liar.server_address[1])
            done = self.fail_with(1, [ABSENT_CID], "resolve", "a", "--manifest", *url)
            self.assertEqual(done.stdout, b"")
            self.fail_with(1, ["no JSON object"], "resolve", "garbage", *url)
            liar.shutdown()

    def test_what_is_not_there_fails(self):
        for words in (["resolve", "no.such.name"], ["resolve", ABSENT_CID],
                      ["resolve", "no.such.name", "--json"], ["providers", ABSENT_CID]):
            with self.subTest(words=words):
                done = self.fail_with(1, [], *words, *self.url)
                self.assertEqual(done.stdout, b"")

    def test_keys_and_options_that_are_wrong_are_usage_errors(self):
        for words, part in (
            (["resolve", "a..b"], "label"),
            (["resolve", "a b"], "name"),
            (["resolve", "b3:123"], "64"),
            (["resolve", ""], "name"),
            (["providers", self.name], "b3:"),
            (["providers", ABSENT_CID.upper()], "b3:"),
            (["resolve", "a", "--limit", "-1"], "limit"),
            (["resolve", "a", "--region", "no region"], "region"),
            (["resolve", "a", "--region", "a&limit=1"], "region"),
            (["providers", ABSENT_CID, "--min-freshness", "-5"], "min"),
        ):
            with self.subTest(words=words):
                self.fail_with(64, [part], *words, *self.url)

    def test_service_that_does_not_answer_is_unavailable(self):
        self.stop(self.server)
        for words in (["resolve", "a"], ["providers", ABSENT_CID], ["resolve", "a", "--manifest"]):
            self.fail_with(69, [self.server.url, "svc-index serve", "--url"], *words, *self.url)
        self.fail_with(64, ["--url"], "resolve", "a", "--url", "nonsense")

    def test_key_that_only_the_dht_knows_is_unavailable(self):
        key = "blog." + "y" * 52
        self.fail_with(69, ["DHT"], "resolve", key, *self.url)
