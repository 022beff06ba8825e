"""Writers to the admin routes that remember what was acknowledged, and the checks of it."""

import http.client
import json
import threading
from urllib.parse import quote

from support import compact

WRITERS = 4
DOCUMENTS_PER_WRITER = 150
SHARED_NAME = "shared.by-all"
ABSENT = None


class Writer(threading.Thread):
    """Writes what nobody else writes, and keeps what the service answered.

    `known` maps a thing to its acknowledged value; `pending` is the one write whose answer may
    never come, so that afterwards either value is right.
    """

    def __init__(self, number, documents, random):
        super().__init__(daemon=True)
        self.number = number
        self.documents = documents
        self.random = random
        self.known = {}
        self.versions = {}
        self.pending = None
        self.won = {}
        self.acknowledged = 0
        self.refusals = []

    def serve_with(self, server):
        """A thread can be started once only: the next service gets a copy that knows the same."""
        heir = Writer(self.number, self.documents, self.random)
        heir.known, heir.versions, heir.pending = self.known, self.versions, self.pending
        heir.won, heir.acknowledged = self.won, self.acknowledged
        heir.server = server
        return heir

    def run(self):
        connection = self.server.connect()
        steps = (self.store_manifest, self.point_name, self.point_name, self.announce,
                 self.withdraw, self.remove_name, self.race)
        try:
            while True:
                self.random.choice(steps)(connection)
                if self.refusals:
                    return
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()

    def write(self, thing, value, send, *accepted):
        """Sends one write of `value`; once it is answered, it is what is known."""
        self.pending = (thing, value)
        response = send()
        if response.status not in accepted:
            self.refusals.append(f"{thing}: {response.status} {response.body[:300]!r}")
        else:
            self.known[thing] = value
            self.acknowledged += 1
            self.pending = None
        return response

    def store_manifest(self, connection):
        cid, document = self.random.choice(self.documents)
        path = f"/admin/manifests/{cid}"
        send = lambda: self.server.put(path, document, connection)  # noqa: E731
        self.write(("manifest", cid), document, send, 201)

    def point_name(self, connection):
        name = f"w{self.number}.name-{self.random.randrange(8)}"
        thing = ("name", name)
        cid, _ = self.random.choice(self.documents)
        version = self.versions.get(name, 0) + 1
        body = {"manifest_cid": cid}
        if self.random.random() < 0.5:
            body["expected_version"] = self.versions[name] if self.known.get(thing) else 0
        send = lambda: self.server.put(f"/admin/names/{name}", body, connection)  # noqa: E731
        answer = self.write(thing, (cid, version), send, 200, 201)
        self.versions[name] = version
        if not self.refusals and json.loads(answer.body)["version"] != version:
            self.refusals.append(f"{name} should be at version {version}: {answer.body!r}")

    def remove_name(self, connection):
        name = f"w{self.number}.name-{self.random.randrange(8)}"
        thing = ("name", name)
        if self.known.get(thing) is ABSENT:
            return
        path = f"/admin/names/{name}"
        send = lambda: self.server.request("DELETE", path, connection=connection)  # noqa: E731
        self.write(thing, ABSENT, send, 204)
        self.versions[name] += 1

    def announce(self, connection):
        cid, _ = self.documents[0]
        provider = f"w{self.number}-{self.random.randrange(8)}"
        address = f"198.51.100.{self.number}:{self.random.randrange(1, 65536)}"
        body = {"id": provider, "addr": address, "region": "eu-west-1"}
        send = lambda: self.server.put(f"/admin/providers/{cid}", body, connection)  # noqa: E731
        self.write(("provider", cid, provider), address, send, 200, 201)

    def withdraw(self, connection):
        there = [thing for thing, value in self.known.items()
                 if thing[0] == "provider" and value is not ABSENT]
        if not there:
            return
        thing = self.random.choice(there)
        path = f"/admin/providers/{thing[1]}?id={quote(thing[2])}"
        send = lambda: self.server.request("DELETE", path, connection=connection)  # noqa: E731
        self.write(thing, ABSENT, send, 204)

    def race(self, connection):
        """Changes a name that all writers change, from the version that was last seen."""
        cid, _ = self.random.choice(self.documents)
        seen = self.versions.get(SHARED_NAME, 0)
        body = {"manifest_cid": cid, "expected_version": seen}
        answer = self.server.put(f"/admin/names/{SHARED_NAME}", body, connection)
        document = json.loads(answer.body)
        if answer.status in (200, 201):
            self.won[document["version"]] = cid
            self.versions[SHARED_NAME] = document["version"]
            self.acknowledged += 1
            if document["version"] != seen + 1:
                self.refusals.append(f"a race from {seen} was won with {document['version']}")
        elif answer.status == 412:
            self.versions[SHARED_NAME] = document.get("current_version", 0)
        else:
            self.refusals.append(f"the race: {answer.status} {answer.body[:300]!r}")


class WriterChecks:
    """For a test with `content_ids` and the assertions: makes writers, checks what they wrote.

    `kills` is how often the service is going to end under them.
    """

    kills = 1

    def make_writers(self):
        documents = [
            compact({"document": number, "text": "x" * self.random.randrange(3000)}).encode()
            for number in range(WRITERS * DOCUMENTS_PER_WRITER)
        ]
        pairs = list(zip(self.content_ids(documents), documents, strict=True))
        return [Writer(number, pairs[number::WRITERS], self.random) for number in range(WRITERS)]

    def check(self, writer, server):
        """Every thing has its acknowledged value, or the one of the write that was cut off."""
        names = self.read_names(server, f"w{writer.number}.")
        providers = self.read_providers(server, writer)
        things = dict(writer.known)
        if writer.pending is not None:
            things.setdefault(writer.pending[0], ABSENT)
        for thing, value in things.items():
            match thing:
                case ("name", name):
                    found = names.pop(name, ABSENT)
                case ("provider", _, provider):
                    found = providers.pop(provider, ABSENT)
                case ("manifest", cid):
                    found = self.read_manifest(server, cid)
            if writer.pending is not None and writer.pending == (thing, found) != (thing, value):
                self.adopt(writer, thing, found)
            else:
                self.assertEqual(found, value, f"{thing} is not what was acknowledged")
        self.assertEqual((names, providers), ({}, {}), "there is more than was written")
        writer.pending = None

    def adopt(self, writer, thing, found):
        """The write that was cut off had been stored: from here on it is what is known."""
        writer.known[thing] = found
        if thing[0] == "name":
            writer.versions[thing[1]] = writer.versions.get(thing[1], 0) + 1

    def read_names(self, server, prefix):
        page = json.loads(server.get(f"/admin/names?prefix={prefix}&limit=1000").body)
        names = {}
        for entry in page["names"]:
            name = entry["name"]
            names[name] = (entry["manifest_cid"], entry["version"])
            answer = json.loads(self.assert_status(server.get(f"/resolve/{name}"), 200).body)
            self.assertEqual(answer["manifest_cid"], entry["manifest_cid"])
        return names

    def read_providers(self, server, writer):
        response = server.get(f"/providers/{writer.documents[0][0]}?limit=32")
        if self.assert_status(response, 200, 404).status == 404:
            return {}
        places = json.loads(response.body)["providers"]
        self.assertEqual({place["region"] for place in places} - {"eu-west-1"}, set())
        return {place["id"]: place["addr"] for place in places}

    def read_manifest(self, server, cid):
        response = self.assert_status(server.get(f"/manifests/{cid}"), 200, 404)
        return response.body if response.status == 200 else ABSENT

    def check_race(self, writers, server):
        """Every version was won once, and the last one won is the one that is there."""
        won = [pair for writer in writers for pair in writer.won.items()]
        versions = sorted(version for version, _ in won)
        self.assertEqual(versions, sorted(set(versions)), "a version was won twice")
        if not won:
            return
        cid, version = self.read_names(server, SHARED_NAME)[SHARED_NAME]
        self.assertGreaterEqual(version, versions[-1])
        # Beyond it there can only be what the writers had under way when the service ended.
        self.assertLessEqual(version, versions[-1] + WRITERS * self.kills)
        if version == versions[-1]:
            self.assertEqual(cid, dict(won)[version])
