#!/usr/bin/env python3
"""Import rate, start time, memory and hashing speed of svc-index, printed as Markdown.

    footprint.py BINARY IMPORT.ndjson

Imports the lines into a fresh store, starts the service on it, resolves every name once and prints
what that took. Hashing is compared with Debian's b3sum on one thread over the same file in RAM, in
turn. Exit code 3: b3sum is missing.
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

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import service  # noqa: E402

ROUNDS = 5
HASH_BYTES = 512 << 20
# Files of 1 MiB, all of them in one process.
PIECES = 256


def resident_mib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def import_rates(binary, lines, folder):
    """Names a second of each round, every round into a store of its own; keeps the last."""
    rates = []
    for number in range(ROUNDS):
        store = folder / f"store-{number}"
        done = subprocess.run(
            [binary, "import", lines, "--db-path", store, "--json"],
            check=True,
            capture_output=True,
            text=True,
        )
        rates.append(json.loads(done.stdout.splitlines()[-1])["rate"])
    return rates, store


def serve(binary, store, folder):
    port = service.free_port()
    command = [binary, "serve", "--http-bind", f"127.0.0.1:{port}", "--db-path", store]
    command += ["--cache-entries", "100000", "--cache-max-bytes", "256MiB"]
    server = service.Server("svc-index", command, port, folder / "serve.log")
    return server, server.wait_until_ready("/readyz")


def resolve_all(port, lines):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    count = 0
    with open(lines, encoding="utf-8") as file:
        for line in file:
            connection.request("GET", "/resolve/" + json.loads(line)["name"])
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                sys.exit(f"{line[:60]} answered {answer.status}")
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=Path)
    parser.add_argument("lines", type=Path)
    arguments = parser.parse_args()
    if not shutil.which("b3sum"):
        print("b3sum is missing: apt-get install b3sum", file=sys.stderr)
        return 3
    binary = arguments.binary.resolve()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as shared, \
            tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        rates, store = import_rates(binary, arguments.lines, folder)
        server, start_seconds = serve(binary, store, folder)
        try:
            idle = resident_mib(server.process.pid)
            count = resolve_all(server.port, arguments.lines)
            full = resident_mib(server.process.pid)
        finally:
            server.stop()
        hashed = compare_hashing(binary, Path(shared))
    print("| what | figure |\n| --- | ---: |")
    print(f"| import, names a second (median of {ROUNDS}) | {statistics.median(rates):,.0f} |")
    print(f"| start to ready on that store | {start_seconds * 1000:.0f} ms |")
    print(f"| resident after the start | {idle:.0f} MiB |")
    print(f"| resident with {count:,} answers in RAM | {full:.0f} MiB |")
    titles = (f"one file of {HASH_BYTES >> 20} MiB", f"{PIECES} files of 1 MiB")
    for title, (ours, theirs) in zip(titles, hashed):
        print(f"| BLAKE3, {title}, one thread, GiB/s | {ours:.2f} |")
        print(f"| b3sum, the same | {theirs:.2f} |")
        print(f"| ratio to b3sum | {ours / theirs:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
