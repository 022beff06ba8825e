#!/usr/bin/env python3
"""The gate against regressions: a few figures beside their baselines, in two minutes.

    gate.py                       # measure and judge: what `make bench-check` runs
    gate.py --write-baselines     # measure and pin what was found
    gate.py --only labels         # one of its measurements

Baselines are one number a file in baselines/. Ratios are within one run; beside nginx they still
depend on how quickly a machine runs code outside of the kernel, and there are two kinds of them
(perfkit/machine.py). Instructions, allocations, system calls and virtual time are the same
everywhere. A waiver in baselines/waivers.toml lets one check fail until a day:

    [[waiver]]
    check = "ram-hit-cpu-to-nginx"
    owner = "who answers for it"
    reason = "why, and what will end it"
    expires = 2026-12-31

Exit codes: 0 every check holds or is waived, 1 one does not, 2 usage.
"""

import argparse
import datetime
import json
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from perfkit import checks, gate_figures, machine  # noqa: E402
from perfkit.bench_run import ERRORS, ROOT, Bench, note  # noqa: E402

import service  # noqa: E402

BASELINES = HERE / "baselines"
# Of one run of the generator.
SECONDS = 2


def parse_arguments(words):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--binary", default=ROOT / ".build/release/svc-index")
    parser.add_argument("--load", default=HERE / ".build/release/svc-index-load")
    parser.add_argument("--simulate", default=ROOT / ".build-core/release/dht-simulate")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--figures", type=Path, help="judge these figures instead of measuring")
    parser.add_argument("--baselines", type=Path, default=BASELINES)
    parser.add_argument("--write-baselines", action="store_true")
    parser.add_argument("--code-is-slow", choices=("yes", "no"),
                        help="which baselines hold beside nginx; default: what a loop measures")
    parser.add_argument("--only", action="append", choices=gate_figures.PARTS)
    options = parser.parse_args(words)
    options.parts = options.only or gate_figures.PARTS
    options.probe = "dht-probe"
    options.seconds = SECONDS
    return options


def measure(options, baselines):
    if options.figures is not None:
        return checks.read_figures(options.figures)
    folder = Path(tempfile.mkdtemp(prefix="svc-index-gate-"))
    try:
        return gate_figures.measure_all(Bench(options, folder), baselines, options.parts)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def keep(found, options, is_slow):
    """Writes what was measured to where it is wanted."""
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    if options.write_baselines:
        gate_figures.write_baselines(found, options.baselines, is_slow)


def find_kind(options):
    """Whether the baselines of a machine that runs code slowly hold."""
    if options.code_is_slow is not None:
        return options.code_is_slow == "yes"
    return machine.runs_code_slowly()


def main(words=None):
    options = parse_arguments(words)
    service.end_on_signals()
    try:
        # A mistake in them is told before minutes of measuring, not after.
        is_slow = find_kind(options)
        if options.write_baselines:
            options.baselines.mkdir(parents=True, exist_ok=True)
        baselines = checks.read_baselines(options.baselines, is_slow)
        waivers = checks.read_waivers(options.baselines / "waivers.toml")
        if options.json is not None:
            options.json.open("a").close()
        if is_slow:
            note(f"gate: code runs slowly here: beside nginx the baselines{checks.SLOW} hold")
        found = measure(options, baselines)
        keep(found, options, is_slow)
        if options.write_baselines:
            baselines = checks.read_baselines(options.baselines, is_slow)
    except (*ERRORS, ValueError) as error:
        note(f"gate: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    chosen = [check for check in checks.CHECKS if check.part in options.parts]
    if options.only:
        waivers = [one for one in waivers if one.check in {check.name for check in chosen}]
    verdicts = checks.judge(found, baselines, waivers, datetime.date.today(), chosen)
    for verdict in verdicts:
        print(f"{'ok    ' if verdict.holds else 'FAILED'} {verdict.name}: {verdict.text}")
    return 0 if all(verdict.holds for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
