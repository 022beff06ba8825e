#!/usr/bin/env python3
"""RAM hits and index resolves of svc-index against nginx, in turn (A B C A B C …) in one run.

nginx serves one static file (`open_file_cache`, 2 workers) with the very bytes svc-index answers
on the same path, so the ratio says what svc-index costs beside the practical limit. Prints a
Markdown table (standard output) and, with --json, the same as JSON into a file.

    bench_http.py BINARY IMPORT.ndjson [--path /resolve/NAME] [--min-ratio 1.0]
    bench_http.py --stand-in          # nginx against a second nginx: the noise of this machine

Exit codes: 0 done, 1 failed or below --min-ratio, 2 usage, 3 wrk or nginx is missing.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from perfkit.arguments import count, ratio  # noqa: E402
from perfkit.bench_run import ERRORS, KitError  # noqa: E402

import service  # noqa: E402

STAND_IN_BODY = b'{"key":"name:libc6","padding":"' + b"x" * 660 + b'"}\n'
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 60e3}

NGINX_CONFIG = """
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
{user}
events {{ worker_connections 2048; }}
http {{
    access_log off;
    default_type application/json;
    sendfile on;
    tcp_nodelay on;
    keepalive_timeout 60s;
    keepalive_requests 1000000000;
    open_file_cache max=100 inactive=1h;
    open_file_cache_valid 1h;
    open_file_cache_min_uses 1;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {host}:{port} backlog=1024;
        root {folder}/root;
    }}
}}
"""


class BenchError(KitError):
    """The figures would mean nothing; the message says why."""


# Servers


def start_nginx(name, path, body, folder):
    """nginx with one static file at `path`, ready; `folder` is its own, and empty."""
    folder.mkdir(exist_ok=True)
    target = folder / "root" / path.lstrip("/")
    target.parent.mkdir(parents=True)
    target.write_bytes(body)
    port = service.free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(
        NGINX_CONFIG.format(folder=folder, user=user, host=service.HOST, port=port)
    )
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    command = [nginx, "-p", folder, "-e", folder / "error.log", "-c", config]
    return service.running(service.Server(name, command, port, folder / "nginx.log"), path)


def warm_answer(port, path):
    """Asks twice and returns the second answer: from RAM when the first was stored."""
    first, second = (service.get(port, path) for _ in range(2))
    if (first.status, second.status) != (200, 200):
        raise BenchError(f"GET {path} is {first.status} then {second.status}, not 200")
    if first.body != second.body:
        raise BenchError(f"GET {path} has two bodies in a row: nothing fixed to compare")
    return second


# One run of the generator


def run_wrk(port, path, options):
    """Figures of one run of wrk; refuses runs with errors."""
    url = f"http://{service.HOST}:{port}{path}"
    command = ["wrk", f"-t{options.threads}", f"-c{options.connections}"]
    command += [f"-d{options.duration}s", "--latency", url]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=options.duration + 30, check=False
    )
    if done.returncode != 0:
        raise BenchError(f"wrk exited with {done.returncode}: {done.stderr.strip()}")
    return parse_wrk(done.stdout)


def parse_wrk(text):
    """requests, requests/s, p50 and p99 in milliseconds from wrk's report."""
    errors = re.search(r"(Socket errors:.*|Non-2xx or 3xx responses:.*)", text)
    if errors:
        raise BenchError(f"wrk saw errors: {errors.group(1)}")
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", text)
    answers = re.search(r"([0-9]+) requests in", text)
    times = dict(re.findall(r"^\s+(50|99)(?:\.000)?%\s+([0-9.]+[a-z]+)$", text, re.MULTILINE))
    if rate is None or answers is None or len(times) != 2:
        raise BenchError(f"wrk's report is not understood:\n{text}")
    return {
        "requests": int(answers.group(1)),
        "rps": float(rate.group(1)),
        "p50_ms": milliseconds(times["50"]),
        "p99_ms": milliseconds(times["99"]),
    }


def milliseconds(text):
    number, unit = re.fullmatch(r"([0-9.]+)([a-z]+)", text).groups()
    return float(number) * UNITS[unit]


def measure(server, path, options):
    before = server.cpu_seconds()
    run = run_wrk(server.port, path, options)
    run["cpu_us"] = (server.cpu_seconds() - before) * 1e6 / max(run["requests"], 1)
    return run


# The comparison


def compare(subjects, options):
    """Every subject once per round, in turn; {name: [run, …]}."""
    runs = {name: [] for name in subjects}
    for round_number in range(options.rounds):
        for name, (server, path) in subjects.items():
            run = measure(server, path, options)
            runs[name].append(run)
            note(f"round {round_number + 1}: {name}: {run['rps']:,.0f} requests/s")
    return runs


def summarise(runs):
    """Medians per subject, and each subject's ratio to the first one, round by round."""
    reference = next(iter(runs.values()))
    rows = []
    for name, own in runs.items():
        row = {key: statistics.median(run[key] for run in own) for key in own[0]}
        ratios = [run["rps"] / base["rps"] for run, base in zip(own, reference)]
        row |= {"server": name, "ratio": statistics.median(ratios), "ratios": ratios}
        rows.append(row)
    return rows


def markdown(rows, facts):
    lines = [
        f"`{facts['path']}`, {facts['body_bytes']} B, wrk -t{facts['threads']} "
        f"-c{facts['connections']} -d{facts['duration_s']}s, {facts['rounds']} rounds in turn, "
        f"{facts['cores']} cores, medians",
        "",
        "| server | requests/s | p50 ms | p99 ms | CPU µs/request | ratio | ratios by round |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for row in rows:
        ratios = " ".join(f"{ratio:.2f}" for ratio in row["ratios"])
        lines.append(
            f"| {row['server']} | {row['rps']:,.0f} | {row['p50_ms']:.3f} | {row['p99_ms']:.3f} "
            f"| {row['cpu_us']:.1f} | {row['ratio']:.2f} | {ratios} |"
        )
    return "\n".join(lines)


def run_bench(options, folder, stack):
    """Starts the servers, measures, and returns the report."""
    facts = {
        "path": options.path,
        "threads": options.threads,
        "connections": options.connections,
        "duration_s": options.duration,
        "rounds": options.rounds,
        "cores": len(os.sched_getaffinity(0)),
    }
    if options.stand_in:
        body = STAND_IN_BODY
        other = stack.enter_context(start_nginx("second", options.path, body, folder / "second"))
        others = {"second nginx": (other, options.path)}
    else:
        facts["import_s"] = service.import_file(options.binary, options.lines, folder / "db")
        serving = service.serve(options.binary, folder / "db", folder, options.serve_arg)
        other = stack.enter_context(serving)
        answer = warm_answer(other.port, options.path)
        body = answer.body
        facts["ready_s"] = other.ready_seconds
        facts["cache_status"] = answer.headers.get("Cache-Status")
        separator = "&" if "?" in options.path else "?"
        others = {
            "svc-index, RAM hit": (other, options.path),
            "svc-index, fresh=true": (other, f"{options.path}{separator}fresh=true"),
        }
    facts["body_bytes"] = len(body)
    path = options.path.partition("?")[0]
    nginx = stack.enter_context(start_nginx("nginx", path, body, folder / "nginx"))
    if service.get(nginx.port, path).body != body:
        raise BenchError("nginx does not answer with the same bytes")
    subjects = {"nginx, static file": (nginx, path)} | others
    return {"facts": facts, "results": summarise(compare(subjects, options))}


def note(text):
    print(text, file=sys.stderr, flush=True)


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(
        description="svc-index against nginx over HTTP, in turn, in one run."
    )
    parser.add_argument("binary", type=Path, nargs="?", help="a release build of svc-index")
    parser.add_argument("lines", type=Path, nargs="?", help="the NDJSON file to import")
    parser.add_argument("--path", help="what is asked for; by default the first name imported")
    parser.add_argument("--rounds", type=count, default=3)
    parser.add_argument("--duration", type=count, default=5, help="seconds of one run")
    parser.add_argument("--connections", type=count, default=64)
    parser.add_argument("--threads", type=count, default=1)
    parser.add_argument("--json", type=Path, help="write the report here as JSON")
    parser.add_argument("--min-ratio", type=ratio, help="fail below this ratio of RAM hits")
    parser.add_argument("--serve-arg", action="append", default=[], help="passed to serve")
    parser.add_argument("--stand-in", action="store_true", help="nginx against nginx")
    options = parser.parse_args(arguments)
    if not options.stand_in and (options.binary is None or options.lines is None):
        parser.error("BINARY and IMPORT.ndjson are needed (or --stand-in)")
    if options.threads > options.connections:
        parser.error("--threads needs as many --connections")
    if options.path is not None and not options.path.startswith("/"):
        parser.error(f"--path begins with /; it was {options.path}")
    if options.path is None:
        options.path = "/resolve/libc6" if options.stand_in else first_path(options.lines)
    return options


def first_path(lines):
    """The question about the first name of an import file."""
    try:
        with lines.open(encoding="utf-8") as file:
            return "/resolve/" + json.loads(file.readline())["name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"bench_http: {lines} has no name in its first line: {error}")


def main(arguments=None):
    options = parse_arguments(arguments)
    for tool, package in (("wrk", "wrk"), ("nginx", "nginx-light")):
        if shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin") is None:
            note(f"bench_http: {tool} is missing: install the Debian package {package}")
            return 3
    service.end_on_signals()
    # Twice the time that three subjects can need; SIGALRM ends the process through `finally`.
    signal.signal(signal.SIGALRM, lambda *_: sys.exit("bench_http: took too long, gave up"))
    signal.alarm(options.rounds * 3 * (options.duration + 2) * 2 + 700)
    try:
        if options.json is not None:
            options.json.touch()
        with tempfile.TemporaryDirectory(prefix="bench-http-") as holder:
            with contextlib.ExitStack() as stack:
                report = run_bench(options, Path(holder), stack)
    except ERRORS as error:
        note(f"bench_http: {error}")
        return 1
    print(markdown(report["results"], report["facts"]))
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    found = report["results"][1]["ratio"]
    if options.min_ratio is not None and found < options.min_ratio:
        note(f"bench_http: the ratio {found:.2f} is below {options.min_ratio}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
