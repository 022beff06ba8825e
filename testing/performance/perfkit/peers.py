"""svc-index beside nginx, Varnish and OpenDHT's proxy: same bytes, same generator, in turn.

`verify` does the same with two generators instead: ours beside wrk on one path.
"""

import base64
import contextlib
import http.client
import json
import resource
import shutil
import statistics
import subprocess
import time

import bench_http
import service

from .bench_run import LOGGED, OPEN_LIMITS, QUIET, ROOT, KitError, note, table
from .names import make_names, name_of

ROUNDS = 3
INFO_HASH = "0123456789abcdef0123456789abcdef01234567"
VARNISH, OPENDHT = "Varnish, out of memory", "OpenDHT proxy, value held"


def install(program, package):
    """Whether a program is there, after trying to install its package."""
    path = "/usr/sbin:/usr/bin:/usr/local/bin"
    if shutil.which(program, path=path) is None:
        done = subprocess.run(
            [ROOT / "scripts/install-deps.sh", package], capture_output=True, text=True, timeout=300
        )
        if done.returncode != 0:
            note(f"compare: skipped {program}: {done.stderr.strip()[-200:]}")
    return shutil.which(program, path=path)


def start_varnish(program, backend, folder, path):
    port = service.free_port()
    command = [program, "-F", "-a", f"{service.HOST}:{port}", "-b", f"{service.HOST}:{backend}",
               "-n", folder / "work", "-s", "malloc,64m", "-t", "3600"]
    if subprocess.run(["id", "-u"], capture_output=True, text=True).stdout.strip() == "0":
        command += ["-j", "none"]
    return service.running(service.Server("varnish", command, port, folder / "log"), path)


@contextlib.contextmanager
def opendht(program, folder, body):
    """OpenDHT's REST proxy with one value held locally; yields the server and its path."""
    port, dht_port = service.free_port(), service.free_port()
    command = [program, "-s", "-p", dht_port, "--proxyserver", port]
    server = service.Server("opendht", command, port, folder / "log", stdin=subprocess.DEVNULL)
    path = f"/key/{INFO_HASH}"
    try:
        server.wait_until_ready("/node/info", 15)
        connection = http.client.HTTPConnection(service.HOST, port, timeout=10)
        value = {"data": base64.b64encode(body).decode(), "id": "1", "seq": 0, "type": 0}
        connection.request("POST", path, json.dumps(value))
        connection.getresponse().read()
        connection.close()
        for _ in range(20):
            answer = service.get(port, path, timeout=20)
            if answer.status == 200 and len(answer.body) > 100:
                break
            time.sleep(0.5)
        else:
            raise KitError("OpenDHT's proxy does not hold the value it was given")
        yield server, path
    finally:
        server.stop()


def start_subjects(bench, stack, everything):
    """({name: (server, path)}, bytes of a body, {name: why it is not there}).

    nginx is first, since ratios are to it, and ours second.
    """
    names = make_names(1000, bench.data)
    path = "/resolve/" + name_of(names, 0)
    ours = stack.enter_context(bench.serving([QUIET, *OPEN_LIMITS], None, names))
    body = bench_http.warm_answer(ours.port, path).body
    if install("nginx", "nginx-light") is None:
        raise KitError("nginx is missing, and everything is a ratio to it")
    folder = bench.new_folder("nginx")
    nginx = stack.enter_context(bench_http.start_nginx("nginx", path, body, folder))
    subjects = {"nginx, static file": (nginx, path), "svc-index, out of RAM": (ours, path)}
    skipped = {}
    if everything:
        logged = stack.enter_context(bench.serving([*LOGGED, *OPEN_LIMITS], None, names))
        bench_http.warm_answer(logged.port, path)
        subjects["svc-index, out of RAM, request log"] = logged, path
        skipped = add_peers(bench, stack, subjects, nginx.port, path, body)
    return subjects, len(body), skipped


def add_peers(bench, stack, subjects, backend, path, body):
    """Starts those that can be had here; {name: why not} of the others."""
    def varnish(program):
        started = start_varnish(program, backend, bench.new_folder("varnish"), path)
        return stack.enter_context(started), path

    def proxy(program):
        return stack.enter_context(opendht(program, bench.new_folder("opendht"), body))

    skipped = {}
    for name, program, package, start in ((VARNISH, "varnishd", "varnish", varnish),
                                          (OPENDHT, "dhtnode", "dhtnode", proxy)):
        found = install(program, package)
        try:
            if found is None:
                raise KitError(f"{program} is not installed (package {package})")
            subjects[name] = start(found)
        except (service.ServerError, OSError, KitError) as error:
            # Without the end of a server's log, which is below.
            skipped[name] = str(error).partition("\n")[0]
            note(f"compare: {name}: not measured: {error}")
    return skipped


def measure_all(bench, subjects, rounds, seconds, warm_up, load=()):
    runs = {name: [] for name in subjects}
    for number in range(rounds):
        for name, (server, path) in subjects.items():
            figures = bench.load(server, "--path", path, "--duration", seconds,
                                 "--warm-up", warm_up, *load)
            runs[name].append(figures)
            note(f"round {number + 1}: {name}: {figures['perSecond']:,.0f} requests/s")
    return runs


def summarise(runs):
    base = next(iter(runs.values()))
    rows = []
    for name, own in runs.items():
        def median(value, own=own):
            return statistics.median(value(one) for one in own)

        def ratios(value, own=own):
            return [value(a) / max(value(b), 1e-9) for a, b in zip(own, base)]
        by_rate = ratios(lambda one: one["perSecond"])
        rows.append({
            "server": name, "per_second": median(lambda one: one["perSecond"]),
            "p50": median(lambda one: one["latency"]["p50"]),
            "p95": median(lambda one: one["latency"]["p95"]),
            "p99": median(lambda one: one["latency"]["p99"]),
            "cpu_us": median(lambda one: one["cpu_us"]),
            "ratio": statistics.median(by_rate), "ratios": by_rate,
            "cpu_ratio": statistics.median(ratios(lambda one: one["cpu_us"])),
            "p95_ratio": statistics.median(ratios(lambda one: one["latency"]["p95"])),
            "generator_us": median(lambda one: one["generatorMicrosPerAnswer"]),
            "spectrum": own[-1]["spectrum"], "commands": [own[0]["command"]],
        })
    return rows


def run(bench, everything=True, rounds=ROUNDS, seconds=None, warm_up=0.5):
    with contextlib.ExitStack() as stack:
        subjects, size, skipped = start_subjects(bench, stack, everything)
        runs = measure_all(bench, subjects, rounds, seconds or bench.seconds, warm_up)
        rows = summarise(runs)
    return {"rows": rows, "body_bytes": size, "markdown": markdown(rows, skipped),
            "skipped": [f"{name}: {reason}" for name, reason in skipped.items()]}


def markdown(rows, skipped=()):
    headings = ["server", "requests/s", "p50 ms", "p95", "p99", "CPU µs", "ratio", "CPU ratio",
                "by round"]
    return table(headings, [
        [r["server"], f"{r['per_second']:,.0f}", f"{r['p50']:.2f}", f"{r['p95']:.2f}",
         f"{r['p99']:.2f}", f"{r['cpu_us']:.1f}", f"{r['ratio']:.2f}", f"{r['cpu_ratio']:.2f}",
         " ".join(f"{one:.2f}" for one in r["ratios"])] for r in rows
    ] + [[name, "not measured", *[""] * (len(headings) - 2)] for name in skipped])


# Two generators on one server


class WrkOptions:
    """What bench_http.run_wrk reads."""

    threads = 1
    connections = 64

    def __init__(self, duration):
        self.duration = duration


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def verify(bench, rounds=7):
    """wrk and svc-index-load in turn on the same path of nginx and of svc-index."""
    if install("wrk", "wrk") is None:
        raise KitError("wrk is missing")
    duration = max(1, int(bench.seconds))
    rows = []
    with contextlib.ExitStack() as stack:
        subjects, _, _ = start_subjects(bench, stack, False)
        for name, (server, path) in subjects.items():
            ours, theirs = [], []
            for _ in range(rounds):
                before = children_seconds()
                run = bench_http.run_wrk(server.port, path, WrkOptions(duration))
                spent = children_seconds() - before
                theirs.append((run["rps"], spent * 1e6 / run["requests"], run["p99_ms"]))
                one = bench.load(server, "--path", path, "--duration", duration, "--warm-up", 0)
                ours.append((one["perSecond"], one["generatorMicrosPerAnswer"],
                             one["latency"]["p99"]))
            ratio = statistics.median(a[0] / b[0] for a, b in zip(ours, theirs))
            medians = [[statistics.median(one[i] for one in all) for i in range(3)]
                       for all in (theirs, ours)]
            rows.append({"server": name, "wrk": medians[0], "ours": medians[1], "ratio": ratio})
    headings = ["server", "wrk requests/s", "ours", "ratio", "wrk's CPU µs", "ours", "wrk p99 ms",
                "ours"]
    text = table(headings, [
        [r["server"], f"{r['wrk'][0]:,.0f}", f"{r['ours'][0]:,.0f}", f"{r['ratio']:.2f}",
         f"{r['wrk'][1]:.2f}", f"{r['ours'][1]:.2f}", f"{r['wrk'][2]:.2f}", f"{r['ours'][2]:.2f}"]
        for r in rows
    ])
    return {"rows": rows, "markdown": text}
