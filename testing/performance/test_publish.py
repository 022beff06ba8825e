"""Rules of the kit's tables in PERFORMANCE.md."""

import contextlib
import io
import json
import tempfile
import unittest
import unittest.mock
from pathlib import Path

from perfkit import peers, publish
from perfkit.bench_run import KitError

PAGE = """Before.

<!-- kit: matrix -->
| old | figures |
<!-- kit: end -->

Between.

<!-- kit: scale -->
<!-- kit: end -->
"""


class PublishTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.page = self.folder / "PERFORMANCE.md"
        self.page.write_text(PAGE)

    def found(self, part, markdown, **more):
        facts = {"load_average_before": 0.26, "version": "svc-index 0.1.0 (commit 0123456789ab)"}
        data = {"markdown": markdown, "facts": facts} | more
        (self.folder / f"{part}.json").write_text(json.dumps(data))

    def test_a_table_takes_the_place_of_the_one_before_and_the_rest_stays(self):
        self.found("matrix", "| new | figures |")
        for _ in range(2):
            self.assertIn("matrix replaced", publish.publish(self.folder, self.page))
        table = "| new | figures |\n\nBuild 0123456789ab; load average before the run: 0.3."
        self.assertEqual(self.page.read_text(), PAGE.replace("| old | figures |", table))

    def test_a_table_without_a_place_is_named(self):
        self.found("dedup", "| a |")
        said = publish.publish(self.folder, self.page)
        self.assertIn("no place for dedup", said)
        self.assertEqual(self.page.read_text(), PAGE)

    def test_lines_beside_tables_are_folded(self):
        wide = "| " + "x" * 200 + " |"
        self.found("scale", wide + "\n\n" + "Not measured. " * 20)
        publish.publish(self.folder, self.page)
        lines = self.page.read_text().splitlines()
        self.assertIn(wide, lines)
        self.assertTrue(all(len(line) <= 100 for line in lines if line != wide))

    def test_a_table_that_lacks_a_row_is_refused_and_nothing_replaced(self):
        self.found("scale", "| a |", skipped=[])
        self.found("matrix", "| new |", skipped=["Varnish: varnishd is not installed"])
        with self.assertRaisesRegex(KitError, "varnishd is not installed.*measure matrix again"):
            publish.publish(self.folder, self.page)
        self.assertEqual(self.page.read_text(), PAGE)
        (self.folder / "matrix.json").unlink()
        self.assertIn("scale replaced", publish.publish(self.folder, self.page))

    def test_rows_that_are_not_whole_are_refused_and_nothing_replaced(self):
        for broken in ({"rows": [{}]}, {"facts": 1}, {"facts": {"version": 1}}):
            with self.subTest(broken=broken):
                self.found("matrix", "| new |", **broken)
                with self.assertRaisesRegex(KitError, "matrix.json is not what the kit writes"):
                    publish.publish(self.folder, self.page)
                self.assertEqual(self.page.read_text(), PAGE)

    def test_compare_has_a_row_for_a_peer_that_is_not_there(self):
        subjects = {}
        with unittest.mock.patch("perfkit.peers.install", return_value=None), \
                contextlib.redirect_stderr(io.StringIO()):
            skipped = peers.add_peers(None, None, subjects, 1, "/", b"")
        self.assertEqual((subjects, set(skipped)), ({}, {peers.VARNISH, peers.OPENDHT}))
        self.assertIn("varnishd is not installed", skipped[peers.VARNISH])
        rows = peers.markdown([], skipped).splitlines()[2:]
        self.assertTrue(rows[0].startswith(f"| {peers.VARNISH} | not measured |"), rows)
        self.assertEqual({row.count("|") for row in peers.markdown([], skipped).splitlines()},
                         {10})

    def test_a_run_without_figures_is_an_error(self):
        with self.assertRaises(KitError):
            publish.publish(self.folder, self.page)


if __name__ == "__main__":
    unittest.main()
