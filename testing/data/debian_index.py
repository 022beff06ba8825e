#!/usr/bin/env python3
"""Debian's package index as svc-index import lines (NDJSON on standard output).

Reads the files that `apt-get update` leaves behind, keeps the highest version of every
package, and writes one line a package, sorted by name:

    {"name": "libc6", "manifest": {"package": …, "version": …, "architecture": …, "size": …,
     "sha256": …, "filename": …}, "providers": [{"addr": "http://<mirror>/<filename>"}]}

Exit codes: 0 done, 2 usage, 3 there are no package lists (or they cannot be read).
"""

import argparse
import functools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote, unquote

LISTS = Path("/var/lib/apt/lists")
APT_HELPER = "/usr/lib/apt/apt-helper"
WANTED = {"Package", "Version", "Architecture", "Size", "SHA256", "Filename"}

NAME_LIMIT = 253
LABEL = re.compile(r"[a-z0-9][a-z0-9_+-]*")
KEY_LABEL = re.compile(r"[ybndrfg8ejkmcpqxot1uwisza345h769]{52}")


class ListsError(Exception):
    """The package lists are missing or unreadable; the message says what to do."""


# Names


def fold_name(text):
    """The name as svc-index stores it, or None where it is not a name of the index."""
    if not text.isascii():
        return None
    name = text.lower()
    labels = name.split(".")
    if not 1 <= len(name) <= NAME_LIMIT or not all(LABEL.fullmatch(label) for label in labels):
        return None
    if KEY_LABEL.fullmatch(labels[-1]):
        return None  # a key name: resolved from the DHT, never from the index
    return name


# Versions (Debian Policy 5.6.12, deb-version(7))


def split_version(version):
    """(epoch, upstream version, revision); a missing epoch or revision counts as 0."""
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return (int(epoch) if epoch.isdigit() else 0, upstream, revision or "0")


def part_key(text):
    """Orders one part as dpkg does: `~` before the end, the end before letters, then the rest."""
    key = []
    for non_digits, digits in re.findall(r"([^0-9]*)([0-9]*)", text):
        if not non_digits and not digits:
            continue
        key.append(tuple(character_order(c) for c in non_digits) + (0,))
        key.append((int(digits or 0),))
    key.append((0,))
    return key


def character_order(character):
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256


@functools.lru_cache(maxsize=65536)
def version_key(version):
    """A sort key: `version_key(a) < version_key(b)` exactly when a is older than b."""
    epoch, upstream, revision = split_version(version)
    return (epoch, part_key(upstream), part_key(revision))


# Lists


def find_lists(folder):
    """The package lists in a folder, in a fixed order, whatever their compression."""
    found = sorted(
        path
        for pattern in ("*_Packages", "*_Packages.*")
        for path in Path(folder).glob(pattern)
        if path.is_file()
    )
    if not found:
        raise ListsError(
            f"no package lists (*_Packages) in {folder}: run `apt-get update` as root, "
            "or name another folder with --lists"
        )
    return found


def mirror_base(list_name, scheme="http"):
    """The mirror's address from a list's file name (`host_path_dists_suite_…_Packages`).

    apt writes `/` as `_` and a real `_` as `%5f`; it does not keep the scheme.
    """
    stem = re.sub(r"_Packages(\..*)?$", "", list_name)
    stem = stem.split("_dists_")[0]
    path = unquote(stem.replace("_", "/")).removesuffix("/.").rstrip("/")
    return f"{scheme}://{path}"


def read_lines(path):
    """The lines of one list, decompressed by apt's own tool where it is not plain text."""
    if path.name.endswith("_Packages"):
        with open(path, encoding="utf-8", errors="replace") as plain:
            yield from plain
        return
    helper = APT_HELPER if os.access(APT_HELPER, os.X_OK) else shutil.which("apt-helper")
    if helper is None:
        raise ListsError(f"{path.name} is compressed and apt-helper (package apt) is missing")
    command = [helper, "cat-file", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", errors="replace") as p:
        yield from p.stdout
    if p.returncode != 0:
        raise ListsError(f"{path.name} cannot be read: apt-helper exited with {p.returncode}")


def read_stanzas(lines):
    """One dictionary a package, of the wanted fields only."""
    stanza = {}
    for line in lines:
        if line == "\n":
            if stanza:
                yield stanza
            stanza = {}
            continue
        field, colon, value = line.partition(":")
        if colon and field in WANTED:
            stanza[field] = value.strip()
    if stanza:
        yield stanza


# The index


def is_usable(stanza):
    return (
        stanza.keys() == WANTED
        and re.fullmatch(r"[0-9]{1,15}", stanza["Size"]) is not None
        and re.fullmatch(r"[0-9a-f]{64}", stanza["SHA256"]) is not None
    )


def build_index(paths, scheme="http"):
    """(name -> (stanza, addresses), statistics): the highest version of a name wins.

    The same file on several mirrors gives several addresses. Where two architectures have the
    same version, the list that sorts first wins.
    """
    index = {}
    counted = ("files", "stanzas", "refused", "new", "replaced", "older", "same")
    stats = dict.fromkeys(counted, 0)
    for path in paths:
        base = mirror_base(path.name, scheme)
        stats["files"] += 1
        for stanza in read_stanzas(read_lines(path)):
            stats["stanzas"] += 1
            name = fold_name(stanza.get("Package", ""))
            if name is None or not is_usable(stanza):
                stats["refused"] += 1
                continue
            address = f"{base}/{quote(stanza['Filename'], safe='/+~:@!$&,;=')}"
            stats[keep_newest(index, name, stanza, address)] += 1
    return index, stats


def keep_newest(index, name, stanza, address):
    """Puts one package into the index and says what became of it."""
    held = index.get(name)
    if held is None:
        index[name] = (stanza, [address])
        return "new"
    held_stanza, addresses = held
    held_key, key = version_key(held_stanza["Version"]), version_key(stanza["Version"])
    if key > held_key:
        index[name] = (stanza, [address])
        return "replaced"
    if key < held_key:
        return "older"
    if stanza["SHA256"] == held_stanza["SHA256"] and address not in addresses:
        addresses.append(address)
    return "same"


def import_line(name, stanza, addresses, region=None):
    """One import line as a dictionary; its manifest holds strings and one whole number."""
    place = {} if region is None else {"region": region}
    return {
        "name": name,
        "manifest": {
            "package": stanza["Package"],
            "version": stanza["Version"],
            "architecture": stanza["Architecture"],
            "size": int(stanza["Size"]),
            "sha256": stanza["SHA256"],
            "filename": stanza["Filename"],
        },
        "providers": [{"addr": address, **place} for address in addresses],
    }


def choose_names(index, limit=None, seed=None):
    """All names, the first `limit` of them, or with a seed a reproducible sample of `limit`."""
    names = sorted(index)
    if limit is None or limit >= len(names):
        return names
    return sorted(random.Random(seed).sample(names, limit)) if seed is not None else names[:limit]


def write_lines(index, names, region, out):
    for name in names:
        line = import_line(name, *index[name], region=region)
        out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


def count_argument(text):
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return value


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(
        description="Turns Debian's package index into svc-index import lines (NDJSON).",
        epilog="Exit code 3: there are no package lists.",
    )
    parser.add_argument("--lists", type=Path, default=LISTS, help=f"default {LISTS}")
    parser.add_argument("--limit", type=count_argument, help="at most this many names")
    parser.add_argument("--seed", help="with --limit: a random sample instead of the first names")
    parser.add_argument("--scheme", default="http", choices=("http", "https"))
    parser.add_argument("--region", help="the region to write beside every address")
    parser.add_argument("--json", action="store_true", help="statistics on standard error")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse_arguments(arguments)
    began = time.monotonic()
    try:
        index, stats = build_index(find_lists(options.lists), options.scheme)
    except (ListsError, OSError) as error:
        print(f"debian_index: {error}", file=sys.stderr)
        return 3
    names = choose_names(index, options.limit, options.seed)
    sys.stdout.reconfigure(encoding="utf-8")
    try:
        write_lines(index, names, options.region, sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if options.json:
        stats |= {"written": len(names), "seconds": round(time.monotonic() - began, 3)}
        print(json.dumps(stats), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
