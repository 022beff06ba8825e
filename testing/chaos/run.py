#!/usr/bin/env python3
"""Runs the chaos scenarios against a binary; the last line is "N passed, M failed[, K skipped]".

    run.py BINARY [--short] [--only WORD] [--json FILE] [--soak-seconds N] [--seed S]

Every scenario prints its figures as it goes, each with its bound where it has one. One that cannot
run here (no root, or no libtorrent: `make interop-environment`) is counted as skipped, and named at
the end and in the file. The full run takes about 25 minutes, the short one two and a half. Exit
codes: 0 passed, 1 failed, 2 usage.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTING = HERE.parent


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description="The chaos scenarios of svc-index.")
    parser.add_argument("binary", type=Path, help="the svc-index binary")
    parser.add_argument("--short", action="store_true", help="every scenario in seconds")
    parser.add_argument("--only", default="", help="scenarios whose id has this word")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    parser.add_argument("--soak-seconds", type=int, help="default: 600, or 20 when short")
    parser.add_argument("--seed", help="default: a new one, printed")
    options = parser.parse_args(arguments)
    if not options.binary.is_file():
        parser.error(f"{options.binary} is no file")
    if options.soak_seconds is not None and options.soak_seconds < 10:
        parser.error("--soak-seconds must be 10 or more")
    return options


def main(arguments=None):
    options = parse_arguments(arguments)
    os.environ["SVC_INDEX_BINARY"] = str(options.binary.resolve())
    os.environ["CHAOS_SHORT"] = "1" if options.short else "0"
    if options.soak_seconds:
        os.environ["CHAOS_SOAK_SECONDS"] = str(options.soak_seconds)
    if options.seed:
        os.environ["E2E_SEED"] = options.seed
    sys.path[:0] = [str(HERE), str(TESTING / "e2e"), str(TESTING)]
    import chaos
    import report
    import service
    import support

    service.end_on_signals()
    print(f"seed {support.SEED}, {'short' if chaos.SHORT else 'full'}", flush=True)
    skipped = {}
    suite = unittest.defaultTestLoader.discover(str(HERE), pattern="scenario_*.py")
    code = 1
    try:
        code = report.run(report.chosen(suite, options.only), skipped)
    finally:
        if options.json:
            version = subprocess.run([support.BINARY, "version"], capture_output=True, text=True)
            facts = {
                "version": version.stdout.strip(),
                "seed": support.SEED,
                "short": chaos.SHORT,
                "cores": os.cpu_count(),
                "machine": platform.machine(),
                "passed": code == 0,
                "skipped": skipped,
                "scenarios": chaos.FIGURES,
            }
            options.json.write_text(json.dumps(facts, indent=1) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
