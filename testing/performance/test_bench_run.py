"""Rules of what every measurement shares: the request log is on where a row says so."""

import tempfile
import unittest
from pathlib import Path

from perfkit import bench_run, matrix
from perfkit.bench_run import LOGGED, QUIET, KitError


class RequestLog(unittest.TestCase):
    def log(self, lines):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "log"
        path.write_text("earlier\n" + "one request\n" * lines)
        return path, len("earlier\n")

    def test_a_log_with_a_line_for_each_answer_is_one(self):
        path, offset = self.log(100)
        self.assertEqual(bench_run.require_logged(path, offset, 100, seconds=0), 100)

    def test_a_log_that_says_nothing_fails_the_measurement(self):
        path, offset = self.log(3)
        with self.assertRaisesRegex(KitError, "100 answers left 3 lines"):
            bench_run.require_logged(path, offset, 100, seconds=0)

    def test_a_line_for_an_answer_needs_the_level_debug(self):
        self.assertIn("--log-level=debug", LOGGED)
        self.assertNotIn(QUIET, LOGGED)

    def test_rows_are_logged_exactly_where_their_names_say_so(self):
        for name, _, arguments, _ in matrix.local_plans("store"):
            logs = all(word in arguments for word in LOGGED)
            self.assertEqual(logs, "request log" in name, name)
            self.assertEqual(QUIET in arguments, not logs, name)


if __name__ == "__main__":
    unittest.main()
