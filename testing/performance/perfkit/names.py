"""Names to import and to ask for, made once under artifacts/perf/data."""

import hashlib
import json
import os

import synthetic_index


def written_once(path, lines):
    """The file of these lines: made if it is not there, and there when it is whole."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".part-{os.getpid()}")
        with open(partial, "w", encoding="utf-8") as out:
            synthetic_index.write_lines(lines, out)
        partial.rename(path)
    return path


def make_names(count, folder, seed="perf"):
    """The import lines of so many names."""
    path = folder / f"names-{seed}-{count}.ndjson"
    return written_once(path, synthetic_index.import_lines(count, seed))


def make_keys(lines):
    """The names of import lines, one a line: a generator reads all of its file."""
    with open(lines, encoding="utf-8") as source:
        names = (line.split('"', 4)[3] for line in source)
        return written_once(lines.with_suffix(".keys"), names)


def make_dht_names(count, folder):
    """Names that point at content ids nobody holds here, and those ids; (lines, cids)."""
    cids = ["b3:" + hashlib.sha256(b"perf %d" % number).hexdigest() for number in range(count)]
    names = (json.dumps({"name": f"dht-{number}", "manifest_cid": cid})
             for number, cid in enumerate(cids))
    return (written_once(folder / f"dht-names-{count}.ndjson", names),
            written_once(folder / f"dht-cids-{count}.txt", cids))


def name_of(lines, number):
    with open(lines, encoding="utf-8") as file:
        for index, line in enumerate(file):
            if index == number:
                return line.split('"name":"', 1)[1].split('"', 1)[0]
    raise IndexError(number)
