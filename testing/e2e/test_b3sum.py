"""`svc-index b3sum` prints what Debian's b3sum prints, byte for byte."""

import json
import shutil
import subprocess
import unittest

from support import ROUNDS, EndToEndTest

# Around the borders of blocks (64 bytes), chunks (1024), and trees of them.
SIZES = (0, 1, 63, 64, 65, 1023, 1024, 1025, 2048, 2049, 3072, 4097, 8192, 16385, 65536, 100_001)
RANDOM_FILES = 15


@unittest.skipIf(shutil.which("b3sum") is None, "b3sum is missing (Debian package b3sum)")
class HashTest(EndToEndTest):
    def check(self, *files, stdin=b""):
        """Both programs print the same and end alike; returns ours."""
        ours = self.command("b3sum", *files, stdin=stdin)
        theirs = subprocess.run(
            ["b3sum", *files], input=stdin, capture_output=True, cwd=self.folder, check=False
        )
        self.assertEqual(ours.stdout, theirs.stdout)
        self.assertEqual(ours.returncode, theirs.returncode, ours.complaint)
        return ours

    def make_files(self):
        sizes = [*SIZES, *(self.random.randrange(300_000) for _ in range(RANDOM_FILES * ROUNDS))]
        for number, size in enumerate(sizes):
            path = self.folder / f"f{number:04d} of {size}"
            path.write_bytes(self.random.randbytes(size))
            yield path.name

    def test_files_are_hashed_alike(self):
        self.check(*self.make_files())

    def test_standard_input_is_hashed_alike(self):
        for data in (b"", b"hello\n", self.random.randbytes(200_000)):
            self.check(stdin=data)
            self.check("-", stdin=data)
        (self.folder / "file").write_bytes(b"file")
        self.check("file", "-", "file", stdin=b"once")

    def test_missing_files_are_told_and_the_others_hashed(self):
        (self.folder / "there").write_bytes(b"there")
        (self.folder / "directory").mkdir()
        done = self.check("missing", "there", "directory")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.complaint.splitlines(), [
            "svc-index: missing: no such file or directory",
            "svc-index: directory: is a directory",
        ])

    def test_names_that_would_break_the_line_are_escaped_alike(self):
        for name in ("back\\slash", "line\nbreak", "car\rriage", "ü", "-x"):
            (self.folder / name).write_bytes(b"x")
            words = ("--", name) if name.startswith("-") else (name,)
            with self.subTest(name=name):
                self.check(*words)

    def test_json_has_the_same_digests(self):
        names = sorted(self.make_files())[:5]
        plain = self.succeed("b3sum", *names).text.splitlines()
        lines = self.succeed("b3sum", "--json", *names).text.splitlines()
        rows = [json.loads(line) for line in lines]
        self.assertEqual([f"{row['blake3']}  {row['file']}" for row in rows], plain)
