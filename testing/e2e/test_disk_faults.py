"""A full disk and a read-only one, on a small tmpfs: refused clearly, nothing lost, back by itself.

Mounting takes root.
"""

import json
import shutil
import unittest

from small_disk import SmallDisk, read_only, run, why_no_mounts
from support import ROUNDS, EndToEndTest, make_lines, name_of

DISK_MIB = 24
# What contract 3.5 allows from a dependency's fall, or its return, until it shows.
SHOWS_WITHIN_SECONDS = 2


class DiskFaultTest(EndToEndTest):
    @classmethod
    def setUpClass(cls):
        reason = why_no_mounts()
        if reason is not None:
            raise unittest.SkipTest(reason)

    def setUp(self):
        super().setUp()
        self.small_disk = SmallDisk(self.folder / "disk", DISK_MIB)
        self.addCleanup(self.small_disk.unmount)
        self.disk = self.small_disk.folder
        self.database = self.disk / "db"
        self.lines = make_lines(200, providers=2)
        self.import_lines(self.lines)

    # A full disk

    def write_until_refused(self, server, tries=3000):
        """PUTs providers; returns those that were acknowledged, and the first refusal."""
        cid = self.content_ids([b"something"])[0]
        acknowledged = {}
        for number in range(tries):
            address = f"198.51.100.7:{number + 1}"
            body = {"id": f"p{number % 30}", "addr": address}
            response = server.put(f"/admin/providers/{cid}", body)
            if response.status not in (200, 201):
                return cid, acknowledged, response
            acknowledged[body["id"]] = address
        self.fail(f"{tries} writes and the disk is not full")

    def wait_for_fall(self, server):
        def has_fallen():
            status, report = server.readiness()
            return status == 503 and report["missing"] == ["db_open"] and report["retry_after"]

        return self.wait_for("/readyz 503 for db_open", SHOWS_WITHIN_SECONDS, has_fallen)

    def wait_for_return(self, server):
        return self.wait_for(
            "/readyz 200", SHOWS_WITHIN_SECONDS, lambda: server.readiness()[0] == 200
        )

    def check_reads(self, server):
        """Health and reads go on, also those that need the disk."""
        self.assert_status(server.get("/healthz"), 200)
        for line in self.random.sample(self.lines, 5):
            entry = json.loads(line)
            answer = server.get(f"/resolve/{entry['name']}?fresh=true&limit=32")
            answer = json.loads(self.assert_status(answer, 200).body)
            self.assertEqual(answer["providers_total"], len(entry["providers"]))
            manifest = server.get(f"/manifests/{answer['manifest_cid']}")
            self.assertEqual(json.loads(manifest.body), entry["manifest"])

    def check_nothing_is_lost(self, server, cid, acknowledged):
        response = server.get(f"/providers/{cid}?limit=32")
        if acknowledged:
            places = json.loads(self.assert_status(response, 200).body)["providers"]
            self.assertEqual({place["id"]: place["addr"] for place in places}, acknowledged)
        else:
            self.assert_status(response, 404)

    def test_service_refuses_writes_while_the_disk_is_full(self):
        server = self.start(database=self.database)
        for _ in range(ROUNDS):
            self.small_disk.fill(leaving=2 << 20)
            self.wait_for_fall(server)
            cid, acknowledged, refusal = self.write_until_refused(server)
            self.assert_problem(refusal, 503, "upstream_unready", "disk is full")
            self.assertIsNotNone(refusal.headers["Retry-After"])
            document = b'{"never":"stored"}'
            [other] = self.content_ids([document])
            for path, body in (
                (f"/admin/manifests/{other}", document),
                ("/admin/names/never.stored", {"manifest_cid": other}),
            ):
                refusal = server.put(path, body)
                self.assert_problem(refusal, 503, "upstream_unready", "disk is full")
            self.assertEqual(acknowledged, {})
            self.check_reads(server)
            self.small_disk.free()
            self.wait_for_return(server)
            self.assert_status(server.put(f"/admin/manifests/{other}", document), 201)
            self.check_nothing_is_lost(server, cid, acknowledged)
        self.stop(server)
        self.assertEqual(self.export(), self.lines)

    def test_disk_that_fills_under_the_database_loses_nothing_acknowledged(self):
        self.fill_under_the_database(kills=False)

    def test_kill_on_a_full_disk_loses_nothing_acknowledged(self):
        self.fill_under_the_database(kills=True)

    def fill_under_the_database(self, kills):
        """With no reserve it is SQLite that meets the end of the disk, in the middle of a write."""
        server = self.start("--db-min-free-bytes", 0, database=self.database)
        self.small_disk.fill(leaving=300 << 10)
        cid, acknowledged, refusal = self.write_until_refused(server)
        self.assert_problem(refusal, 503, "upstream_unready", "disk is full")
        self.assertGreater(len(acknowledged), 0)
        self.check_reads(server)
        self.check_nothing_is_lost(server, cid, acknowledged)
        if kills:
            server.kill()
            # On the full disk it starts or says why not; either way nothing is lost.
            done = self.command("export", "--db-path", self.database)
            self.assertIn(done.returncode, (0, 69), done.complaint)
            self.assertRegex(done.complaint, r"\A\Z|disk .* is full")
            self.small_disk.free()
            server = self.start("--db-min-free-bytes", 0, database=self.database)
        else:
            self.small_disk.free()
            self.wait_for_return(server)
        self.check_nothing_is_lost(server, cid, acknowledged)
        body = {"id": "after", "addr": "198.51.100.7:80"}
        self.assert_status(server.put(f"/admin/providers/{cid}", body), 201)
        acknowledged["after"] = body["addr"]
        server.kill()
        server = self.start(database=self.database)
        self.check_nothing_is_lost(server, cid, acknowledged)
        self.stop(server)
        self.assertEqual(self.export(), self.lines)

    def test_commands_say_that_the_disk_is_full(self):
        # A new store meets the end of the disk at another step with every size.
        for leaving in (0, 4 << 10, 8 << 10, 16 << 10, 24 << 10, 40 << 10, 64 << 10, 1 << 20):
            self.small_disk.fill(leaving)
            parts = [self.database, "disk", "full", "nothing acknowledged was lost"]
            path = ("--db-path", self.database)
            self.fail_with(69, parts, "import", "-", *path, stdin=make_lines(300, "more")[-1])
            new = self.disk / f"new-{leaving}" / "deep"
            parts = [new, "disk", "full"]
            self.fail_with(69, parts, "import", "-", "--db-path", new, stdin=self.lines[0])
            if leaving < 16 << 10:
                words = ("serve", "--http-bind", "127.0.0.1:0", "--db-path", new)
                self.fail_with(69, parts, *words)
            self.small_disk.free()
            shutil.rmtree(new.parent, ignore_errors=True)
        self.assertEqual(self.export(), self.lines)

    def test_import_that_fills_the_disk_keeps_what_it_acknowledged(self):
        self.small_disk.fill(leaving=5 << 20)
        source = self.folder / "more.ndjson"
        # More than fits, of names that are not there yet.
        more = make_lines(1500, "more", manifest_bytes=4000)[len(self.lines):]
        source.write_bytes(b"\n".join(more))
        words = ("import", source, "--db-path", self.database, "--json")
        done = self.fail_with(69, ["disk", "full"], *words)
        stored = max((json.loads(line)["stored"] for line in done.text.splitlines()), default=0)
        names = {name_of(line): line for line in self.lines}
        names.update((name_of(line), line) for line in more[:stored])
        self.assertLess(stored, len(more))
        kept = {name_of(line): line for line in self.export()}
        self.assertEqual({name: kept.get(name) for name in names}, names)
        self.small_disk.free()
        run("mount", "-o", "remount,size=60m", self.disk)
        self.succeed(*words)
        names.update((name_of(line), line) for line in more)
        self.assertEqual(self.export(), [names[name] for name in sorted(names)])

    # A read-only disk

    def test_commands_say_that_the_disk_is_read_only(self):
        run("mount", "-o", "remount,ro", self.disk)
        parts = [self.database, "cannot be written", "read-only"]
        path = ("--db-path", self.database)
        self.fail_with(69, parts, "serve", "--http-bind", "127.0.0.1:0", *path)
        self.fail_with(69, parts, "import", "-", *path, stdin=self.lines[0])
        self.fail_with(69, parts, "export", *path)
        parts = [self.disk / "new", "cannot be written", "read-only"]
        self.fail_with(69, parts, "import", "-", "--db-path", self.disk / "new")
        run("mount", "-o", "remount,rw", self.disk)
        self.assertEqual(self.export(), self.lines)

    def test_service_is_not_ready_while_its_directory_is_read_only(self):
        server = self.start(database=self.database)
        with read_only(self.database):
            self.wait_for_fall(server)
            self.check_reads(server)
            document = b'{"written":"meanwhile"}'
            [cid] = self.content_ids([document])
            path = f"/admin/manifests/{cid}"
            refusal = server.put(path, document)
            self.assert_problem(refusal, 503, "upstream_unready", "be written")
        self.wait_for_return(server)
        self.assert_status(server.put(path, document), 201)
        self.stop(server)
        server = self.start(database=self.database)
        self.assertEqual(server.get(f"/manifests/{cid}").body, document)
        self.stop(server)
