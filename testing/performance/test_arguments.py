"""What the programs say to bad input: one sentence and an exit code, never a trace."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

from perfkit import bench_run

HERE = Path(__file__).resolve().parent
TRUE = "/bin/true"
# Answers as svc-index does to whom asks for its version, and as the generator does for its help.
STAND_IN = """#!/bin/sh
case "$1" in
version) echo "svc-index 0.1.0";;
--help) echo "USAGE: svc-index-load";;
esac
"""


class BadInput(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)
        self.stand_in = self.folder / "stand-in"
        self.stand_in.write_text(STAND_IN)
        self.stand_in.chmod(0o755)
        self.names = self.folder / "names.ndjson"
        self.names.write_text('{"name":"a","manifest_cid":"b3:x"}\n')

    def assert_refused(self, code, words, *command):
        """A program ends with a code, and its last line has these words."""
        done = subprocess.run(
            [sys.executable, HERE / command[0], *map(str, command[1:])], text=True, timeout=60,
            capture_output=True, cwd=self.folder, env={**os.environ, "COLUMNS": "100"},
        )
        self.assertNotIn("Traceback", done.stderr, command)
        self.assertEqual(done.returncode, code, f"{command}: {done.stderr}")
        self.assertIn(words, done.stderr.splitlines()[-1], command)

    def test_numbers_that_are_none_or_mean_nothing_are_wrong_usage(self):
        for option in ("--rounds", "--duration", "--connections", "--threads"):
            for bad in ("0", "-1", "1.5", "x"):
                self.assert_refused(2, f"{bad} is not a whole number", "bench_http.py",
                                    "--stand-in", f"{option}={bad}")
        self.assert_refused(2, "nan is not a number", "bench_http.py", "--min-ratio=nan")
        self.assert_refused(2, "0 is not seconds", "kit.py", "dedup", "--seconds=0")
        self.assert_refused(2, "x is not a whole number", "kit.py", "spill", "--rows", "x")
        self.assert_refused(2, "0 is not a whole number", "kit.py", "scale", "0")
        self.assert_refused(2, "0 is not a whole number", "kit.py", "seed", "0")

    def test_an_empty_path_is_no_folder(self):
        self.assert_refused(2, "an empty path", "kit.py", "dedup", "--out", "")
        self.assert_refused(2, "an empty path", "kit.py", "publish", "")

    def test_bench_http_names_what_is_missing_or_not_to_be_written(self):
        self.assert_refused(2, "are needed", "bench_http.py", TRUE)
        self.assert_refused(2, "--threads needs", "bench_http.py", "--stand-in", "--threads=99")
        self.assert_refused(1, "has no name in its first line", "bench_http.py", TRUE, "missing")
        with self.tools("wrk", "nginx"):
            self.assert_refused(1, "missing/out.json", "bench_http.py", "--stand-in", "--json",
                                "missing/out.json")
            self.assert_refused(1, "svc-index exited with 0", "bench_http.py", TRUE, self.names)
            self.assert_refused(1, "/missing", "bench_http.py", "/missing", self.names)

    def test_a_program_that_is_another_is_told_before_anything_is_measured(self):
        out = self.folder / "out"
        for program, words in ((TRUE, "is not svc-index"), ("/missing", "is missing"),
                               (self.folder, "is missing"), (self.names, "cannot be run")):
            self.assert_refused(1, words, "kit.py", "scale", "--binary", program,
                                "--load", self.stand_in, "--out", out)
            self.assert_refused(1, words, "gate.py", "--only", "labels", "--binary", program,
                                "--load", self.stand_in)
        self.assert_refused(1, "is not svc-index-load", "kit.py", "dedup", "--load", TRUE,
                            "--binary", self.stand_in, "--out", out)
        self.assert_refused(1, "import failed: exit code 0, and no figures", "kit.py", "dedup",
                            "--binary", self.stand_in, "--load", self.stand_in, "--out", out)
        self.assertEqual(list(out.glob("*.json")), [])

    def test_programs_and_networks_that_are_not_there_are_named(self):
        for part, program in (("simulate", "dht-simulate"), ("allocations", "cache-probe")):
            done = subprocess.run(
                [sys.executable, HERE / "gate.py", "--only", part, "--binary", self.stand_in,
                 "--load", self.stand_in, "--simulate", self.folder / "dht-simulate"],
                capture_output=True, text=True, timeout=60,
            )
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertRegex(done.stderr, f"{program} is missing: `make")
        bench = bench_run.Bench.__new__(bench_run.Bench)
        bench.binary = TRUE
        with self.assertRaisesRegex(bench_run.KitError, "testnet ended"), bench.testnet():
            pass

    def test_a_generator_that_says_nothing_or_is_none_is_told(self):
        for program, said in ((self.stand_in, "svc-index-load failed: exit code 0"),
                              (TRUE, "true is not svc-index-load: run `make"),
                              ("/missing", "/missing is missing: `make")):
            self.assert_refused(1, said, "kit.py", "load", "--load", program, "--profile",
                                "hit_slo", "--names", "n", "--out", "out")

    def test_footprint_names_what_is_missing_or_another_program(self):
        for arguments, words in (((TRUE, self.names), "import failed: exit code 0"),
                                 ((TRUE, "/missing"), "/missing"),
                                 (("/missing", self.names), "/missing")):
            with self.tools("b3sum"):
                self.assert_refused(1, words, "footprint.py", *arguments)

    def tools(self, *names):
        """These programs are there, and do nothing."""
        for name in names:
            if not (self.folder / name).exists():
                (self.folder / name).symlink_to(TRUE)
        path = f"{self.folder}:{os.environ['PATH']}"
        return unittest.mock.patch.dict(os.environ, PATH=path)

    def test_figures_that_are_no_figures_are_named(self):
        rows = {"names": "many", "p95": None}
        for text in ("[]", "{}", "{", json.dumps({"markdown": "| a |", "rows": [rows]})):
            (self.folder / "scale.json").write_text(text)
            for part in ("explain", "report"):
                self.assert_refused(1, "scale.json is", "kit.py", part, self.folder)
        (self.folder / "figures.json").write_text("[]")
        self.assert_refused(1, "is no object of the gate's figures", "gate.py", "--figures",
                            "figures.json")
        self.assert_refused(1, "missing.json", "gate.py", "--figures", "missing.json")
        (self.folder / "resident-idle-kib.txt").write_text("many")
        self.assert_refused(1, "resident-idle-kib.txt: is not a number", "gate.py", "--figures",
                            "figures.json", "--baselines", self.folder)


if __name__ == "__main__":
    unittest.main()
