"""What the right answers are: told by what was imported, never by what was answered before."""

import json
import random

PROBLEM = "application/problem+json"
TOKENLESS = "a request without the token"


class Truth:
    """The names that were imported, and how to judge answers about them and about others.

    `cids` are the content ids of the lines' manifests, in their order. Unknown content ids are
    asked for only where `asks_cids` says so: with a DHT, each is a lookup of its own.
    """

    def __init__(self, lines, cids, asks_cids=True):
        self.names = {}
        for line, cid in zip(lines, cids, strict=True):
            entry = json.loads(line)
            self.names[entry["name"]] = (
                cid,
                json.dumps(entry["manifest"], separators=(",", ":"), ensure_ascii=False).encode(),
                frozenset(place["addr"] for place in entry["providers"]),
            )
        self.asks_cids = asks_cids

    def write_known(self, path, count=None):
        """The file that the traffic of kind `hot` takes."""
        names = list(self.names.items())[:count]
        lines = [f'/resolve/{name}\t"manifest_cid":"{cid}"\n' for name, (cid, _, _) in names]
        path.write_text("".join(lines))
        return str(path)

    def questions(self, generator=None):
        """Endless questions: method, path, headers, and the judge of the answer's parts."""
        generator = generator or random.Random()
        names = list(self.names)
        while True:
            name = generator.choice(names)
            cid, manifest, places = self.names[name]
            yield "GET", f"/resolve/{name}?limit=32", judge_resolve(cid, places)
            yield "GET", f"/resolve/{name}?limit=32&fresh=true", judge_resolve(cid, places)
            yield "GET", f"/manifests/{cid}", judge_manifest(manifest)
            yield "GET", f"/providers/{cid}?limit=32", judge_providers(places)
            unknown = f"unknown-{generator.getrandbits(64):x}"
            yield "GET", f"/resolve/{unknown}", judge_problem(404, "not_found")
            if self.asks_cids:
                path = f"/resolve/b3:{generator.getrandbits(256):064x}"
                yield "GET", path, judge_problem(404, "not_found")
            yield "GET", "/resolve/no..name", judge_problem(400, "bad_request")
            yield "DELETE", f"/admin/names/{name}", judge_refused_writer


# Judges: what is wrong with an answer, or None.


def judge_resolve(cid, places):
    def judge(answer):
        if answer.status != 200:
            return f"status {answer.status} for a known name"
        body = json.loads(answer.body)
        if body["manifest_cid"] != cid:
            return f"the manifest of another name: {body['manifest_cid']}, not {cid}"
        return judge_places(body, places)

    return judge


def judge_providers(places):
    def judge(answer):
        if answer.status != 200:
            return f"status {answer.status} for a known content id"
        return judge_places(json.loads(answer.body), places)

    return judge


def judge_places(body, places):
    found = {place["addr"] for place in body["providers"]}
    return None if found == places else f"providers {found}, not {set(places)}"


def judge_manifest(manifest):
    def judge(answer):
        if answer.status != 200:
            return f"status {answer.status} for a known manifest"
        return None if answer.body == manifest else f"other bytes: {answer.body[:80]!r}"

    return judge


def judge_problem(status, code):
    def judge(answer):
        if answer.status != status:
            return f"status {answer.status}, not {status}"
        return judge_format(answer, code)

    return judge


def judge_refused_writer(answer):
    if answer.status not in (401, 403):
        return f"status {answer.status} for {TOKENLESS}"
    return judge_format(answer)


def judge_format(answer, code=None):
    """Whether a refusal is one in our format, about the status that it has."""
    if answer.headers["Content-Type"] != PROBLEM:
        return f"status {answer.status} as {answer.headers['Content-Type']}"
    problem = json.loads(answer.body)
    if problem.get("status") != answer.status or not problem.get("detail"):
        return f"status {answer.status} says {problem}"
    if code is not None and problem.get("code") != code:
        return f"code {problem.get('code')}, not {code}"
    return None
