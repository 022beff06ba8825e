"""Rules of debian_index.py, over miniature package lists. Run: python3 -m unittest."""

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path

import debian_index

LIST_NAME = "mirror.example_debian_dists_stable_main_binary-amd64_Packages"
LIBC = "pool/main/g/glibc/libc6_2.36-9_amd64.deb"


def make_stanza(package="libc6", version="2.36-9", architecture="amd64", filename=LIBC, **fields):
    values = {
        "Package": package,
        "Version": version,
        "Architecture": architecture,
        "Size": "2759320",
        "Filename": filename,
        "SHA256": "0" * 63 + "1",
        "Description": "a description: with a colon\n Package: not-a-field",
    }
    return "".join(f"{name}: {value}\n" for name, value in (values | fields).items())


class ListsFolder(unittest.TestCase):
    """A temporary lists folder and what the tool prints for it."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def put_list(self, *stanzas, name=LIST_NAME):
        (self.folder / name).write_text("\n".join(stanzas), encoding="utf-8")

    def run_tool(self, *arguments):
        out, errors = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            code = debian_index.main(["--lists", str(self.folder), *arguments])
        out.seek(0)
        return code, [json.loads(line) for line in out], errors.getvalue()


class IndexLines(ListsFolder):
    def test_a_package_becomes_one_import_line(self):
        self.put_list(make_stanza())
        code, lines, _ = self.run_tool()
        self.assertEqual(code, 0)
        self.assertEqual(
            lines,
            [
                {
                    "name": "libc6",
                    "manifest": {
                        "package": "libc6",
                        "version": "2.36-9",
                        "architecture": "amd64",
                        "size": 2759320,
                        "sha256": "0" * 63 + "1",
                        "filename": LIBC,
                    },
                    "providers": [{"addr": f"http://mirror.example/debian/{LIBC}"}],
                }
            ],
        )

    def test_the_highest_version_wins_whatever_the_order(self):
        for versions in (("2.9-1", "2.36-9"), ("2.36-9", "2.9-1")):
            self.put_list(*(make_stanza(version=version) for version in versions))
            _, lines, _ = self.run_tool()
            self.assertEqual([line["manifest"]["version"] for line in lines], ["2.36-9"])

    def test_two_mirrors_of_one_file_are_two_providers(self):
        self.put_list(make_stanza())
        self.put_list(make_stanza(), name="other.example_dists_stable_main_binary-amd64_Packages")
        _, lines, _ = self.run_tool("--region", "eu-west-1")
        self.assertEqual(
            lines[0]["providers"],
            [
                {"addr": f"http://mirror.example/debian/{LIBC}", "region": "eu-west-1"},
                {"addr": f"http://other.example/{LIBC}", "region": "eu-west-1"},
            ],
        )

    def test_unusable_stanzas_are_counted_and_left_out(self):
        self.put_list(
            make_stanza(),
            make_stanza(package="bad/name"),
            make_stanza(package="no-digest", SHA256="short"),
            make_stanza(package="no-size", Size="-1"),
            "Package: nothing-else\n",
        )
        _, lines, errors = self.run_tool("--json")
        stats = json.loads(errors)
        self.assertEqual([line["name"] for line in lines], ["libc6"])
        self.assertEqual((stats["stanzas"], stats["refused"], stats["written"]), (5, 4, 1))

    def test_a_limit_takes_the_first_and_a_seed_samples_the_same_every_time(self):
        self.put_list(*(make_stanza(package=f"p{number}") for number in range(10, 60)))

        def chosen(*arguments):
            return [line["name"] for line in self.run_tool("--limit", "5", *arguments)[1]]

        self.assertEqual(chosen(), ["p10", "p11", "p12", "p13", "p14"])
        self.assertEqual(chosen("--seed", "a"), chosen("--seed", "a"))
        self.assertNotEqual(chosen("--seed", "a"), chosen("--seed", "b"))

    def test_missing_lists_are_exit_code_3_and_say_what_to_run(self):
        code, lines, errors = self.run_tool()
        self.assertEqual((code, lines), (3, []))
        self.assertIn("apt-get update", errors)


class Versions(unittest.TestCase):
    def test_versions_are_ordered_as_dpkg_orders_them(self):
        rising = [
            "0.9~~", "0.9~~a", "0.9~", "0.9~rc1-1", "0.9", "0.9-1~deb12u1", "0.9-1", "0.9-1+b1",
            "0.9a-1", "0.9+dfsg-1", "0.10", "1.0-1-1", "1.0.1", "1:0.1~", "1:0.1", "2:0",
        ]
        for older, newer in zip(rising, rising[1:]):
            with self.subTest(older=older, newer=newer):
                self.assertLess(debian_index.version_key(older), debian_index.version_key(newer))

    def test_versions_that_differ_in_spelling_only_are_equal(self):
        for first, second in (("1.0", "0:1.0"), ("1.0", "1.0-0"), ("1.01", "1.1"), ("1.", "1.0")):
            with self.subTest(first=first, second=second):
                keys = [debian_index.version_key(version) for version in (first, second)]
                self.assertEqual(*keys)


class Names(unittest.TestCase):
    def test_names_are_folded(self):
        self.assertEqual(debian_index.fold_name("LibSTDC++6.x_Y"), "libstdc++6.x_y")

    def test_names_outside_the_contract_are_refused(self):
        too_long = ".".join(["a" * 63] * 4)
        key_name = "blog." + "y" * 52
        for name in ("", ".", "a..b", "a.", "-a", "a.+b", "a b", "a/b", "ä", too_long, key_name):
            with self.subTest(name=name):
                self.assertIsNone(debian_index.fold_name(name))

    def test_the_longest_name_is_accepted(self):
        name = ".".join(["a" * 63] * 3 + ["a" * 61])
        self.assertEqual(debian_index.fold_name(name), name)


class Mirrors(unittest.TestCase):
    def test_the_mirror_is_read_from_the_list_name(self):
        cases = {
            "m.example_debian_dists_stable_main_binary-all_Packages.lz4": "http://m.example/debian",
            "m.example_dists_x%5fy_main_binary-all_Packages": "http://m.example",
            "m.example_a%5fb_dists_stable_main_binary-all_Packages": "http://m.example/a_b",
            "m.example_flat_._Packages.xz": "http://m.example/flat",
        }
        for list_name, base in cases.items():
            with self.subTest(list_name=list_name):
                self.assertEqual(debian_index.mirror_base(list_name), base)


if __name__ == "__main__":
    unittest.main()
