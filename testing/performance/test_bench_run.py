"""Rules of what every measurement shares: folders, and a request log where a row says so."""

import contextlib
import os
import tempfile
import threading
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from perfkit import (
    bench_run, counted, dedup, explain, hit_profile, machine, matrix, spill, tails,
)
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
        plans = matrix.local_plans("store") + matrix.spill_plans("store", "spill")
        for name, _, arguments, _ in plans:
            logs = all(word in arguments for word in LOGGED)
            self.assertEqual(logs, "request log" in name, name)
            if "defaults" not in name:
                self.assertEqual(QUIET in arguments, not logs, name)


class WhatTheProcessorDid(unittest.TestCase):
    def test_shares_are_those_of_the_time_between_two_samples(self):
        before = machine.Sample(10.0, [100, 0, 50, 800, 20, 0, 0, 30], 1_000_000)
        after = machine.Sample(12.0, [180, 10, 70, 1060, 20, 5, 5, 50], 1_500_000)
        found = machine.between(before, after)
        self.assertAlmostEqual(found.stolen, 20 / 400)
        self.assertAlmostEqual(found.waited, 0.25)
        unknown = machine.between(before, after._replace(waited_us=None))
        self.assertIsNone(unknown.waited)

    def test_a_watch_counts_the_end_of_a_run(self):
        watch = machine.ProcessorWatch()
        watch.samples = [
            machine.Sample(at, [0, 0, 0, idle, 0, 0, 0, stolen], 0)
            for at, idle, stolen in ((0.0, 0, 0), (8.0, 100, 100), (9.0, 200, 100))
        ]
        self.assertEqual(watch.over_last(1).stolen, 0)
        self.assertAlmostEqual(watch.over_last(60).stolen, 1 / 3)
        self.assertAlmostEqual(watch.over_last(0).stolen, 1 / 3)

    def test_a_watch_looks_until_it_is_left(self):
        looks, look = threading.Semaphore(0), machine.sample

        def count():
            looks.release()
            return look()
        with mock.patch.object(machine, "sample", count), machine.ProcessorWatch() as watch:
            for _ in range(3):
                self.assertTrue(looks.acquire(timeout=10))
        self.assertGreaterEqual(len(watch.samples), 4)
        self.assertFalse(watch.thread.is_alive())
        self.assertGreaterEqual(watch.over_last(60).stolen, 0)

    def test_the_spill_shows_it_and_what_the_kernel_does_not_say(self):
        row = {"rate": 500, "p50": 1, "p95": 2, "p99": 3, "spill_share": 0.99, "cpu_us": 7,
               "dropped": 0, "failures": 0, "errors": 0, "throttled": 0,
               "processor": {"stolen": 0.04, "waited": None}}
        self.assertIn("| 0 | 4 | – |", spill.markdown([row], 1000, 1 << 20))


class Explanations(unittest.TestCase):
    def test_a_row_to_compare_with_has_no_target(self):
        row = {"configuration": matrix.LATE, "p95": 500, "hit_share": 0}
        found = list(explain.explain_matrix({"rows": [
            row, row | {"configuration": matrix.LATE + matrix.UNHEDGED}]}))
        self.assertEqual(len(found), 1)
        self.assertTrue(found[0].startswith("MISSED"))


class Tails(unittest.TestCase):
    def figures(self, milliseconds):
        return {"latency": dict.fromkeys(tails.PERCENTILES, milliseconds), "perSecond": 100,
                "processor": {"stolen": 0.02, "waited": None}, "command": "svc-index-load"}

    def test_ratios_are_of_pairs_and_one_that_was_disturbed_does_not_count(self):
        pairs = [[self.figures(base), self.figures(own)]
                 for base, own in ((1, 1), (2, 2), (4, 8), (1, 100), (3, 3))]
        row = tails.summarise("no pause", pairs)
        self.assertEqual((row["p99"]["nginx"], row["p99"]["ours"]), (2, 3))
        self.assertEqual((row["p99"]["ratio"], row["rate_ratio"]), (1, 1))
        self.assertTrue(next(explain.explain_tails({"rows": [row]})).startswith("holds"))
        for one in tails.markdown([row]).splitlines():
            self.assertEqual(one.count("|"), 15)
        self.assertTrue(tails.markdown([row]).endswith("| 1.00 | 2 | – |"))


class CallgrindsCounts(unittest.TestCase):
    def test_all_events_are_read_and_a_log_without_them_is_an_error(self):
        log = "==7== Events    : Ir Dr D1mr\n==7== Collected : 500 30 2\n==7== \n==7== I refs: 500"
        self.assertEqual(counted.events(log), [500, 30, 2])
        self.assertEqual(counted.collected(log), 500)
        with self.assertRaisesRegex(KitError, "callgrind failed"):
            counted.events("==7== killed")


class Deduplication(unittest.TestCase):
    def test_a_row_is_one_round_the_worst_and_no_mixture(self):
        calm, slow, doubled = (
            {"caused": caused, "joined": number, "from_ram": 20 + number, "p50": number, "p99": p99}
            for number, caused, p99 in ((1, 1, 3), (2, 1, 90), (3, 2, 5))
        )
        for rounds, worst in (((calm, slow), slow), ((slow, doubled, calm), doubled)):
            row = dedup.row("x", 20, rounds)
            self.assertEqual({key: row[key] for key in worst}, worst)
            self.assertEqual(row["rounds"], rounds)
        table = dedup.markdown([row])
        self.assertIn("| x | 20 | 2 | 3 | 23 | 94.7 % | 3.0 | 5.0 |", table)
        self.assertIn("one of 5 rounds", table)

    def test_every_kind_of_index_spill_and_dht_is_there_with_and_without_the_request_log(self):
        plans = dedup.plans("names", "store", "spill", "dht-store", "127.0.0.1:1")
        names = {name for name, *_ in plans}
        for name, key, arguments, store, lines in plans:
            logged = "request log" in name
            self.assertEqual(all(word in arguments for word in LOGGED), logged, name)
            self.assertEqual(QUIET in arguments, not logged, name)
            self.assertIn(name.removesuffix(", request log"), names)
            self.assertIn(name.removesuffix(", request log") + ", request log", names)
            self.assertEqual("--spill-enabled=true" in arguments, "spill" in name, name)
            self.assertEqual(store is None, lines is not None, name)
            if "DHT" in name:
                self.assertEqual(key(7), "dht-7")
        self.assertEqual(len(names), 10)


class Allocations(unittest.TestCase):
    def each(self, start, first, hit):
        """Of a program that makes so many at its start, more the first time, and for each hit."""
        made, asked = [0], []

        def run(hits):
            made[0] += start + hit * hits + (0 if asked else first)
            asked.append(hits)
        return counted.allocations_each(lambda: made[0], run, 100), asked

    def test_what_a_start_and_the_first_run_make_is_no_hits(self):
        for hit in (0, 3):
            self.assertEqual(self.each(5000, 777, hit), (hit, [100, 100, 200]))

    def test_a_shim_that_counts_nothing_is_no_zero(self):
        with self.assertRaisesRegex(KitError, "the shim counted nothing"):
            self.each(0, 0, 0)


class Folders(unittest.TestCase):
    def test_a_second_attempt_has_folders_of_its_own(self):
        with tempfile.TemporaryDirectory() as holder:
            bench = bench_run.Bench.__new__(bench_run.Bench)
            bench.folder = Path(holder)
            folders = {bench.new_folder("nginx") for _ in range(20)}
            self.assertEqual(len(folders), 20)
            self.assertTrue(all(folder.is_dir() for folder in folders))


class Resources(unittest.TestCase):
    def test_the_most_descriptors_are_seen_and_not_the_last(self):
        ours = SimpleNamespace(process=SimpleNamespace(pid=os.getpid()))
        before = len(os.listdir("/proc/self/fd"))
        with bench_run.watched_descriptors(ours, every=0.001) as most:
            with contextlib.ExitStack() as stack:
                for _ in range(50):
                    stack.enter_context(open(os.devnull, "rb"))
                while most[0] < before + 49:
                    pass
        self.assertGreaterEqual(most[0], before + 49)
        self.assertGreaterEqual(bench_run.resident_kib(ours, "VmHWM"), 1000)

    def test_a_row_counts_answers_by_status_over_both_of_its_runs(self):
        figures = {
            "perSecond": 1, "cpu_us": 1, "latency": {"p50": 1, "p95": 1, "p99": 1}, "hitShare": 1,
            "spectrum": [], "errors": 0, "throttled": 0, "command": "",
            "processor": {"stolen": 0.02, "waited": None},
        }
        row = matrix.row("x", 1, figures | {"status": {"200": 5, "429": 1}},
                         figures | {"status": {"200": 2}})
        self.assertEqual(row["status"], {"200": 7, "429": 1})
        row |= {"resident_mib": 50, "most_resident_mib": 60, "descriptors": 70}
        self.assertIn("| 2 | – | 100 | 50, 60 | 70 | 200: 7, 429: 1 |", matrix.markdown([row], []))


class HitProfile(unittest.TestCase):
    TEXT = """
\tffff1 tcp_sendmsg
\tffff2 ksys_write
\tffff3 entry_SYSCALL_64_after_hwframe
\t  aa1 Socket.write(pointer:)
\t  aa2 ExchangeHandler.write(_:_:from:at:_:)

\t  bb1 swift_retain
\t  bb2 Screening.judge(_:)
\t  bb3 ExchangeHandler.begin(_:_:)
\t  bb4 HTTPDecoder.decode(context:buffer:)

\t  cc1 malloc
"""

    def test_a_sample_is_told_by_its_innermost_frame_that_says_anything(self):
        found = [hit_profile.stage(frames) for frames in hit_profile.stacks(self.TEXT.splitlines())]
        self.assertEqual(found, ["kernel: send", "question and screening", "everything else"])

    def test_a_handful_of_samples_is_no_profile(self):
        with self.assertRaisesRegex(KitError, "3 samples: too few"):
            hit_profile.shares(self.TEXT.splitlines())


if __name__ == "__main__":
    unittest.main()
