"""Loads with names: sets of arguments for svc-index-load, and what each is for."""

import contextlib
import http.client
import itertools
import json
import urllib.parse

import service

from .bench_run import OPEN_LIMITS, QUIET, KitError, note, table
from .matrix import dht_network, dht_service
from .names import make_names

NAMES = 10_000
CIDS = 1000

# What every load wants of its answers, as shares of them.
SERVED = {"errorShare": 0.001, "throttledShare": 0.01, "unsentShare": 0.01}
PROFILES = {
    # Everything a public instance sees, at a rate that leaves it room.
    "balanced": {
        "for": "all routes, 80/20, some unknown names",
        "arguments": ["--mix", "resolve=85,providers=5,manifests=5,unknown=5",
                      "--distribution", "80/20", "--rate", "5000"],
        "needs_cids": True,
        "targets": {"p95": 5, "hitShare": 0.80, **SERVED},
    },
    "hit_slo": {
        "for": "popular names out of RAM",
        "arguments": ["--distribution", "zipf", "--rate", "10000"],
        "targets": {"p95": 5, "hitShare": 0.80, **SERVED},
    },
    "miss_slo": {
        "for": "every answer out of the index",
        "arguments": ["--distribution", "uniform", "--fresh", "1", "--rate", "2000"],
        "targets": {"p95": 5, **SERVED},
    },
    "dht_slo": {
        "for": "every answer out of the DHT; wants a service that is in one",
        "arguments": ["--distribution", "uniform", "--fresh", "1", "--rate", "20"],
        "targets": {"p95": 200, **SERVED},
    },
}


def arguments(name, names, seconds, cids=None):
    """What svc-index-load is given for a profile."""
    profile = PROFILES[name]
    found = ["--names", names, "--duration", seconds, *profile["arguments"]]
    return [*found, "--cids", cids] if profile.get("needs_cids") else found


def markdown(rows):
    cells = [
        [f"`{row['profile']}`", f"{row['figures']['perSecond']:,.0f}",
         *(f"{row['figures']['latency'][p]:.2f}" for p in ("p50", "p95", "p99")),
         f"{row['figures']['hitShare'] * 100:.1f}", row["figures"]["errors"],
         row["figures"]["throttled"]] for row in rows
    ]
    headings = ["profile", "requests/s", "p50 ms", "p95", "p99", "hits %", "errors", "429, 503"]
    return table(headings, cells)


def row(name, figures):
    return {"profile": name, "figures": figures, "spectrum": figures["spectrum"]}


def first_names(path):
    """The first names of a file, as svc-index-load takes it: import lines, or one a line."""
    try:
        with open(path, encoding="utf-8") as lines:
            first = list(itertools.islice(lines, CIDS))
    except (OSError, UnicodeError) as error:
        raise KitError(f"--names {path} cannot be read ({error}): give a file of names") from None
    for number, line in enumerate(first, 1):
        name = line.strip()
        if name.startswith("{"):
            try:
                name = json.loads(name)["name"].strip()
            except (ValueError, LookupError, AttributeError):
                raise KitError(f"{path}: line {number} is no import line with a name: give "
                               "lines of `svc-index import`, or one name a line") from None
        if name:
            yield name


def connect(url):
    try:
        host = urllib.parse.urlsplit(url)
        if host.scheme == "http" and host.hostname:
            return http.client.HTTPConnection(host.hostname, host.port, timeout=10)
    except (ValueError, http.client.InvalidURL):
        pass
    raise KitError(f"--url {url} is not http://HOST:PORT")


def content_ids(url, names):
    """The content ids that the first names lead to at a service."""
    found = []
    with contextlib.closing(connect(url)) as connection:
        for name in first_names(names):
            path = "/resolve/" + urllib.parse.quote(name, safe="")
            try:
                connection.request("GET", path)
                answer = service.Response(connection.getresponse())
                if answer.status == 200:
                    found.append(json.loads(answer.body)["manifest_cid"])
            except (OSError, http.client.HTTPException, ValueError, LookupError) as error:
                raise KitError(f"{url}{path} has no answer of svc-index ({error}): "
                               "start the service, or give its --url") from None
            if answer.status not in (200, 404):
                raise KitError(f"{url}{path} was answered with {answer.status}, not with 200 or "
                               "404: is the service ready, and its rate limit off?")
    if not found:
        raise KitError(f"{url} knows none of the first names of {names}: give those it has")
    return found


def run(bench):
    """Every profile against services of our own: names in a durable index, then a DHT."""
    names = make_names(NAMES, bench.data)
    store = bench.folder / "profiles"
    bench.import_file(names, store)
    rows = []

    def measure(server, name, lines, cids=None):
        words = arguments(name, lines, bench.seconds, cids)
        figures = bench.load(server, *words, checked=False)
        note(f"profiles: {name}: {figures['perSecond']:,.0f} requests/s")
        rows.append(row(name, figures) | {"commands": [figures["command"]]})

    with bench.serving([QUIET, *OPEN_LIMITS], store) as server:
        cids = bench.folder / "cids.txt"
        url = f"http://{service.HOST}:{server.port}"
        cids.write_text("\n".join(content_ids(url, names)) + "\n")
        bench.load(server, "--names", names, "--distribution", "each")
        for name in ("balanced", "hit_slo", "miss_slo"):
            measure(server, name, names, cids)
    with dht_network(bench) as network, dht_service(bench, network) as server:
        measure(server, "dht_slo", network[1])
    return {"rows": rows, "markdown": markdown(rows)}
