"""A damaged store: never a wrong answer, and the operator is told what to do."""

import json
import os
import shutil

from support import ROUNDS, EndToEndTest, make_lines, name_of

PAGE_BYTES = 4096
ROUNDS_OF_DAMAGE = 3


class DamageTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.lines = make_lines(300, providers=2)
        self.import_lines(self.lines)
        self.entries = {name_of(line): json.loads(line) for line in self.lines}
        self.file = self.database / "index.sqlite"

    def overwrite(self, offset, data):
        with open(self.file, "r+b") as file:
            file.seek(offset)
            file.write(data)

    def flip_bit_in_manifest(self, name):
        """Flips one bit somewhere in the stored bytes of a name's manifest; returns where."""
        manifest = json.dumps(self.entries[name]["manifest"], separators=(",", ":")).encode()
        stored = self.file.read_bytes()
        place = stored.index(manifest) + self.random.randrange(len(manifest))
        self.assertEqual(stored.count(manifest), 1)
        self.overwrite(place, bytes([stored[place] ^ 1 << self.random.randrange(8)]))
        return f"bit flipped at {place}"

    def check_answer(self, server, name, target=""):
        """The right answer, or one that says that there is none; returns the status."""
        response = server.get(f"/resolve/{name}{target or '?limit=32'}")
        if response.status != 200:
            self.assertIn(response.status, (500, 503), f"{name}: {response.body[:300]!r}")
            return response.status
        answer, entry = json.loads(response.body), self.entries[name]
        self.assertEqual(
            sorted(place["addr"] for place in answer["providers"]),
            sorted(place["addr"] for place in entry["providers"]),
        )
        manifest = server.get(f"/manifests/{answer['manifest_cid']}")
        if self.assert_status(manifest, 200, 500, 503).status == 200:
            self.assertEqual(json.loads(manifest.body), entry["manifest"])
        return manifest.status

    # Before the start

    def test_garbage_is_refused_at_the_start(self):
        copy = self.folder / "copy"
        shutil.copytree(self.database, copy)
        noise = self.random.randbytes(50_000)
        whole = self.file.read_bytes()
        for content in (noise, whole[:16] + noise, b"SQLite format 3\0", whole[:5000]):
            with self.subTest(begins=content[:24], bytes=len(content)):
                self.file.write_bytes(content)
                path = ("--db-path", self.database)
                parts = [self.database, "damaged", "import again"]
                self.fail_with(69, parts, "serve", "--http-bind", "127.0.0.1:0", *path)
                self.fail_with(69, parts, "import", "-", *path, stdin=self.lines[0])
                self.fail_with(69, parts, "export", *path)
                self.assertEqual(self.file.read_bytes(), content, "the evidence was changed")
        # What the message advises helps.
        shutil.rmtree(self.database)
        shutil.copytree(copy, self.database)
        self.assertEqual(self.export(), self.lines)

    def test_newer_schema_is_refused(self):
        text = b"v1: names, manifests, providers, pins"
        place = self.file.read_bytes().index(text)
        self.overwrite(place, text.replace(b"v1", b"v9"))
        parts = [self.database, "newer version", "upgrade"]
        path = ("--db-path", self.database)
        self.fail_with(69, parts, "serve", "--http-bind", "127.0.0.1:0", *path)
        self.fail_with(69, parts, "export", *path)

    # One bit

    def test_manifest_with_a_flipped_bit_is_never_served(self):
        words = "does not match its content id"
        for number in range(ROUNDS_OF_DAMAGE * ROUNDS):
            name = self.random.choice(sorted(self.entries))
            what = self.flip_bit_in_manifest(name)
            with self.subTest(name=name, what=what):
                done = self.command("export", "--db-path", self.database)
                self.assertEqual(done.returncode, 1, done.complaint)
                self.assertIn(f"the manifest of {name} is damaged", done.complaint)
                self.assertIn("import them again", done.complaint)
                server = self.start(database=self.database)
                cid = self.check_refusals(server, name, words)
                others = [other for other in sorted(self.entries) if other != name]
                for other in self.random.sample(others, 20):
                    self.assertEqual(self.check_answer(server, other), 200)
                # One manifest is damaged, the store as a whole is fit.
                self.assertEqual(server.readiness()[0], 200)
                self.mend(server, name, cid, through_service=number % 2 == 0)

    def check_refusals(self, server, name, words):
        """Every way to the damaged manifest is refused, counted and logged; returns its cid."""
        page = json.loads(server.get(f"/admin/names?prefix={name}&limit=1").body)
        cid = page["names"][0]["manifest_cid"]
        targets = (f"/resolve/{name}", f"/resolve/{name}", f"/resolve/{name}?fresh=true",
                   f"/resolve/{cid}", f"/manifests/{cid}")
        for count, target in enumerate(targets, 1):
            self.assert_problem(server.get(target), 500, "internal", words)
            self.assertEqual(server.metric("index_integrity_fail_total"), count)
        self.assertEqual(server.request("HEAD", f"/manifests/{cid}").status, 500)
        self.assertIn(words, server.log_text())
        # Where the bytes can be had stands in another table, and is still worth knowing.
        self.assert_status(server.get(f"/providers/{cid}"), 200)
        for more in ((), ("--json",), ("--manifest",)):
            done = self.fail_with(1, [words], "resolve", name, "--url", server.url, *more)
            self.assertEqual(done.stdout, b"")
        return cid

    def mend(self, server, name, cid, through_service):
        """Storing the same manifest again mends it, through the service or by an import."""
        manifest = json.dumps(self.entries[name]["manifest"], separators=(",", ":")).encode()
        if through_service:
            self.assert_status(server.put(f"/admin/manifests/{cid}", manifest), 201)
            self.assertEqual(self.check_answer(server, name), 200)
            self.stop(server)
        else:
            self.stop(server)
            self.import_lines(self.lines)
        self.assertEqual(self.export(), self.lines)

    # While it runs

    def test_damage_under_a_running_service_never_makes_a_wrong_answer(self):
        pages = self.file.stat().st_size // PAGE_BYTES
        original = self.file.read_bytes()
        seen = set()
        for number in range(ROUNDS_OF_DAMAGE * ROUNDS):
            self.file.write_bytes(original)
            # Little memory for pages, so that they are read again and again.
            server = self.start("--db-page-cache-bytes", "1MiB", database=self.database)
            self.assertEqual(self.check_answer(server, next(iter(self.entries))), 200)
            share = (0.2, 0.6, 1)[number % 3]
            hit = self.random.sample(range(pages), max(1, int(pages * share)))
            with self.subTest(pages=pages, hit=hit):
                for page in hit:
                    kinds = (bytes(PAGE_BYTES), self.random.randbytes(PAGE_BYTES))
                    self.overwrite(page * PAGE_BYTES, self.random.choice(kinds))
                statuses = [self.check_answer(server, name) for name in self.entries]
                seen.update(statuses)
                self.assertTrue({500, 503} & set(statuses), "no answer met the damage")
                self.assert_status(server.get("/healthz"), 200)
                if 503 in statuses:
                    self.check_unready(server, "damaged")
            code = server.stop()
            self.check_no_crash(server.log_text(), code)
        print(f"  {ROUNDS_OF_DAMAGE * ROUNDS} stores damaged, answers seen: {sorted(seen)}")

    def check_unready(self, server, word):
        def is_unready():
            status, report = server.readiness()
            return status == 503 and report["missing"] == ["db_open"]

        self.wait_for("/readyz 503 for db_open", 2, is_unready)
        self.assertIn(word, server.readiness()[1]["checks"]["db_open"])

    def test_lost_file_under_a_running_service_never_makes_a_wrong_answer(self):
        server = self.start("--db-page-cache-bytes", "1MiB", database=self.database)
        with open(self.file, "r+b") as file:
            file.truncate(PAGE_BYTES * 3)
        for name in self.entries:
            self.check_answer(server, name)
        self.assert_status(server.get("/healthz"), 200)
        code = server.stop()
        self.check_no_crash(server.log_text(), code)

    def test_log_cut_short_under_a_running_service_never_makes_a_wrong_answer(self):
        cache = ("--db-page-cache-bytes", "1MiB")
        server = self.start(*cache, database=self.database)
        with open(self.folder / "again", "wb") as again:
            again.write(b"\n".join(self.lines))
        words = ("import", again.name, "--url", server.url, "--auth-token-file", self.token_file)
        self.succeed(*words)
        for file in sorted(self.database.glob("index.sqlite*")):
            os.truncate(file, file.stat().st_size // 3)
        for name in self.entries:
            self.check_answer(server, name)
        self.assert_status(server.get("/healthz"), 200)
        code = server.stop()
        self.check_no_crash(server.log_text(), code)

    def test_damage_that_is_over_is_found_to_be_over(self):
        """As with a disk that gave read errors for a while, which SQLite takes for damage."""
        server = self.start("--db-page-cache-bytes", "1MiB", database=self.database)
        whole = self.file.read_bytes()
        self.overwrite(PAGE_BYTES, bytes(len(whole) - PAGE_BYTES))
        statuses = {self.check_answer(server, name, "?fresh=true") for name in self.entries}
        self.assertIn(503, statuses)
        self.check_unready(server, "damaged")
        self.overwrite(0, whole)
        self.wait_for("/readyz 200", 5, lambda: server.readiness()[0] == 200)
        for name in self.entries:
            self.assertEqual(self.check_answer(server, name), 200)
        self.assertIn("proved sound", server.log_text())
        self.stop(server)
        self.assertEqual(self.export(), self.lines)

    def test_store_that_is_replaced_is_not_written(self):
        """A backup put over the database of a running service gets no acknowledged writes."""
        [cid] = self.content_ids([b"{}"])
        path = f"/admin/manifests/{cid}"
        server = self.start(database=self.database)
        away = self.folder / "away"
        shutil.copy(self.file, away)
        original = self.folder / "original"
        self.file.rename(original)
        away.rename(self.file)
        self.assert_problem(server.put(path, b"{}"), 503, "upstream_unready", "written")
        self.check_unready(server, "written")
        original.rename(self.file)
        self.wait_for("/readyz 200", 2, lambda: server.readiness()[0] == 200)
        self.assert_status(server.put(path, b"{}"), 201)

    def test_store_that_is_moved_away_is_not_written(self):
        """What would go into files that nobody finds again is not acknowledged."""
        document = b'{"written":"in time"}'
        [cid] = self.content_ids([document])
        path = f"/admin/manifests/{cid}"
        away = self.folder / "away"
        for target in (self.database, self.file):
            with self.subTest(moved=target.name):
                server = self.start(database=self.database)
                target.rename(away)
                self.assert_problem(server.put(path, document), 503, "upstream_unready", "written")
                self.check_unready(server, "written")
                self.assertEqual(self.check_answer(server, next(iter(self.entries))), 200)
                away.rename(target)
                self.wait_for("/readyz 200", 2, lambda: server.readiness()[0] == 200)
                self.assert_status(server.put(path, document), 201)
                self.stop(server)
                server = self.start(database=self.database)
                self.assertEqual(server.get(f"/manifests/{cid}").body, document)
                self.stop(server)
