"""Measures what the gate checks; each function returns {check: figure}."""

import collections
import hashlib
import http.client
import json
import subprocess
from pathlib import Path

import service
from bench_http import BenchError

from . import checks, memory, peers
from .counted import allocations, http_allocations, http_instructions, instructions
from .bench_run import OPEN_LIMITS, QUIET, KitError, metrics, note
from .names import make_names, name_of

# Many short pairs: what disturbs one of them does not move the median.
PAIRS = 25
PAIR_SECONDS = 0.5
PAIR_WARM_UP = 0.2
# Runs of a part whose figures depend on what else the machine does; the best of them counts.
ATTEMPTS = 3
# Enough that what the allocator keeps for itself is a small part.
ANSWERS = 50_000
LABEL_KEYS = 1000
SIMULATION = ["hedging", "--nodes", "300", "--lookups", "300", "--seed", "1", "--no-bars"]


def simulate(bench):
    """Virtual time: the same on every machine, to the last digit."""
    done = subprocess.run([bench.simulate, *SIMULATION], capture_output=True, text=True, timeout=60)
    found = {}
    for line in done.stdout.splitlines():
        name, _, rest = line.partition(": ")
        beta = {"beta 0": "without-hedging", "hedged": "hedged"}.get(name)
        if beta and rest.startswith("{"):
            figures = json.loads(rest)
            found[f"simulate-{beta}-p50-ms"] = figures["first_provider_ms"]["p50"]
            found[f"simulate-{beta}-p95-ms"] = figures["first_provider_ms"]["p95"]
            found[f"simulate-{beta}-queries"] = figures["queries_mean"]
    if not found:
        raise KitError(f"dht-simulate said nothing of use: {done.stderr.strip()[-200:]}")
    return found


def beside_nginx(bench):
    """Medians of the ratios to nginx of runs in turn."""
    ours = peers.run(bench, everything=False, rounds=PAIRS, seconds=PAIR_SECONDS,
                     warm_up=PAIR_WARM_UP)["rows"][1]
    return {"ram-hit-throughput-to-nginx": ours["ratio"],
            "ram-hit-cpu-to-nginx": ours["cpu_ratio"],
            "ram-hit-p95-to-nginx": ours["p95_ratio"]}


def resident(bench):
    return {"resident-idle-kib": memory.idle(bench),
            "resident-per-answer-bytes": memory.answers(bench, ANSWERS)["resident"]}


def label_requests(number):
    """One request of every kind for a number, none of them asked before: (method, path)."""
    cid = "b3:" + hashlib.sha256(b"label %d" % number).hexdigest()
    key = key_name(hashlib.sha256(b"key %d" % number).digest())
    return [
        ("GET", f"/resolve/{cid}"), ("HEAD", f"/resolve/label-{number}.example"),
        ("GET", f"/resolve/{key}"), ("GET", f"/resolve/blog.{key}"),
        ("GET", f"/providers/{cid}"), ("GET", f"/manifests/{cid}"),
        ("GET", f"/providers/no-cid-{number}"), ("GET", f"/manifests/no-cid-{number}"),
        ("GET", f"/resolve/label-{number}?region=r{number}&n{number}={number}"),
        ("GET", f"/nowhere-{number}/{number}"), ("GET", f"/resolve/%2{number}"),
        ("PUT", f"/admin/names/label-{number}"), ("POST", f"/admin/odd-{number}"),
        ("PATCH", f"/resolve/label-{number}"), (f"ODD{number}", f"/resolve/label-{number}"),
        (f"ODD{number}", f"/odd-{number}"),
    ]


def key_name(public_key):
    """The z-base-32 that a public key of 32 bytes is as a name."""
    alphabet = "ybndrfg8ejkmcpqxot1uwisza345h769"
    bits = int.from_bytes(public_key, "big") << 4
    return "".join(alphabet[bits >> shift & 31] for shift in range(255, -1, -5))


def ask(port, requests):
    """Sends each on one connection, or on the next where the service closes it.

    Returns {status: how many}, 0 for those that were not answered at all.
    """
    connection, statuses = None, collections.Counter()
    for method, path in requests:
        connection = connection or http.client.HTTPConnection(service.HOST, port, timeout=10)
        try:
            identifier = hashlib.sha256(path.encode()).hexdigest()
            connection.request(method, path, headers={"X-Corr-ID": identifier})
            answer = connection.getresponse()
            answer.read()
            statuses[answer.status] += 1
            closes = answer.will_close
        except (http.client.HTTPException, ConnectionError):
            statuses[0] += 1
            closes = True
        if closes:
            connection.close()
            connection = None
    if connection is not None:
        connection.close()
    return statuses


def labels(bench):
    """How many series or label values a thousand new keys of every kind make."""
    names = make_names(LABEL_KEYS, bench.data)
    with bench.serving([QUIET, *OPEN_LIMITS], None, names) as server:
        ask(server.port, [("GET", "/resolve/" + name_of(names, 0)),
                          ("GET", "/resolve/nobody-has-this"), ("GET", "/nowhere"),
                          ("GET", "/resolve/b3:x"), *label_requests(0)])
        before = set(metrics(server))
        bench.load(server, "--names", names, "--distribution", "each")
        bench.load(server, "--mix", "unknown=1", "--requests", LABEL_KEYS, "--duration", 20)
        statuses = ask(server.port, (request for number in range(1, LABEL_KEYS + 1)
                                     for request in label_requests(number)))
        new = set(metrics(server)) - before
    note(f"labels: by status: {dict(sorted(statuses.items()))}")
    for name in sorted(new):
        note(f"labels: new: {name}")
    return {"metrics-new-label-values": len(new)}


def attempt(part, bench):
    try:
        return part(bench)
    except (KitError, BenchError, service.ServerError, OSError,
            subprocess.SubprocessError) as error:
        note(f"gate: {part.__name__}: {error}")
        return {}


STEADY = (simulate, labels, allocations, http_allocations, instructions, http_instructions)
TIMED = (resident, beside_nginx)
PARTS = tuple(part.__name__.replace("_", "-") for part in (*STEADY, *TIMED))


def measure_all(bench, baselines, parts=PARTS):
    """Every figure; what is timed is measured again while it fails or is not there.

    A busy machine moves a ratio either way, and a gate that fails for that is not believed: the
    best of the attempts counts. What is small enough to hide in it shows in the counts.
    """
    def chosen(all_of_them):
        return [part for part in all_of_them if part.__name__.replace("_", "-") in parts]
    found = {}
    for part in chosen(STEADY):
        found |= attempt(part, bench)
    for part in chosen(TIMED):
        figures = attempt(part, bench)
        for _ in range(1, ATTEMPTS):
            failing = checks.failing(figures, baselines)
            if figures and not failing:
                break
            note(f"gate: once more, for {', '.join(failing) or part.__name__}")
            figures = checks.best(figures, attempt(part, bench))
        found |= figures
    return found


def write_baselines(found, folder):
    Path(folder).mkdir(exist_ok=True)
    for name, value in found.items():
        (Path(folder) / f"{name}.txt").write_text(f"{round(value, 4):g}\n" if isinstance(
            value, float) and not name.startswith("simulate") else f"{value}\n")
