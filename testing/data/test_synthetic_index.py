"""Rules of synthetic_index.py. Run: python3 -m unittest."""

import json
import unittest

import synthetic_index
from debian_index import fold_name


def make_lines(count=50, **options):
    return list(synthetic_index.import_lines(count, **options))


def canonical(document):
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class SyntheticLines(unittest.TestCase):
    def test_a_seed_gives_the_same_lines_and_another_seed_gives_others(self):
        self.assertEqual(make_lines(seed="7"), make_lines(seed="7"))
        self.assertNotEqual(make_lines(seed="7"), make_lines(seed="8"))

    def test_a_longer_run_begins_with_the_lines_of_a_shorter_one(self):
        self.assertEqual(make_lines(50)[:10], make_lines(10))

    def test_manifests_are_canonical_and_have_the_size_that_was_asked_for(self):
        for size in (synthetic_index.SMALLEST_MANIFEST, 500, 4096):
            for line in make_lines(manifest_bytes=size):
                manifest = json.loads(line)["manifest"]
                self.assertEqual(len(canonical(manifest).encode()), size)
                self.assertIn(canonical(manifest), line)

    def test_names_are_valid_and_manifests_differ(self):
        lines = [json.loads(line) for line in make_lines(2000)]
        names = {line["name"] for line in lines}
        self.assertEqual(len(names), 2000)
        self.assertTrue(all(fold_name(name) == name for name in names))
        self.assertEqual(len({canonical(line["manifest"]) for line in lines}), 2000)

    def test_every_name_has_as_many_distinct_providers_as_asked(self):
        for line in make_lines(providers=4):
            addresses = {place["addr"] for place in json.loads(line)["providers"]}
            self.assertEqual(len(addresses), 4)


if __name__ == "__main__":
    unittest.main()
