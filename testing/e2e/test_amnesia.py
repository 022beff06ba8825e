"""The micronode, and the demo, write nothing to any disk: no file is made, changed or held open."""

import mmap
import os
from pathlib import Path

from support import TOKEN, EndToEndTest, make_lines, name_of

# What a process holds open that is no file of a disk.
HARMLESS = ("/dev/null", "/dev/urandom", "/dev/random", "anon_inode:", "socket:", "pipe:", "/proc/")


class AmnesiaTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.home = self.folder / "home"
        self.places = [self.home, self.folder / "cwd", self.folder / "tmp"]
        for place in self.places:
            place.mkdir()
        self.options = {
            "cwd": self.places[1],
            "env": {**os.environ, "HOME": str(self.home), "TMPDIR": str(self.places[2]),
                    "XDG_CACHE_HOME": str(self.home), "XDG_DATA_HOME": str(self.home)},
        }

    def snapshot(self):
        """Every path below the places a program writes to, with what would change with a write."""
        found = {}
        for place in self.places:
            for path in (place, *place.rglob("*")):
                status = path.lstat()
                found[path] = (status.st_mtime_ns, status.st_ctime_ns, status.st_size)
        return found

    def open_files(self, server):
        """Regular files that the process holds open, its log and its binary aside."""
        found = []
        for link in Path(f"/proc/{server.process.pid}/fd").iterdir():
            try:
                target = os.readlink(link)
            except FileNotFoundError:
                continue
            if not target.startswith(HARMLESS) and Path(target) != server.log:
                found.append(target)
        return found

    def mapped_files(self, process):
        """Files that a process could write to through its memory."""
        found = set()
        for line in Path(f"/proc/{process}/maps").read_text().splitlines():
            fields = line.split(maxsplit=5)
            shared_and_writable = fields[1][1] == "w" and fields[1][3] == "s"
            if len(fields) == 6 and shared_and_writable and fields[5].startswith("/"):
                found.add(fields[5])
        return found

    def check_process(self, server):
        self.assertEqual(self.open_files(server), [])
        self.assertEqual(self.mapped_files(server.process.pid), set())

    def work(self, server):
        """A bit of everything that a service with a store would write down."""
        manifests = [b'{"n":%d,"x":"%s"}' % (n, b"x" * 40_000) for n in range(10)]
        for number, (cid, body) in enumerate(
            zip(self.content_ids(manifests), manifests, strict=True)
        ):
            self.assert_status(server.put(f"/admin/manifests/{cid}", body), 201)
            provider = {"id": "p", "addr": "198.51.100.1:80"}
            self.assert_status(server.put(f"/admin/providers/{cid}", provider), 201)
            self.assert_status(server.put(f"/admin/names/n{number}", {"manifest_cid": cid}), 201)
            self.assert_status(server.get(f"/resolve/n{number}"), 200)
            self.assertEqual(server.get(f"/manifests/{cid}").body, body)
        for action in ("pin", "reindex", "purge", "unpin"):
            headers = {"Content-Type": "application/json"}
            answer = server.request("POST", f"/admin/{action}", b'{"keys":["n1","n2"]}', headers)
            self.assert_status(answer, 200, 202)
        self.assert_status(server.get("/admin/names?limit=1000"), 200)
        self.assertIn('amnesia_mode{status="on"} 1', server.get("/metrics").body.decode())
        lines = make_lines(100)
        words = ("import", "-", "--url", server.url, "--auth-token-file", self.token_file)
        self.succeed(*words, stdin=b"\n".join(lines))
        self.assert_status(server.get(f"/resolve/{name_of(lines[-1])}"), 200)

    def test_micronode_writes_no_file(self):
        before = self.snapshot()
        server = self.start(**self.options)
        self.check_process(server)
        self.work(server)
        self.check_process(server)
        self.assertEqual(self.snapshot(), before)
        self.stop(server)
        self.assertEqual(self.snapshot(), before)
        self.assertNotIn(TOKEN, server.log_text())
        successor = self.start(**self.options)
        self.assert_status(successor.get("/resolve/n1"), 404)
        successor.kill()
        self.assertEqual(self.snapshot(), before)

    def test_a_profile_that_spills_does_not_in_amnesia(self):
        before = self.snapshot()
        server = self.start("--profile", "macronode", "--amnesia-enabled", "--db-path", ":memory:",
                            "--dht-mode", "off", "--cache-entries", "30", **self.options)
        self.work(server)
        for number in range(100):
            self.assert_status(server.get(f"/resolve/n{number % 10}?limit={number // 10}"), 200)
        self.check_process(server)
        self.stop(server)
        self.assertEqual(self.snapshot(), before)

    def test_demo_writes_no_file(self):
        before = self.snapshot()
        demo = self.start(command="demo", admin=False, **self.options)
        self.assert_status(demo.get("/resolve/libc6"), 200)
        self.check_process(demo)
        self.stop(demo)
        self.assertEqual(self.snapshot(), before)

    def test_the_check_would_see_a_store(self):
        """What this file's other tests rely on."""
        before = self.snapshot()
        server = self.start(database="db", **self.options)
        self.assertIn(str(self.places[1] / "db" / "index.sqlite"), self.open_files(server))
        # A store is not mapped either, for that could end the process.
        self.assertEqual(self.mapped_files(server.process.pid), set())
        with open(self.folder / "mapped", "w+b") as file:
            file.truncate(4096)
            with mmap.mmap(file.fileno(), 4096):
                self.assertEqual(self.mapped_files(os.getpid()), {file.name})
        self.assertNotEqual(self.snapshot(), before)
        self.stop(server)
