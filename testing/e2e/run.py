#!/usr/bin/env python3
"""Runs the end-to-end tests against a binary; the last line is "N passed, M failed[, K skipped]".

    run.py BINARY [--rounds N] [--only WORD] [--seed S]

The short run takes about a minute. `--rounds` multiplies the random parts: kills, writes, load.
Exit codes: 0 passed, 1 failed, 2 usage.
"""

import argparse
import os
import sys
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTING = HERE.parent


class Report(unittest.TestResult):
    """One line a test as it ends, what is wrong before it."""

    def __init__(self):
        super().__init__()
        self.passed = 0
        self.failed = 0
        self.problems = []
        self.reason = None
        self.began = 0.0

    def startTest(self, test):
        super().startTest(test)
        self.problems = []
        self.reason = None
        self.began = time.monotonic()

    def addFailure(self, test, err):
        self.problems.append(self._exc_info_to_string(err, test))

    def addError(self, test, err):
        self.addFailure(test, err)
        if not hasattr(test, "_testMethodName"):
            self.failed += 1
            print(f"{self.problems[-1]}FAILED {test}", flush=True)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.problems.append(f"{subtest}\n{self._exc_info_to_string(err, test)}")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.reason = reason
        if not hasattr(test, "_testMethodName"):
            print(f"skipped {test}: {reason}", flush=True)

    def stopTest(self, test):
        super().stopTest(test)
        title = f"{'.'.join(test.id().split('.')[-2:])} ({time.monotonic() - self.began:.1f} s)"
        for problem in self.problems:
            print(problem, end="")
        if self.problems:
            self.failed += 1
            print(f"FAILED {title}", flush=True)
        elif self.reason is not None:
            print(f"skipped {title}: {self.reason}", flush=True)
        else:
            self.passed += 1
            print(f"passed {title}", flush=True)


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description="The end-to-end tests of svc-index.")
    parser.add_argument("binary", type=Path, help="the svc-index binary")
    parser.add_argument("--rounds", type=int, default=1, help="multiplies the random parts")
    parser.add_argument("--only", default="", help="tests whose id has this word")
    parser.add_argument("--seed", help="default: a new one, printed")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    if not options.binary.is_file():
        parser.error(f"{options.binary} is no file")
    return options


def chosen(suite, word):
    """The tests of a suite, and of the suites in it, whose id has `word`."""
    for part in suite:
        if isinstance(part, unittest.TestSuite):
            yield from chosen(part, word)
        elif word in part.id():
            yield part


def main(arguments=None):
    options = parse_arguments(arguments)
    os.environ["SVC_INDEX_BINARY"] = str(options.binary.resolve())
    os.environ["E2E_ROUNDS"] = str(options.rounds)
    if options.seed:
        os.environ["E2E_SEED"] = options.seed
    sys.path[:0] = [str(HERE), str(TESTING)]
    import service
    import support

    service.end_on_signals()
    print(f"seed {support.SEED}, rounds {support.ROUNDS}", flush=True)
    suite = unittest.defaultTestLoader.discover(str(HERE))
    report = Report()
    began = time.monotonic()
    unittest.TestSuite(chosen(suite, options.only)).run(report)
    print(f"{time.monotonic() - began:.0f} s in all")
    skipped = f", {len(report.skipped)} skipped" if report.skipped else ""
    print(f"{report.passed} passed, {report.failed} failed{skipped}")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
