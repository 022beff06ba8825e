"""What goes in comes out: import lines of every shape, through files, pipes and a service."""

import json
import subprocess

from support import BINARY, TOKEN, EndToEndTest, compact, make_lines, name_of

LINE_BYTES = 2 << 20
MANIFEST_BYTES = 1 << 20


def entry(name, manifest=None, **fields):
    document = {"name": name, "manifest": {"of": name} if manifest is None else manifest}
    return compact({**document, **fields}).encode()


class ImportTest(EndToEndTest):
    def feed(self, data, *words):
        """Imports bytes from standard input; returns the finished command."""
        return self.command("import", "-", "--db-path", self.database, *words, stdin=data)

    def stored_names(self):
        return [name_of(line) for line in self.export()]

    def test_standard_input_and_files_are_the_same(self):
        lines = make_lines(50)
        source = self.folder / "lines"
        source.write_bytes(b"\n".join(lines) + b"\n")
        self.succeed("import", source, "--db-path", self.folder / "a")
        self.succeed("import", "-", "--db-path", self.folder / "b", stdin=source.read_bytes())
        with open(source, "rb") as pipe:
            feeder = subprocess.Popen(["cat"], stdin=pipe, stdout=subprocess.PIPE)
            words = [BINARY, "import", "-", "--db-path", self.folder / "c"]
            done = subprocess.run(words, stdin=feeder.stdout, capture_output=True)
            feeder.stdout.close()
            feeder.wait()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.export(self.folder / "a"), lines)
        self.assertEqual(self.export(self.folder / "b"), lines)
        self.assertEqual(self.export(self.folder / "c"), lines)

    def test_line_ends_of_every_kind_are_taken(self):
        lines = make_lines(4)
        self.assertEqual(self.feed(b"\n\n" + lines[0] + b"\r\n\r\n  \t\n" + lines[1]
                                   + b"\n\n\r\n" + lines[2] + b"\r\n" + lines[3]).returncode, 0)
        self.assertEqual(self.export(), lines)

    def test_empty_input_is_an_empty_import(self):
        for data in (b"", b"\n", b"\r\n\r\n"):
            done = self.feed(data)
            self.assertEqual((done.returncode, done.complaint), (0, ""))
            self.assertIn("imported 0 names", done.text)
        self.assertEqual(self.export(), [])

    def test_bad_lines_are_numbered_and_the_others_stored(self):
        bad = {
            2: (b"{", "line 2"),
            3: (b'"text"', "object"),
            4: (b'{"name":"a"}', "manifest"),
            5: (b'{"name":"a","manifest":1,"manifest_cid":"b3:' + b"0" * 64 + b'"}', "either"),
            6: (entry("a", extra=1), "extra"),
            7: (entry("a..b"), "label"),
            8: (entry("a b"), "name"),
            9: (b'{"name":"a","manifest_cid":"b3:xyz"}', "64"),
            10: (entry("a", ttl_s=0), "ttl_s"),
            11: (entry("a", providers=[{"addr": "no address"}]), "addr"),
            12: (b'{"name":"a","manifest":{"x":1,"x":2}}', "x"),
            13: (b"\xff\xfe", "line 13"),
            14: (b'{"name":"\xc3\xa9","manifest":1}', "name"),
            15: (entry("a") + b"trailing", "line 15"),
            16: (b"\x00", "line 16"),
            17: (b"[" * 100_000, "line 17"),
        }
        lines = [entry("first"), *(line for line, _ in bad.values()), entry("last")]
        done = self.feed(b"\n".join(lines))
        self.assertEqual(done.returncode, 1, done.complaint)
        self.assertRegex(done.text, rf"^imported 2 names in .*, refused {len(bad)}\n$")
        complaints = done.complaint.splitlines()
        self.assertEqual(len(complaints), len(bad))
        for (number, (_, part)), complaint in zip(bad.items(), complaints, strict=True):
            with self.subTest(number=number, complaint=complaint):
                self.assertTrue(complaint.startswith(f"svc-index: line {number} is not imported: "))
                self.assertIn(part, complaint)
        self.assertEqual(self.stored_names(), ["first", "last"])

    def test_many_bad_lines_are_counted_not_listed(self):
        done = self.feed(b"bad\n" * 1000 + entry("good"), "--json")
        self.assertEqual(done.returncode, 1)
        self.assertLess(len(done.complaint.splitlines()), 30)
        report = json.loads(done.text.splitlines()[-1])
        self.assertEqual((report["stored"], report["refused"], report["lines"]), (1, 1000, 1001))
        self.assertEqual(report["event"], "done")

    def test_huge_lines_are_refused_and_passed_over(self):
        manifest = {"text": "x" * (MANIFEST_BYTES - len('{"text":""}'))}
        largest = entry("largest", manifest)
        above = entry("above", {"text": manifest["text"] + "x"})
        lines = [entry("first"), b"x" * (LINE_BYTES + 1), largest, above,
                 b'{"name":"' + b"y" * (20 << 20) + b'"}', entry("last"),
                 b" " * (LINE_BYTES + 1)]
        done = self.feed(b"\n".join(lines))
        self.assertEqual(done.returncode, 1)
        for number in (2, 5, 7):
            complaint = f"line {number} is not imported: the line is over {LINE_BYTES} bytes"
            self.assertIn(complaint, done.complaint)
        self.assertRegex(done.complaint, "line 4 is not imported: .*1048576")
        self.assertEqual(self.stored_names(), ["first", "largest", "last"])
        self.assertIn(largest, self.export())

    def test_last_line_about_a_name_wins(self):
        lines = [entry("a", {"version": number}) for number in range(600)]
        self.import_lines(lines)
        self.assertEqual(self.export(), [lines[-1]])

    def test_importing_again_changes_nothing(self):
        lines = make_lines(300)
        versions = []
        for _ in range(2):
            self.import_lines(lines)
            server = self.start(database=self.database)
            page = json.loads(server.get("/admin/names?limit=1000").body)["names"]
            versions.append([(row["name"], row["version"], row["updated_at"]) for row in page])
            self.stop(server)
        self.assertEqual(versions[0], versions[1])
        changed = entry(name_of(lines[7]))
        self.import_lines([changed])
        server = self.start(database=self.database)
        page = json.loads(server.get(f"/admin/names?prefix={name_of(lines[7])}").body)["names"]
        self.assertEqual([row["version"] for row in page], [2])
        self.stop(server)

    def test_files_that_cannot_be_read_are_named(self):
        missing = self.folder / "missing"
        path = ("--db-path", self.database)
        self.fail_with(1, [missing, "no such file"], "import", missing, *path)
        self.fail_with(1, [self.folder, "is a directory"], "import", self.folder, *path)
        self.assertFalse((self.database / "index.sqlite").exists(), "a store was made for nothing")


class ImportThroughServiceTest(EndToEndTest):
    def feed(self, server, data, *words, token=True):
        credential = ("--auth-token-file", self.token_file) if token else ()
        return ("import", "-", "--url", server.url, *credential, *words), {"stdin": data}

    def test_import_through_a_service_is_the_same(self):
        lines = make_lines(60, providers=3)
        server = self.start(database=self.database)
        more = entry("more", ttl_s=60, media_type="application/x+json")
        data = b"\n".join([*lines, b"bad", more])
        for _ in range(2):
            words, options = self.feed(server, data, "--json")
            done = self.command(*words, **options)
            self.assertEqual(done.returncode, 1)
            self.assertIn("line 61 is not imported", done.complaint)
            self.assertEqual(json.loads(done.text.splitlines()[-1])["stored"], 61)
        for line in lines[:10]:
            self.assert_status(server.get(f"/resolve/{name_of(line)}"), 200)
        self.stop(server)
        self.command("import", "-", "--db-path", self.folder / "direct", stdin=data)
        self.assertEqual(self.export(), self.export(self.folder / "direct"))

    def test_wrong_credentials_are_told_clearly(self):
        server = self.start()
        line = entry("a")
        words, options = self.feed(server, line, token=False)
        self.fail_with(1, ["token", "Authorization"], *words, **options)
        wrong = self.folder / "wrong"
        wrong.write_text("wrong" + TOKEN)
        words = ("import", "-", "--url", server.url, "--auth-token-file", wrong)
        done = self.fail_with(1, ["token is not the right one"], *words, stdin=line)
        self.assertNotIn(TOKEN, done.complaint)
        words = ("import", "-", "--url", server.url, "--auth-token-file", self.folder / "none")
        self.fail_with(64, ["--auth-token-file", "none"], *words, stdin=line)
        self.assert_status(server.get("/resolve/a"), 404)
        self.stop(server)
        server = self.start(admin=False)
        words, options = self.feed(server, line)
        self.fail_with(1, ["admin routes are off", "--auth-token-file"], *words, **options)
        self.stop(server)

    def test_absent_services_are_told_clearly(self):
        server = self.start()
        self.stop(server)
        words, options = self.feed(server, entry("a"))
        self.fail_with(69, [server.url, "svc-index serve"], *words, **options)
        for url in ("nonsense", "ftp://127.0.0.1", "http://"):
            parts = ["--url", "http://127.0.0.1:5304"]
            self.fail_with(64, parts, "import", "-", "--url", url, stdin=entry("a"))


class ExportTest(EndToEndTest):
    def test_export_imports_into_the_same_export(self):
        documents = [
            None, True, 0, -1.5e-7, 1e21, "text", "\" and \\ and \u0001 and \u2028 and é 😀",
            [], {}, [1, [2, [3]]], {"z": 1, "a": {"y": [None, False]}, "é": "ü", "": 0},
            {"€": 1, "\r": 2, "דּ": 3, "1": 4, "😀": 5, "ö": 6},
        ]
        lines = [
            compact({"name": f"n{number}.x", "manifest": document, "ttl_s": number + 1,
                     "media_type": "application/vnd.e2e+json",
                     "providers": [
                         {"addr": f"198.51.100.{number}:80"},
                         {"id": "named", "addr": "https://a.example/b?c=d", "region": "eu"},
                         {"addr": "[2001:db8::1]:5304"},
                     ]}).encode()
            for number, document in enumerate(documents)
        ]
        lines.append(b'{"name":"Folded.UPPER","manifest_cid":"b3:' + b"ab" * 32 + b'"}')
        self.import_lines(lines + make_lines(1200, providers=2))
        first = self.succeed("export", "--db-path", self.database).stdout
        self.assertEqual(first.count(b"\n"), len(lines) + 1200)
        self.assertIn(b'"name":"folded.upper"', first)
        self.succeed("import", "-", "--db-path", self.folder / "second", stdin=first)
        second = self.succeed("export", "--json", "--db-path", self.folder / "second").stdout
        self.assertEqual(first, second)
        by_name = {name_of(line): json.loads(line) for line in first.splitlines()}
        for number, document in enumerate(documents):
            self.assertEqual(by_name[f"n{number}.x"]["manifest"], document)
            self.assertEqual(by_name[f"n{number}.x"]["ttl_s"], number + 1)
            self.assertEqual(by_name[f"n{number}.x"]["media_type"], "application/vnd.e2e+json")

    def test_manifest_that_no_line_can_hold_is_exported_by_its_cid(self):
        server = self.start(database=self.database)
        document = b"\x00 no JSON"
        [cid] = self.content_ids([document])
        server.put(f"/admin/manifests/{cid}", document, Content_Type="application/octet-stream")
        self.assert_status(server.put("/admin/names/raw", {"manifest_cid": cid}), 201)
        self.stop(server)
        done = self.succeed("export", "--db-path", self.database)
        self.assertEqual(json.loads(done.stdout), {"name": "raw", "manifest_cid": cid})
        self.assertRegex(done.complaint, r"\Asvc-index: 1 manifest[^\n]+\n\Z")

    def test_removed_names_are_not_exported(self):
        self.import_lines(make_lines(3))
        server = self.start(database=self.database)
        gone = name_of(make_lines(3)[1])
        self.assert_status(server.request("DELETE", f"/admin/names/{gone}"), 204)
        self.stop(server)
        lines = make_lines(3)
        self.assertEqual(self.export(), [lines[0], lines[2]])

    def test_reader_that_goes_away_fails_the_export(self):
        self.import_lines(make_lines(2000))
        words = [BINARY, "export", "--db-path", self.database]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.readline()
        process.stdout.close()
        with process.stderr:
            self.assertRegex(
                process.stderr.read(),
                rb"\Asvc-index: standard output cannot be written: [^\n]+\n\Z",
            )
        self.assertEqual(process.wait(20), 1)
