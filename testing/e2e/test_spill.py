"""The spill under load: no answer is older than what was acknowledged, however the service ends."""

import contextlib
import http.client
import json
import os
import threading
import time

from support import ROUNDS, EndToEndTest

NAMES = 120
KILLS = 3
CUTS = 30
WRITERS = 2
READERS = 3
LOAD_SECONDS = 1.5
# Far fewer answers than names, so that most questions are answered from the spill or the index.
SPILLING = ("--spill-enabled", "--cache-entries", "20", "--cache-shards", "1",
            "--dht-mode", "off")


def content_id(number):
    return f"b3:{number:064x}"


class Load:
    """Counts every name's content id up, and reads the names meanwhile.

    `acknowledged` is the last number of each name that was answered, `sent` the last that may have
    been stored.
    """

    def __init__(self):
        self.acknowledged = [0] * NAMES
        self.sent = [0] * NAMES
        self.complaints = []
        self.sources = {}
        self.is_over = False

    def run(self, server, random):
        self.server, self.is_over = server, False
        threads = [
            threading.Thread(target=self.guard, args=(work, number, random.random()), daemon=True)
            for work, count in ((self.write, WRITERS), (self.read, READERS))
            for number in range(count)
        ]
        for thread in threads:
            thread.start()
        return threads

    def guard(self, work, number, seed):
        connection = self.server.connect()
        try:
            while not self.is_over and not self.complaints:
                seed = (seed * 9301 + 0.49297) % 1
                work(connection, number, seed)
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()

    def write(self, connection, writer, draw):
        name = int(draw * NAMES) // WRITERS * WRITERS + writer
        if name >= NAMES:
            return
        value = self.sent[name] = max(self.sent[name], self.acknowledged[name]) + 1
        body = {"manifest_cid": content_id(value)}
        answer = self.server.put(f"/admin/names/n{name}", body, connection)
        if answer.status not in (200, 201):
            self.complaints.append(f"n{name}: {answer.status} {answer.body[:300]!r}")
        else:
            self.acknowledged[name] = value

    def read(self, connection, _, draw):
        name = int(draw * NAMES)
        floor = self.acknowledged[name]
        answer = self.server.request("GET", f"/resolve/n{name}", connection=connection)
        if floor == 0:
            return
        if answer.status != 200:
            self.complaints.append(f"n{name}: {answer.status} {answer.body[:300]!r}")
            return
        status = answer.headers["Cache-Status"]
        self.sources[status] = self.sources.get(status, 0) + 1
        self.check(name, floor, json.loads(answer.body))

    def check(self, name, floor, document):
        number = int(document["manifest_cid"][3:], 16)
        if not floor <= number <= self.sent[name]:
            self.complaints.append(f"n{name}: {floor} was acknowledged, then read: {number}")


class SpillTest(EndToEndTest):
    def check_all(self, load, server):
        """Twice, so that the second time the spill answers."""
        for _ in range(2):
            for name, floor in enumerate(load.acknowledged):
                answer = server.get(f"/resolve/n{name}")
                if floor == 0 and answer.status == 404:
                    continue
                document = json.loads(self.assert_status(answer, 200).body)
                load.check(name, floor, document)
        self.assertEqual(load.complaints, [])

    def test_no_wrong_answer_after_kills(self):
        load = Load()
        server = self.start(*SPILLING, database=self.database)
        for kill in range(KILLS * ROUNDS):
            threads = load.run(server, self.random)
            time.sleep(self.random.uniform(0.3, LOAD_SECONDS))
            server.kill()
            for thread in threads:
                thread.join(20)
            self.assertEqual(load.complaints, [])
            server = self.start(*SPILLING, database=self.database)
            self.check_all(load, server)
        self.stop(server)
        spilled = load.sources.get("svc-index; hit; detail=spill", 0)
        self.assertGreater(spilled, 0, load.sources)
        print(f"  {KILLS * ROUNDS} kills, {sum(load.acknowledged)} writes, "
              f"{sum(load.sources.values())} answers, {spilled} of them spilled")

    def test_a_stop_under_load_is_clean(self):
        load = Load()
        server = self.start(*SPILLING, database=self.database)
        threads = load.run(server, self.random)
        time.sleep(LOAD_SECONDS)
        self.stop(server)
        load.is_over = True
        for thread in threads:
            thread.join(20)
        self.assertEqual(load.complaints, [])
        self.assertTrue((self.database / "spill" / "spill.sqlite").is_file())
        log = self.database / "spill" / "spill.sqlite-wal"
        self.assertEqual(log.stat().st_size if log.exists() else 0, 0, "it is not closed")
        server = self.start(*SPILLING, database=self.database)
        self.check_all(load, server)
        self.assertGreater(server.metric("index_spill_hits_total"), 0)
        self.stop(server)

    def test_files_cut_short_under_load_cost_nothing_but_time(self):
        load = Load()
        server = self.start(*SPILLING, database=self.database)
        folder = self.database / "spill"
        threads = load.run(server, self.random)
        for cut in range(CUTS * ROUNDS):
            self.wait_for("spilled answers", 20, lambda: self.spilled(load, server) > cut * 10)
            for file in sorted(folder.glob("spill.sqlite*")):
                # A file is whole pages and beginnings of them, or nothing.
                with contextlib.suppress(FileNotFoundError):  # It is just being made anew.
                    size = file.stat().st_size
                    os.truncate(file, int(size * self.random.choice((0, 0.3, 0.9))))
            self.assert_status(server.get("/healthz"), 200)
        self.wait_for(
            "damage that is found", 20, lambda: server.metric("index_spill_damaged_total") > 0
        )
        load.is_over = True
        for thread in threads:
            thread.join(20)
        self.assertEqual(server.readiness()[0], 200)
        self.check_all(load, server)
        # Nothing is mapped from them, which would end the process.
        self.assertNotIn("spill.sqlite-shm", [file.name for file in folder.iterdir()])
        self.stop(server)
        print(f"  {CUTS * ROUNDS} cuts, {sum(load.sources.values())} answers")

    def spilled(self, load, server):
        self.assertEqual(load.complaints, [])
        return server.metric("index_spill_hits_total")

    def test_a_spill_without_a_place_is_refused_by_name(self):
        for words, parts in (
            (["--spill-enabled"], ["spill.enabled", "amnesia.enabled"]),
            (["--spill-enabled", "--amnesia-enabled=false"], ["spill.enabled", "db.path"]),
        ):
            self.fail_with(78, parts, "serve", *words)
