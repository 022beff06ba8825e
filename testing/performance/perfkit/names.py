"""Names to import and to ask for, made once under artifacts/perf/data."""

import hashlib
import json
import os

import synthetic_index


def make_names(count, folder, seed="perf"):
    """The import lines of so many names, made once."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"names-{seed}-{count}.ndjson"
    if not path.exists():
        partial = path.with_suffix(f".part-{os.getpid()}")
        with open(partial, "w", encoding="utf-8") as out:
            synthetic_index.write_lines(synthetic_index.import_lines(count, seed), out)
        partial.rename(path)
    return path


def make_keys(lines):
    """The names of import lines, one a line, made once: a generator reads all of its file."""
    path = lines.with_suffix(".keys")
    if not path.exists():
        partial = path.with_suffix(f".part-{os.getpid()}")
        with open(lines, encoding="utf-8") as source, open(partial, "w", encoding="utf-8") as out:
            out.writelines(line.split('"', 4)[3] + "\n" for line in source)
        partial.rename(path)
    return path


def make_dht_names(count, folder):
    """Names that point at content ids nobody holds here, and those ids; (lines, cids)."""
    folder.mkdir(parents=True, exist_ok=True)
    cids = ["b3:" + hashlib.sha256(b"perf %d" % number).hexdigest() for number in range(count)]
    lines, ids = folder / f"dht-names-{count}.ndjson", folder / f"dht-cids-{count}.txt"
    with open(lines, "w", encoding="utf-8") as out:
        for number, cid in enumerate(cids):
            out.write(json.dumps({"name": f"dht-{number}", "manifest_cid": cid}) + "\n")
    ids.write_text("\n".join(cids) + "\n")
    return lines, ids


def name_of(lines, number):
    with open(lines, encoding="utf-8") as file:
        for index, line in enumerate(file):
            if index == number:
                return line.split('"name":"', 1)[1].split('"', 1)[0]
    raise IndexError(number)
