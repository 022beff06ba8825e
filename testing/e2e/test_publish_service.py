"""Names of a key that a running service keeps on the DHT, and keys it looks up at its start."""

import json
import signal
import socket

from network import Network
from support import EndToEndTest, make_lines, name_of

NODES = 40


class PublishServiceTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        network = Network(NODES)
        self.addCleanup(network.end)
        self.bootstrap = network.bootstrap
        self.key = self.succeed("keygen", "--out", "name.key").text.strip()
        self.secret = (self.folder / "name.key").read_text().strip()
        self.file = self.folder / "svc-index.toml"

    def configure(self, names, key_file="name.key", bootstrap=True):
        text = ", ".join(f'"{name}"' for name in names)
        lines = ["[publish]", f'key_file = "{self.folder / key_file}"', f"names = [{text}]"]
        if bootstrap:
            nodes = ", ".join(f'"{node}"' for node in self.bootstrap.split(","))
            lines += ["[dht]", f"bootstrap = [{nodes}]", "min_nodes = 8"]
        self.file.write_text("\n".join(lines) + "\n")

    def serve(self):
        server = self.start("--config", self.file, ready=False)
        server.wait_until_ready("/healthz")
        self.addCleanup(lambda: self.assertNotIn(self.secret, server.log_text()))
        return server

    def published(self, server):
        return server.log_text().count("key names are published")

    def pointed_at(self, name):
        done = self.command("lookup", name, "--dht-bootstrap", self.bootstrap)
        return done.text.split()[0] if done.returncode == 0 else None

    def test_names_are_published_at_the_start_and_found_by_others(self):
        apex, old, new = self.content_ids([b"apex", b"old", b"new"])
        # Somebody else's name under the same key stays.
        other = f"other.{self.key}"
        self.succeed("publish", other, old, "--key-file", "name.key",
                     "--dht-bootstrap", self.bootstrap)
        self.configure([f"@={apex}", f"blog={old}"])
        server = self.serve()
        self.wait_for("the publication", 20, lambda: self.published(server) == 1)
        self.assertEqual(self.pointed_at(self.key), apex)
        self.assertEqual(self.pointed_at(f"blog.{self.key}"), old)
        self.assertEqual(self.pointed_at(other), old)
        resolver = self.start(
            "--dht-bootstrap", self.bootstrap, "--dht-min-nodes", 8, ready=False
        )
        resolver.wait_until_ready("/readyz")
        answer = json.loads(resolver.get(f"/resolve/blog.{self.key}").body)
        self.assertEqual(answer["manifest_cid"], old)
        self.assertEqual(len(answer["proof"]["key"]), 64)
        # The list is changed, and the running service told of it.
        self.configure([f"@={apex}", f"blog={new}"])
        server.process.send_signal(signal.SIGHUP)
        self.wait_for("the publication", 20, lambda: self.published(server) == 2)
        self.assertEqual(self.pointed_at(f"blog.{self.key}"), new)
        self.assertEqual(self.pointed_at(other), old)
        self.stop(server)
        self.stop(resolver)

    def test_what_cannot_be_published_is_refused_at_the_start(self):
        [cid] = self.content_ids([b"x"])
        self.configure([f"blog={cid}"], bootstrap=False)
        words = ("serve", "--http-bind", "127.0.0.1:0", "--config", self.file)
        self.fail_with(78, ["publish.names", "dht.bootstrap"], *words)
        self.configure([f"blog={cid}"], key_file="absent")
        self.fail_with(78, ["publish.key_file", "absent"], *words)
        (self.folder / "name.key").chmod(0o644)
        self.configure([f"blog={cid}"])
        self.fail_with(78, ["publish.key_file", "chmod 600"], *words)
        self.configure(["blog=libc6"])
        self.fail_with(78, ["publish.names", "blog=libc6"], *words)

    def test_a_silent_network_is_tried_again_and_holds_nothing_up(self):
        [cid] = self.content_ids([b"x"])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
            deaf.bind(("127.0.0.1", 0))
            self.bootstrap = f"127.0.0.1:{deaf.getsockname()[1]}"
            self.configure([f"blog={cid}"])
            server = self.serve()
            self.assert_status(server.get("/resolve/nothing"), 404)
            self.stop(server)

    def test_keys_are_warm_before_anybody_asks(self):
        lines = make_lines(20)
        self.import_lines(lines)
        names = [name_of(line) for line in lines]
        server = self.start("--cache-warmup-keys", ",".join(names), database=self.database)
        self.wait_for("warmth", 10, lambda: server.metric("index_cache_entries") == len(names))
        for name in names:
            status = server.get(f"/resolve/{name}").headers["Cache-Status"]
            self.assertEqual(status, "svc-index; hit; detail=ram")
        self.stop(server)
        self.fail_with(78, ["cache.warmup_keys", "a..b"], "serve", "--cache-warmup-keys", "a..b")
