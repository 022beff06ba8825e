#!/usr/bin/env python3
"""Runs the end-to-end tests against a binary; the last line is "N passed, M failed[, K skipped]".

    run.py BINARY [--rounds N] [--only WORD] [--seed S]

The short run takes about a minute. `--rounds` multiplies the random parts: kills, writes, load.
Exit codes: 0 passed, 1 failed, 2 usage.
"""

import argparse
import os
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTING = HERE.parent


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


def main(arguments=None):
    options = parse_arguments(arguments)
    os.environ["SVC_INDEX_BINARY"] = str(options.binary.resolve())
    os.environ["E2E_ROUNDS"] = str(options.rounds)
    if options.seed:
        os.environ["E2E_SEED"] = options.seed
    sys.path[:0] = [str(HERE), str(TESTING)]
    import report
    import service
    import support

    service.end_on_signals()
    print(f"seed {support.SEED}, rounds {support.ROUNDS}", flush=True)
    suite = unittest.defaultTestLoader.discover(str(HERE))
    return report.run(report.chosen(suite, options.only))


if __name__ == "__main__":
    sys.exit(main())
