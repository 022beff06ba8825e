#!/usr/bin/env python3
"""Import rate, start time, memory and hashing speed of svc-index, printed as Markdown.

    footprint.py BINARY IMPORT.ndjson

Imports the lines into a fresh store, starts the service on it, resolves every name once and prints
what that took. Hashing is compared with Debian's b3sum on one thread over the same file in RAM, in
turn. Exit codes: 0 done, 1 failed, 2 usage, 3 b3sum is missing.
"""

import argparse
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from perfkit.bench_run import KitError, import_file, note, resident_kib, table  # noqa: E402

import service  # noqa: E402

ROUNDS = 5
HASH_BYTES = 512 << 20
# Files of 1 MiB, all of them in one process.
PIECES = 256
# Every answer stays in RAM.
LARGE_CACHE = ["--cache-entries", "100000", "--cache-max-bytes", "256MiB"]


def import_rates(binary, lines, folder):
    """Names a second of each round, every round into a store of its own; keeps the last."""
    rates = []
    for number in range(ROUNDS):
        store = folder / f"store-{number}"
        rates.append(import_file(binary, lines, store)["rate"])
    return rates, store


def resolve_all(port, lines):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    count = 0
    with open(lines, encoding="utf-8") as file:
        for line in file:
            connection.request("GET", "/resolve/" + json.loads(line)["name"])
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise KitError(f"{line[:60]} answered {answer.status}")
            count += 1
    return count


def hash_seconds(command):
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def compare_hashing(binary, folder):
    """GiB a second of ours and of b3sum, medians of rounds in turn, with their start-up.

    Of one large file, then of many of 1 MiB.
    """
    path = folder / "data"
    with open(path, "wb") as file:
        for _ in range(HASH_BYTES >> 20):
            file.write(os.urandom(1 << 20))
    pieces = []
    with open(path, "rb") as file:
        for number in range(PIECES):
            pieces.append(folder / f"piece-{number}")
            pieces[-1].write_bytes(file.read(1 << 20))
    found = []
    for files, size in (([path], HASH_BYTES), (pieces, PIECES << 20)):
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(hash_seconds([binary, "b3sum", *files]))
            theirs.append(hash_seconds(["b3sum", "--num-threads", "1", "--no-mmap", *files]))
        gib = size / (1 << 30)
        found.append((gib / statistics.median(ours), gib / statistics.median(theirs)))
    return found


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=Path)
    parser.add_argument("lines", type=Path)
    arguments = parser.parse_args(words)
    if not shutil.which("b3sum"):
        note("footprint: b3sum is missing: apt-get install b3sum")
        return 3
    service.end_on_signals()
    try:
        print(measure(arguments.binary.resolve(), arguments.lines))
    except (KitError, service.ServerError, OSError, ValueError, http.client.HTTPException,
            subprocess.SubprocessError) as error:
        note(f"footprint: {error}")
        return 1
    return 0


def measure(binary, lines):
    """The table of all figures."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as shared, \
            tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        rates, store = import_rates(binary, lines, folder)
        with service.serve(binary, store, folder, LARGE_CACHE) as server:
            idle = resident_kib(server) / 1024
            count = resolve_all(server.port, lines)
            full = resident_kib(server) / 1024
        hashed = compare_hashing(binary, Path(shared))
    rows = [
        [f"import, names a second (median of {ROUNDS})", f"{statistics.median(rates):,.0f}"],
        ["start to ready on that store", f"{server.ready_seconds * 1000:.0f} ms"],
        ["resident after the start", f"{idle:.0f} MiB"],
        [f"resident with {count:,} answers in RAM", f"{full:.0f} MiB"],
    ]
    titles = (f"one file of {HASH_BYTES >> 20} MiB", f"{PIECES} files of 1 MiB")
    for title, (ours, theirs) in zip(titles, hashed):
        rows += [[f"BLAKE3, {title}, one thread, GiB/s", f"{ours:.2f}"],
                 ["b3sum, the same", f"{theirs:.2f}"], ["ratio to b3sum", f"{ours / theirs:.2f}"]]
    return table(["what", "figure"], rows)


if __name__ == "__main__":
    sys.exit(main())
