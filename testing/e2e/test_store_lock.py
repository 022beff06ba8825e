"""One process holds a store: a second one is told so, by number, and waits for nothing."""

import json
import subprocess

from support import BINARY, EndToEndTest, make_lines, name_of


class StoreLockTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.import_lines(make_lines(3))

    def refuse_all(self, holder):
        parts = [self.database, "in use by process", holder.process.pid]
        path = ("--db-path", self.database)
        self.fail_with(69, parts, "serve", "--http-bind", "127.0.0.1:0", *path)
        self.fail_with(69, parts, "import", "-", *path, stdin=make_lines(1)[0])
        self.fail_with(69, parts, "export", *path)

    def test_second_process_is_refused_and_told_who_holds_the_store(self):
        holder = self.start(database=self.database)
        self.refuse_all(holder)
        self.assert_status(holder.get(f"/resolve/{name_of(make_lines(1)[0])}"), 200)
        self.stop(holder)
        self.assertEqual(len(self.export()), 3)

    def test_import_holds_the_store_to_its_end(self):
        words = [BINARY, "import", "-", "--db-path", self.database]
        holder = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.addCleanup(holder.kill)
        lock = self.database / "lock"
        self.wait_for("the lock", 10, lambda: lock.read_text().strip() == str(holder.pid))
        parts = [self.database, f"in use by process {holder.pid}"]
        self.fail_with(69, parts, "export", "--db-path", self.database)
        holder.communicate(make_lines(9)[-1])
        self.assertEqual(holder.returncode, 0)
        self.assertEqual(len(self.export()), 4)

    def test_lock_is_free_after_a_kill(self):
        holder = self.start(database=self.database)
        holder.kill()
        self.assertEqual(len(self.export()), 3)
        successor = self.start(database=self.database)
        self.refuse_all(successor)
        self.stop(successor)

    def test_service_whose_lock_is_gone_writes_nothing_and_is_not_ready(self):
        holder = self.start(database=self.database)
        (self.database / "lock").unlink()
        self.wait_for("the lock's absence", 10, lambda: holder.readiness()[0] == 503)
        answer = holder.put("/admin/names/n", {"manifest_cid": "b3:" + "0" * 64})
        self.assert_problem(answer, 503, json.loads(answer.body)["code"])
        # The database has a lock of its own, for those who do not know of the file.
        self.fail_with(69, ["in use by another process"], "export", "--db-path", self.database)
        self.assert_status(holder.get(f"/resolve/{name_of(make_lines(1)[0])}"), 200)
        self.stop(holder)
        self.assertEqual(len(self.export()), 3)

    def test_lock_holds_however_the_path_is_written(self):
        holder = self.start(database=self.database)
        link = self.folder / "link"
        link.symlink_to(self.database, target_is_directory=True)
        for path in (link, self.folder / "db" / ".." / "db", "db", "./db/"):
            parts = ["in use by process", holder.process.pid]
            self.fail_with(69, parts, "export", "--db-path", path, cwd=self.folder)
        self.stop(holder)
