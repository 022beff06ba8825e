#!/usr/bin/env python3
"""Reproducible svc-index import lines (NDJSON on standard output) for tests of scale.

The same seed gives the same lines, and the first lines of a longer run are those of a shorter
one. Names look like `pkg-000123.amber`; manifests are canonical JSON of a fixed size.
"""

import argparse
import hashlib
import os
import random
import sys

WORDS = (
    "amber birch cedar delta ember fjord grove harbor indigo juniper kelp lagoon meadow nectar "
    "onyx prairie quartz ridge saffron tundra umber valley willow xenon yarrow zephyr"
).split()
REGIONS = ("eu-west-1", "eu-north-1", "us-east-1", "us-west-2", "ap-south-1")
FILLER_LENGTH = 1 << 16
SMALLEST_MANIFEST = 300
LARGEST_MANIFEST = 1 << 16
LINES_PER_WRITE = 2000


def make_filler(seed):
    """Text to cut the manifests' descriptions from: cheap, and no two alike."""
    source = random.Random(f"filler {seed}")
    text = " ".join(source.choices(WORDS, k=FILLER_LENGTH // 4))
    return text[:FILLER_LENGTH] * 2


def import_lines(count, seed="1", manifest_bytes=500, providers=1):
    """Yields `count` lines without their line ends."""
    filler = make_filler(seed)
    salt = f"{seed} ".encode()
    for number in range(count):
        digest = hashlib.sha256(salt + b"%d" % number).hexdigest()
        pick = int(digest[:8], 16)
        name = f"pkg-{number:06d}.{WORDS[pick % len(WORDS)]}"
        head = '{"architecture":"all","description":"'
        tail = (
            f'","filename":"pool/{digest[:2]}/{name}.bin","package":"{name}",'
            f'"sha256":"{digest}","size":{pick},"version":"1.{pick % 97}.{number % 13}"}}'
        )
        wanted = manifest_bytes - len(head) - len(tail)
        start = pick % FILLER_LENGTH
        manifest = f"{head}{filler[start:start + wanted]}{tail}"
        places = ",".join(provider(name, pick, place) for place in range(providers))
        yield f'{{"name":"{name}","manifest":{manifest},"providers":[{places}]}}'


def provider(name, pick, place):
    """One address of the documentation networks (RFC 5737)."""
    host = (pick + place * 37) % 254 + 1
    region = REGIONS[(pick + place) % len(REGIONS)]
    port = 8080 + place
    return f'{{"addr":"http://198.51.100.{host}:{port}/{name}","region":"{region}"}}'


def write_lines(lines, out):
    batch = []
    for line in lines:
        batch.append(line)
        if len(batch) == LINES_PER_WRITE:
            out.write("\n".join(batch) + "\n")
            batch.clear()
    if batch:
        out.write("\n".join(batch) + "\n")


def whole_number(low, high):
    def parse(text):
        value = int(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be {low} to {high}")
        return value

    return parse


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Reproducible svc-index import lines (NDJSON).")
    parser.add_argument("count", type=whole_number(0, 100_000_000))
    parser.add_argument("--seed", default="1")
    parser.add_argument(
        "--manifest-bytes", type=whole_number(SMALLEST_MANIFEST, LARGEST_MANIFEST), default=500
    )
    parser.add_argument("--providers", type=whole_number(0, 32), default=1, help="per name")
    options = parser.parse_args(arguments)
    lines = import_lines(options.count, options.seed, options.manifest_bytes, options.providers)
    try:
        write_lines(lines, sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
