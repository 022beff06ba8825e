"""Whether anything of a request becomes a label of a metric: each kind of request, many times."""

import collections
import dataclasses
import hashlib
import http.client
import json

import service

from .bench_run import OPEN_LIMITS, QUIET, KitError, metrics, note
from .names import make_names, name_of

LABEL_KEYS = 1000


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of request: the templates of its path and body, and what it is answered with.

    `N` stands for a number, `CID` and `KEY` for a content id and a key name made of it.
    """

    method: str
    path: str
    status: int
    body: str | None = None
    token: bool = False

    def of(self, number):
        """(method, path, body) for a number."""
        cid = "b3:" + hashlib.sha256(b"label %d" % number).hexdigest()
        key = key_name(hashlib.sha256(b"key %d" % number).digest())

        def filled(text):
            return text and text.replace("CID", cid).replace("KEY", key).replace("N", str(number))
        return filled(self.method), filled(self.path), filled(self.body)


NAME = '{"manifest_cid": "CID"}'
PROVIDER = '{"id": "p-N", "addr": "http://p-N.example/", "region": "r-N"}'
# In the order in which each number's are sent: what is deleted was put before.
KINDS = (
    Kind("GET", "/resolve/CID", 404), Kind("HEAD", "/resolve/label-N.example", 404),
    # Key names are resolved from the DHT, which is off.
    Kind("GET", "/resolve/KEY", 503), Kind("GET", "/resolve/blog.KEY", 503),
    Kind("GET", "/providers/CID", 404), Kind("GET", "/manifests/CID", 404),
    Kind("GET", "/providers/no-cid-N", 400), Kind("GET", "/manifests/no-cid-N", 400),
    Kind("GET", "/resolve/label-N?region=rN&nN=N", 404),
    Kind("GET", "/nowhere-N/N", 404), Kind("GET", "/resolve/%2N", 400),
    Kind("PUT", "/admin/names/label-N", 401, NAME),
    Kind("PUT", "/admin/names/label-N", 201, NAME, True),
    Kind("PUT", "/admin/providers/CID", 201, PROVIDER, True),
    Kind("PUT", "/admin/manifests/CID", 409, "not its bytes", True),
    Kind("GET", "/resolve/label-N", 200),
    Kind("POST", "/admin/purge", 200, '{"keys": ["label-N"]}', True),
    Kind("POST", "/admin/reindex", 202, '{"keys": ["label-N"]}', True),
    Kind("POST", "/admin/pin", 200, '{"keys": ["label-N"]}', True),
    Kind("POST", "/admin/unpin", 200, '{"keys": ["label-N"]}', True),
    Kind("DELETE", "/admin/providers/CID?id=p-N", 204, None, True),
    Kind("DELETE", "/admin/names/label-N", 204, None, True),
    Kind("POST", "/admin/odd-N", 404, "{}", True),
    Kind("PATCH", "/resolve/label-N", 405), Kind("ODDN", "/resolve/label-N", 400),
    Kind("ODDN", "/odd-N", 400),
)


def key_name(public_key):
    """The z-base-32 that a public key of 32 bytes is as a name."""
    alphabet = "ybndrfg8ejkmcpqxot1uwisza345h769"
    bits = int.from_bytes(public_key, "big") << 4
    return "".join(alphabet[bits >> shift & 31] for shift in range(255, -1, -5))


def ask(port, token, numbers):
    """Sends every kind for each number, on one connection while the service keeps it.

    Returns {kind: {status: how many}}, status 0 for those that were not answered at all.
    """
    connection, statuses = None, {kind: collections.Counter() for kind in KINDS}
    for kind, number in ((kind, number) for number in numbers for kind in KINDS):
        connection = connection or http.client.HTTPConnection(service.HOST, port, timeout=10)
        method, path, body = kind.of(number)
        headers = {"X-Corr-ID": hashlib.sha256(path.encode()).hexdigest()}
        if kind.token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
            statuses[kind][answer.status] += 1
            closes = answer.will_close
        except (http.client.HTTPException, ConnectionError):
            statuses[kind][0] += 1
            closes = True
        if closes:
            connection.close()
            connection = None
    if connection is not None:
        connection.close()
    return statuses


def require_expected(statuses):
    """Fails where a kind was answered otherwise: a label is made where its route does its work."""
    wrong = [f"{kind.method} {kind.path} was {dict(found)} and not {kind.status}"
             for kind, found in statuses.items() if set(found) - {kind.status}]
    if wrong:
        raise KitError("labels: " + "; ".join(wrong))


def labels(bench):
    """How many series or label values a thousand new keys of every kind make."""
    names = make_names(LABEL_KEYS, bench.data)
    with bench.serving([QUIET, *OPEN_LIMITS], None, names) as server:
        for path in (name_of(names, 0), "nobody-has-this", "b3:x"):
            service.get(server.port, "/resolve/" + path)
        service.get(server.port, "/nowhere")
        require_expected(ask(server.port, server.token, [0]))
        before = set(metrics(server))
        bench.load(server, "--names", names, "--distribution", "each")
        bench.load(server, "--mix", "unknown=1", "--requests", LABEL_KEYS, "--duration", 20)
        statuses = ask(server.port, server.token, range(1, LABEL_KEYS + 1))
        new = set(metrics(server)) - before
    require_expected(statuses)
    in_all = sum(statuses.values(), collections.Counter())
    note(f"labels: by status: {json.dumps(dict(sorted(in_all.items())))}")
    for name in sorted(new):
        note(f"labels: new: {name}")
    return {"metrics-new-label-values": len(new)}
