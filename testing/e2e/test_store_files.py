"""The files of a store: whose they are, who may read them, and places that are none."""

import json
import shutil
import sqlite3
import stat
import subprocess
import time

from support import BINARY, ROUNDS, EndToEndTest, compact, make_lines, name_of


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


class StoreFilesTest(EndToEndTest):
    def test_files_are_for_their_owner_whatever_the_umask(self):
        words = [BINARY, "import", "-", "--db-path", self.database]
        shell = ["sh", "-c", 'umask 000; exec "$@"', "sh", *map(str, words)]
        subprocess.run(shell, input=make_lines(1)[0], check=True, capture_output=True)
        self.assertEqual(mode(self.database), 0o700)
        server = self.start(database=self.database)
        self.assert_status(server.put("/admin/names/n", {"manifest_cid": "b3:" + "0" * 64}), 201)
        files = sorted(path.name for path in self.database.iterdir())
        self.assertEqual(files, ["index.sqlite", "index.sqlite-wal", "lock"])
        for path in self.database.iterdir():
            self.assertEqual(mode(path), 0o600, path.name)
        self.assertNotIn("chmod", server.log_text())
        self.stop(server)

    def test_older_files_are_mended_and_an_open_directory_is_told_of(self):
        self.import_lines(make_lines(2))
        (self.database / "index.sqlite").chmod(0o644)
        self.database.chmod(0o755)
        server = self.start(database=self.database)
        self.assertEqual(mode(self.database / "index.sqlite"), 0o600)
        self.assertEqual(server.log_text().count("chmod 700"), 1)
        self.stop(server)

    def test_export_of_nothing_makes_nothing(self):
        typo = self.folder / "typo"
        self.fail_with(1, [typo, "no store", "--db-path"], "export", "--db-path", typo)
        self.assertFalse(typo.exists())
        typo.mkdir()
        self.fail_with(1, [typo, "no store"], "export", "--db-path", typo)
        self.assertEqual(list(typo.iterdir()), [])

    def test_memory_is_no_place_for_a_command(self):
        for words in (("export",), ("import", "-")):
            self.fail_with(64, [":memory:", "director"], *words, "--db-path", ":memory:")
        self.assertFalse((self.folder / ":memory:").exists())

    def test_databases_of_others_are_left_alone(self):
        self.database.mkdir(mode=0o700)
        file = self.database / "index.sqlite"
        connection = sqlite3.connect(file)
        connection.execute("CREATE TABLE names (anything)")
        connection.commit()
        connection.close()
        file.chmod(0o644)
        before = (file.read_bytes(), file.stat().st_mtime_ns)
        path = ("--db-path", self.database)
        parts = [self.database, "another program"]
        self.fail_with(69, parts, "export", *path)
        self.fail_with(69, parts, "import", "-", *path, stdin=make_lines(1)[0])
        self.fail_with(69, parts, "serve", "--http-bind", "127.0.0.1:0", *path)
        self.assertEqual((file.read_bytes(), file.stat().st_mtime_ns), before)
        self.assertEqual(mode(file), 0o644)
        self.assertEqual([path.name for path in self.database.iterdir()], ["index.sqlite"])

    def test_first_start_may_be_killed_at_any_moment(self):
        for number in range(30 * ROUNDS):
            database = self.folder / f"db-{number}"
            words = [BINARY, "import", "-", "--db-path", database]
            process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            self.addCleanup(process.kill)
            end = time.monotonic() + 10
            while not (database / "index.sqlite").exists() and time.monotonic() < end:
                pass
            time.sleep(self.random.random() * 0.012)
            process.kill()
            process.communicate()
            self.assertEqual(self.export(database), [], f"try {number}")
            shutil.rmtree(database)

    def test_damaged_manifest_costs_the_export_only_itself(self):
        lines = make_lines(600)
        self.import_lines(lines)
        hurt = [name_of(lines[number]) for number in (3, 550)]
        connection = sqlite3.connect(self.database / "index.sqlite")
        for name in hurt:
            connection.execute(
                "UPDATE manifests SET bytes = x'30' WHERE cid ="
                " (SELECT manifest_cid FROM names WHERE name = ?)", (name,))
        connection.commit()
        connection.close()
        done = self.command("export", "--db-path", self.database)
        self.assertEqual(done.returncode, 1)
        complaints = done.complaint.splitlines()
        self.assertEqual(len(complaints), 3)
        for name, complaint in zip(hurt, complaints):
            self.assertIn(name, complaint)
        self.assertIn("2 manifests", complaints[2])
        exported = done.stdout.splitlines()
        self.assertEqual(len(exported), len(lines))
        for line, back in zip(lines, exported):
            if name_of(line) in hurt:
                self.assertNotIn("manifest", json.loads(back))
                self.assertTrue(json.loads(back)["manifest_cid"].startswith("b3:"))
            else:
                self.assertEqual(back, line)
        self.import_lines(lines)
        self.assertEqual(self.export(), lines)

    def test_life_of_a_provider_survives_the_round_trip(self):
        places = [
            {"id": "hour", "addr": "a.example:1", "ttl_s": 3600},
            {"id": "lasting", "addr": "b.example:1"},
            {"id": "moment", "addr": "c.example:1", "ttl_s": 1},
        ]
        self.import_lines([compact({"name": "n", "manifest": 1, "providers": places}).encode()])
        time.sleep(1.1)
        [line] = self.export()
        found = {place["id"]: place for place in json.loads(line)["providers"]}
        self.assertEqual(sorted(found), ["hour", "lasting"])
        self.assertNotIn("ttl_s", found["lasting"])
        self.assertIn(found["hour"]["ttl_s"], range(3590, 3600))
        self.import_lines([line], self.folder / "second")
        [again] = self.export(self.folder / "second")
        second = {place["id"]: place for place in json.loads(again)["providers"]}
        self.assertIn(second["hour"].pop("ttl_s"), range(3580, found["hour"].pop("ttl_s") + 1))
        self.assertEqual(second, found)
