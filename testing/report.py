"""Runs suites of tests and tells of them: a line a test, and at the end how many passed."""

import time
import unittest


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
        title = f"{title_of(test)} ({time.monotonic() - self.began:.1f} s)"
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


def title_of(test):
    """Class and method; the class where it was skipped as a whole ("setUpClass (module.Class)")."""
    is_test = hasattr(test, "_testMethodName")
    return ".".join(test.id().split(".")[-2:]) if is_test else test.id().split(".")[-1].rstrip(")")


def chosen(suite, word):
    """The tests of a suite, and of the suites in it, whose id has `word`."""
    for part in suite:
        if isinstance(part, unittest.TestSuite):
            yield from chosen(part, word)
        elif word in part.id():
            yield part


def run(tests, skipped=None):
    """Runs them in order; the last line is "N passed, M failed[, K skipped]". 1 when one failed.

    What was skipped is named before it, so that nobody takes it for passed; `skipped` gets the
    reasons.
    """
    outcome = Report()
    began = time.monotonic()
    unittest.TestSuite(tests).run(outcome)
    print(f"{time.monotonic() - began:.0f} s in all")
    for test, reason in outcome.skipped:
        print(f"not run: {title_of(test)}: {reason}")
        if skipped is not None:
            skipped[title_of(test)] = reason
    number = f", {len(outcome.skipped)} skipped" if outcome.skipped else ""
    print(f"{outcome.passed} passed, {outcome.failed} failed{number}")
    return 1 if outcome.failed else 0
