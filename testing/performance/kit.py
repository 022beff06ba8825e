#!/usr/bin/env python3
"""The performance kit: data, measurements, a report, and what the figures mean.

    kit.py seed 10000 100000          # import lines under artifacts/perf/data
    kit.py bench                      # RAM and index hits beside nginx, by wrk, in a minute
    kit.py all                        # every measurement, then report and explain
    kit.py load --profile hit_slo --url http://127.0.0.1:5304 --names names.ndjson
    kit.py cids --url http://127.0.0.1:5304 --names names.ndjson > cids.txt   # for `balanced`
    kit.py explain artifacts/perf/20261121-160000
    kit.py publish artifacts/perf/20261121-160000   # the tables, into PERFORMANCE.md

Every run has a folder of its own under artifacts/perf. Exit codes: 0 done, 1 a part failed or a
profile of `load` missed a target, 2 usage, 3 a program that `bench` needs is missing.
"""

import argparse
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from perfkit import (  # noqa: E402
    arguments, dedup, explain, hit_profile, in_process, matrix, memory, overload, peers, profiles,
    publish, report, scale, spill, tails,
)
from perfkit.bench_run import (  # noqa: E402
    ERRORS, ROOT, Bench, KitError, Skipped, note, printed_json, require_load,
)
from perfkit.names import make_names  # noqa: E402
from perfkit.profiles import PROFILES  # noqa: E402

import bench_http  # noqa: E402
import service  # noqa: E402

MEASUREMENTS = (
    "verify", "compare", "tails", "in-process", "hit-profile", "matrix", "profiles", "dedup",
    "memory", "overload", "spill", "scale",
)


def measure(part, bench, options):
    if part == "verify":
        return peers.verify(bench)
    if part == "compare":
        return peers.run(bench)
    if part == "scale":
        return scale.run(bench, options.counts)
    if part == "spill":
        return spill.run(bench, options.rows)
    parts = {
        "in-process": in_process, "hit-profile": hit_profile, "matrix": matrix,
        "profiles": profiles, "dedup": dedup, "memory": memory, "overload": overload,
        "tails": tails,
    }
    return parts[part].run(bench)


@contextlib.contextmanager
def run_folder(out, runs=ROOT / "artifacts/perf"):
    """The folder of a run: `out`, which others may have written to, or one that nobody has.

    It is there before anything is measured, and gone again if nothing came into it.
    """
    folder = new_folder(runs) if out is None else given_folder(out.resolve())
    try:
        yield folder
    finally:
        if out is None and not any(folder.iterdir()):
            folder.rmdir()


def new_folder(runs):
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for number in itertools.count(1):
        folder = runs / (stamp if number == 1 else f"{stamp}-{number}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir(parents=True)
            return folder


def given_folder(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise KitError(f"--out {folder}: {error.strerror}: give a folder to write to") from None
    return folder


def run_parts(parts, options):
    """Measures parts and reports on those that could be; whether all could."""
    with run_folder(options.out) as folder:
        return measure_parts(parts, options, folder)


def measure_parts(parts, options, folder):
    work = folder / f"work-{os.getpid()}"
    work.mkdir()
    failed = []
    try:
        bench = Bench(options, work)
        for part in parts:
            began, facts = time.monotonic(), bench.facts()
            try:
                data = measure(part, bench, options)
            except Skipped as reason:
                note(f"{part}: not measured: {reason}")
                failed.append(part)
                continue
            except ERRORS as error:
                note(f"{part}: failed: {error}")
                failed.append(part)
                continue
            data["facts"] = facts | {"seconds": round(time.monotonic() - began, 1)}
            (folder / f"{part}.json").write_text(json.dumps(data, indent=1) + "\n")
            print(f"## {report.TITLES[part]}\n\n{data['markdown']}\n", flush=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if any(folder.glob("*.json")):
        note(f"report: {report.write(folder)}")
        print("\n".join(explain.explain(folder)))
    return not failed


def load(options):
    """Runs profiles against a service that is already there; whether all of them hold."""
    with run_folder(options.out) as folder:
        return load_into(folder, options)


def load_into(folder, options):
    program = require_load(Path(options.load).resolve())
    for name in options.profile:
        if PROFILES[name].get("needs_cids") and options.cids is None:
            raise KitError(f"{name} asks for content ids too: give --cids FILE, "
                           "which `kit.py cids` makes")
    rows = []
    for name in options.profile:
        command = [program, "--url", options.url, "--json"]
        command += profiles.arguments(name, options.names, options.seconds, options.cids)
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        rows.append(profiles.row(name, printed_json("svc-index-load", done, codes=(0, 1))))
    data = {"rows": rows, "markdown": profiles.markdown(rows)}
    (folder / "load.json").write_text(json.dumps(data, indent=1) + "\n")
    print(data["markdown"])
    note(f"report: {report.write(folder)}")
    print("\n".join(explain.explain(folder)))
    return explain.all_hold(folder)


def seed(options):
    for count in options.counts:
        print(make_names(count, ROOT / "artifacts/perf/data"))


def parse_arguments(words):
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n\n")[0],
        epilog=__doc__.partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    short = argparse.ArgumentParser(add_help=False)
    short.add_argument("--binary", default=ROOT / ".build/release/svc-index")
    short.add_argument("--seconds", type=arguments.seconds, default=4,
                       help="of one run of the generator")
    common = argparse.ArgumentParser(add_help=False, parents=[short])
    common.add_argument(
        "--load", default=ROOT / "testing/performance/.build/release/svc-index-load"
    )
    common.add_argument("--probe", default=ROOT / ".build/release/dht-probe")
    common.add_argument("--simulate", default=ROOT / ".build-core/release/dht-simulate")
    common.add_argument("--out", type=arguments.path, help="a folder instead of a new one")
    parts = parser.add_subparsers(dest="part", required=True)
    counts = {"nargs": "*", "type": arguments.count, "default": [10_000, 100_000, 1_000_000]}
    rows = {"type": arguments.count, "default": 1_000_000,
            "help": "answers in the spill; 50000 takes a minute"}
    seeding = parts.add_parser("seed", help="import lines of so many names")
    seeding.add_argument("counts", **counts)
    for name in MEASUREMENTS:
        one = parts.add_parser(name, parents=[common], help=report.TITLES[name])
        one.add_argument("counts", **counts) if name == "scale" else None
        one.add_argument("--rows", **rows) if name == "spill" else None
    every = parts.add_parser("all", parents=[common], help="every measurement")
    every.set_defaults(counts=counts["default"], rows=rows["default"])
    parts.add_parser("bench", parents=[short], help="RAM and index hits beside nginx, by wrk")
    loading = parts.add_parser("load", parents=[common], help="profiles against a running service")
    loading.add_argument("--profile", action="append", choices=PROFILES, required=True)
    loading.add_argument("--cids", help="content ids, one a line, as `kit.py cids` prints them")
    asking = parts.add_parser("cids", help="content ids that names lead to at a running service")
    for one in (loading, asking):
        one.add_argument("--url", default="http://127.0.0.1:5304")
        one.add_argument("--names", required=True,
                         help="names that the service has: import lines, or one a line")
    for name in ("report", "explain", "publish"):
        one = parts.add_parser(name, help=f"{name} of a run's folder")
        one.add_argument("folder", type=arguments.path)
    return parser.parse_args(words)


def main(words=None):
    options = parse_arguments(words)
    service.end_on_signals()
    try:
        if options.part == "seed":
            seed(options)
        elif options.part == "bench":
            names = make_names(10_000, ROOT / "artifacts/perf/data")
            return bench_http.main([str(options.binary), str(names), "--duration",
                                    str(max(1, round(options.seconds)))])
        elif options.part == "load":
            return 0 if load(options) else 1
        elif options.part == "cids":
            print("\n".join(profiles.content_ids(options.url, options.names)))
        elif options.part == "report":
            print(report.write(options.folder))
        elif options.part == "explain":
            print("\n".join(explain.explain(options.folder)))
        elif options.part == "publish":
            print(publish.publish(options.folder, ROOT / "PERFORMANCE.md"))
        else:
            parts = MEASUREMENTS if options.part == "all" else (options.part,)
            return 0 if run_parts(parts, options) else 1
    except (*ERRORS, ValueError) as error:
        note(f"kit: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
