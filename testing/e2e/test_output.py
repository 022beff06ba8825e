"""Standard output that cannot be written: no command ends well with its work lost or cut off."""

import json
import os
import signal
import subprocess
import unittest

from network import Network
from support import BINARY, EndToEndTest, make_lines, name_of

FULL = "/dev/full"
REASON = "standard output cannot be written: no space left on device"
CONTENT_ID = "b3:" + "0" * 64


@unittest.skipUnless(os.path.exists(FULL), f"there is no {FULL} here")
class FullOutputTest(EndToEndTest):
    def run_full(self, *words, stdin=b""):
        """Runs a command to its end while its standard output is full."""
        with open(FULL, "wb") as full:
            done = subprocess.run(
                [str(BINARY), *map(str, words)], input=stdin, stdout=full,
                stderr=subprocess.PIPE, timeout=60, cwd=self.folder, check=False,
            )
        done.complaint = done.stderr.decode(errors="replace")
        self.check_no_crash(done.complaint, done.returncode)
        return done

    def fail_full(self, *words, stdin=b""):
        done = self.run_full(*words, stdin=stdin)
        self.assertEqual((done.returncode, done.complaint), (1, f"svc-index: {REASON}\n"), words)

    def test_commands_that_print_fail(self):
        (self.folder / "file").write_bytes(b"x")
        self.import_lines(make_lines(3))
        for words in (
            ("b3sum", "file"), ("b3sum", "--json", "file"), ("version",), ("version", "--json"),
            ("config", "print"), ("config", "print", "--json"), ("config", "check"),
            ("export", "--db-path", self.database),
        ):
            with self.subTest(words=words):
                self.fail_full(*words)

    def test_questions_fail(self):
        lines = make_lines(3)
        self.import_lines(lines)
        server = self.start(database=self.database)
        name = name_of(lines[0])
        content_id = json.loads(server.get(f"/resolve/{name}").body)["manifest_cid"]
        for words in (
            ("resolve", name), ("resolve", name, "--json"), ("resolve", name, "--manifest"),
            ("providers", content_id), ("providers", content_id, "--json"),
        ):
            with self.subTest(words=words):
                self.fail_full(*words, "--url", server.url)
        self.stop(server)

    def test_import_goes_on_and_fails_at_its_end(self):
        lines = make_lines(1500)
        data = b"\n".join(lines)
        self.fail_full("import", "-", "--db-path", self.database, "--json", stdin=data)
        self.assertEqual(self.export(), lines)
        self.fail_full("import", "-", "--db-path", self.folder / "b", stdin=data)
        self.assertEqual(self.export(self.folder / "b"), lines)

    def test_commands_of_the_dht_fail(self):
        self.fail_full("testnet", "--nodes", "3")
        network = Network(20)
        self.addCleanup(network.end)
        options = ("--dht-bootstrap", network.bootstrap, "--dht-bind", "127.0.0.1:0")
        for more in ((), ("--json",)):
            with self.subTest(more=more):
                self.fail_full("announce", CONTENT_ID, "--port", "8080", *more, *options)
                done = self.run_full("lookup", CONTENT_ID, *more, *options)
                self.assertEqual(done.returncode, 1, done.complaint)
                self.assertIn(REASON, done.complaint.splitlines()[-1])

    def test_demo_serves_without_its_welcome(self):
        process_log = self.folder / "demo.log"
        with open(FULL, "wb") as full, open(process_log, "wb") as log:
            demo = subprocess.Popen(
                [BINARY, "demo", "--http-bind", "127.0.0.1:0"], stdout=full, stderr=log
            )
        self.addCleanup(demo.kill)
        self.wait_for("the complaint", 20, lambda: REASON in process_log.read_text())
        demo.send_signal(signal.SIGTERM)
        self.assertEqual(demo.wait(20), 0)


class LostReaderTest(EndToEndTest):
    def lose_reader(self, *words, stdin=b""):
        """Runs a command whose reader is gone before it writes; returns exit code and complaint."""
        ours, theirs = os.pipe()
        os.close(ours)
        done = subprocess.run(
            [str(BINARY), *map(str, words)], input=stdin, stdout=theirs,
            stderr=subprocess.PIPE, timeout=60, cwd=self.folder, check=False,
        )
        os.close(theirs)
        return done.returncode, done.stderr.decode(errors="replace")

    def test_what_only_prints_ends_quietly(self):
        (self.folder / "file").write_bytes(b"x")
        for words in (("b3sum", "file"), ("config", "print"), ("version",)):
            with self.subTest(words=words):
                self.assertEqual(self.lose_reader(*words), (0, ""))

    def test_a_backup_that_was_cut_off_never_looks_complete(self):
        self.import_lines(make_lines(3))
        code, complaint = self.lose_reader("export", "--db-path", self.database)
        self.assertEqual(code, 1)
        self.assertRegex(complaint, r"\Asvc-index: standard output cannot be written: [^\n]+\n\Z")

    def test_an_import_goes_on_without_its_reader(self):
        lines = make_lines(1500)
        words = ("import", "-", "--db-path", self.database, "--json")
        code, complaint = self.lose_reader(*words, stdin=b"\n".join(lines))
        self.assertEqual(code, 1)
        self.assertIn("standard output cannot be written", complaint)
        self.assertEqual(self.export(), lines)


class FileNameTest(EndToEndTest):
    def test_a_name_that_is_not_utf8_is_told_as_such(self):
        (self.folder / "there").write_bytes(b"there")
        name = b"caf\xe9"
        with open(os.path.join(os.fsencode(self.folder), name), "wb") as file:
            file.write(b"x")
        done = subprocess.run(
            [str(BINARY), "b3sum", name, "there"], capture_output=True, cwd=self.folder,
            timeout=60, check=False,
        )
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stdout.splitlines()), 1)
        self.assertIn(b"is not UTF-8", done.stderr)
