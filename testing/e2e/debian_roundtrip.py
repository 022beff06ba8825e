#!/usr/bin/env python3
"""Debian's real package index through svc-index and back: import, serve, resolve, fetch, compare.

For a random sample of names: the answer names the right content id and exactly the source's
providers, and the manifest that comes back is byte for byte the canonical JSON of the source,
with the BLAKE3 that an independent program (`b3sum`) computes. The last line is
"N passed, M failed".

    debian_roundtrip.py BINARY [--names 1000] [--seed S]

Exit codes: 0 passed or skipped (no package lists here), 1 failed, 2 usage. With CI=true a
missing prerequisite is a failure, after `apt-get update` was tried where it can be run.
"""

import argparse
import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

TESTING = Path(__file__).resolve().parent.parent
DEBIAN_INDEX = TESTING / "data" / "debian_index.py"
NO_LISTS = 3
ABSENT_NAMES = 20

sys.path.insert(0, str(TESTING))
import service  # noqa: E402

FAULTS = (
    service.ServerError,
    subprocess.SubprocessError,
    http.client.HTTPException,
    OSError,
    ValueError,
)


class Skip(Exception):
    """The test cannot be run here; the message says why.

    CI has to have what the test needs, so there only an `excused` skip passes.
    """

    def __init__(self, reason, excused=False):
        super().__init__(reason)
        self.excused = excused


def in_ci():
    return os.environ.get("CI", "").lower() in ("1", "true")


# The source of truth


def write_import_file(target, lists):
    """Debian's index as NDJSON; refreshes apt's lists first where CI has none."""
    can_update = os.geteuid() == 0 and shutil.which("apt-get") is not None
    code = run_debian_index(target, lists)
    if code == NO_LISTS and in_ci() and can_update:
        print("no package lists: running apt-get update", flush=True)
        subprocess.run(["apt-get", "update", "-q"], timeout=300, check=False)
        code = run_debian_index(target, lists)
    if code == NO_LISTS:
        raise Skip("apt's package lists are missing: run apt-get update", not can_update)
    if code != 0:
        raise service.ServerError(f"debian_index.py exited with {code}")


def run_debian_index(target, lists):
    with open(target, "wb") as output:
        command = [sys.executable, str(DEBIAN_INDEX), "--json"]
        if lists is not None:
            command += ["--lists", str(lists)]
        return subprocess.run(command, stdout=output, timeout=300, check=False).returncode


def canonical_bytes(document):
    """RFC 8785 for these documents: ASCII keys, strings and whole numbers below 2^53."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8")


def content_ids(manifests, folder):
    """`b3:` ids by b3sum, in the order of the manifests."""
    files = []
    for number, manifest in enumerate(manifests):
        files.append(folder / f"{number:06d}.json")
        files[-1].write_bytes(manifest)
    listing = "".join(
        subprocess.run(
            ["b3sum", "--no-names", *map(str, files[start:start + 500])],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for start in range(0, len(files), 500)
    )
    return [f"b3:{digest}" for digest in listing.split()]


# The client


class Client:
    """One keep-alive connection; reconnects when the server closed it, and counts that."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection(service.HOST, port, timeout=10)
        self.requests = 0
        self.connects = 0

    def get(self, path):
        if self.connection.sock is None:
            self.connects += 1
        self.requests += 1
        self.connection.request("GET", path)
        return service.Response(self.connection.getresponse())


def resolve_path(number, name):
    """Every other name is percent-encoded more than it need be, every third has its prefix."""
    key = f"name:{name}" if number % 3 == 0 else name
    return f"/resolve/{quote(key, safe='' if number % 2 == 0 else '+:')}?limit=32"


# The checks: each returns what is wrong, as sentences


def check_answer(response, source, cid, size):
    if response.status != 200:
        return [f"resolve answered {response.status}: {response.body[:200]!r}"]
    answer = json.loads(response.body)
    held = answer.get("manifest") or {}
    expected = {
        "key": (answer.get("key"), f"name:{source['name']}"),
        "kind": (answer.get("kind"), "name"),
        "manifest_cid": (answer.get("manifest_cid"), cid),
        "manifest.size": (held.get("size"), size),
        "manifest.held": (held.get("held"), True),
        "providers": (
            sorted(place["addr"] for place in answer.get("providers", [])),
            sorted(place["addr"] for place in source["providers"]),
        ),
        "providers_total": (answer.get("providers_total"), len(source["providers"])),
    }
    return [
        f"{field} is {actual!r}, not {wanted!r}"
        for field, (actual, wanted) in expected.items()
        if actual != wanted
    ]


def check_manifest(response, manifest):
    if response.status != 200:
        return [f"the manifest answered {response.status}: {response.body[:200]!r}"]
    wrong = []
    if response.body != manifest:
        wrong.append(f"the manifest is {response.body[:300]!r}, not {manifest[:300]!r}")
    media_type = response.headers.get("Content-Type", "").partition(";")[0]
    if media_type != "application/json":
        wrong.append(f"the manifest's media type is {media_type!r}")
    return wrong


def check_name(client, number, source, manifest, cid):
    answer = client.get(resolve_path(number, source["name"]))
    wrong = check_answer(answer, source, cid, len(manifest))
    return wrong + check_manifest(client.get(f"/manifests/{cid}"), manifest)


def check_absent(client, names):
    """Names that are not in the index are 404, not an empty answer."""
    failures = 0
    for number in range(ABSENT_NAMES):
        name = f"absent-{number}.not-in-debian"
        status = client.get(f"/resolve/{name}").status
        if name not in names and status != 404:
            failures += 1
            print(f"FAILED {name}: answered {status}, not 404")
    return failures


# The run


def run_checks(server, sources, names, folder):
    """(passed, failed) over the sample and a few names that are not there."""
    manifests = [canonical_bytes(source["manifest"]) for source in sources]
    folder.mkdir()
    cids = content_ids(manifests, folder)
    client = Client(server.port)
    failed = 0
    began = time.monotonic()
    for number, (source, manifest, cid) in enumerate(zip(sources, manifests, cids, strict=True)):
        wrong = check_name(client, number, source, manifest, cid)
        if wrong:
            failed += 1
            print(f"FAILED {source['name']}: {'; '.join(wrong)}")
    elapsed = time.monotonic() - began
    absent = check_absent(client, names)
    print(
        f"{client.requests} requests over {client.connects} connection(s), "
        f"{elapsed / max(len(sources), 1) * 1e3:.2f} ms a name"
    )
    return len(sources) - failed + ABSENT_NAMES - absent, failed + absent


def run_test(options, folder):
    if shutil.which("b3sum") is None:
        raise Skip("b3sum is missing (Debian package b3sum)")
    lines = folder / "debian.ndjson"
    write_import_file(lines, options.lists)
    text = lines.read_text(encoding="utf-8").splitlines()
    sample = random.Random(options.seed).sample(range(len(text)), min(options.names, len(text)))
    sources = [json.loads(text[number]) for number in sample]
    names = {json.loads(line)["name"] for line in text}
    seconds = service.import_file(options.binary, lines, folder / "db")
    print(f"imported {len(text)} names in {seconds:.2f} s; sample seed {options.seed}")
    with service.serve(options.binary, folder / "db", folder) as server:
        print(f"ready after {server.ready_seconds * 1e3:.0f} ms")
        passed, failed = run_checks(server, sources, names, folder / "manifests")
    if server.exit_code != 0:
        failed += 1
        print(f"FAILED shutdown: exit code {server.exit_code}{server.tail()}")
    return passed, failed


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description="Debian's index through svc-index and back.")
    parser.add_argument("binary", type=Path, help="the svc-index binary")
    parser.add_argument("--names", type=int, default=1000, help="how many to check")
    parser.add_argument("--lists", type=Path, help="package lists; default: apt's own")
    parser.add_argument("--seed", default=None, help="default: a new one, printed")
    options = parser.parse_args(arguments)
    if options.names < 1:
        parser.error("--names must be 1 or more")
    options.seed = options.seed or str(random.SystemRandom().randrange(10**9))
    options.binary = options.binary.resolve()
    return options


def main(arguments=None):
    options = parse_arguments(arguments)
    service.end_on_signals()
    try:
        with tempfile.TemporaryDirectory(prefix="debian-roundtrip-") as holder:
            passed, failed = run_test(options, Path(holder))
    except Skip as reason:
        print(f"SKIPPED: {reason}")
        return 0 if reason.excused or not in_ci() else 1
    except FAULTS as error:
        print(f"FAILED: {type(error).__name__}: {error}")
        passed, failed = 0, 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
