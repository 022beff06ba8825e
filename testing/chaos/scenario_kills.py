"""`kill -9` under load, again and again: what was acknowledged is there after every start."""

import http.client
import itertools
import json
import threading
import time

from admin_writers import WriterChecks
from chaos import ChaosTest, length
from support import make_lines
from traffic import quantile

READY_SECONDS = 5
BATCH_LINES = 50


class Importer(threading.Thread):
    """Posts batches of lines to one running service; keeps those that were acknowledged."""

    def __init__(self, server, batches):
        super().__init__(daemon=True)
        self.server = server
        self.batches = batches
        self.acknowledged = []
        self.refusals = []

    def run(self):
        connection = self.server.connect()
        try:
            for batch in self.batches:
                body = b"\n".join(batch) + b"\n"
                types = {"Content-Type": "application/x-ndjson"}
                answer = self.server.request("POST", "/admin/import", body, types, connection)
                if answer.status != 200 or json.loads(answer.body)["imported"] != len(batch):
                    self.refusals.append(f"{answer.status} {answer.body[:300]!r}")
                    return
                self.acknowledged += batch
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()


class KillsTest(WriterChecks, ChaosTest):
    kills = length(50, 5)

    def test_acknowledged_writes_survive_kills(self):
        truth = self.make_truth(500)
        writers = self.make_writers()
        self.batches = self.make_batches()
        self.imported = []
        server = self.start("--log-requests=false", database=self.database)
        ready = []
        with self.checked(server, truth, asks=100) as checker:
            for kill in range(self.kills):
                with self.subTest(kill=kill):
                    writers = [writer.serve_with(server) for writer in writers]
                    importer = Importer(server, self.batches)
                    for thread in (*writers, importer):
                        thread.start()
                    time.sleep(self.random.uniform(0.1, length(2, 1)))
                    with checker.fault(is_down=True):
                        server.kill()
                        for thread in (*writers, importer):
                            thread.join(20)
                        began = time.monotonic()
                        server = self.start("--log-requests=false", database=self.database)
                        ready.append(time.monotonic() - began)
                        checker.server = server
                    self.check_all(server, writers, importer)
        self.stop_well(server)
        self.figure("kills", len(ready), least=self.kills)
        written = sum(writer.acknowledged for writer in writers)
        self.figure("acknowledged writes", written, least=self.kills)
        self.figure("acknowledged imported lines", len(self.imported), least=1)
        self.figure("start to ready after a kill: median", quantile(ready, 0.5), "s")
        self.figure("start to ready after a kill: most", max(ready), "s", most=READY_SECONDS)
        exported = set(self.export())
        lost = [line for line in (*self.lines, *self.imported) if line not in exported]
        self.figure("lines lost", len(lost), most=0)

    def make_batches(self):
        """Endless batches of lines that nobody else writes."""
        for number in itertools.count():
            lines = make_lines(BATCH_LINES, f"batch {number}")
            mark = b'"name":"batch-%d-' % number
            yield [line.replace(b'"name":"pkg-', mark, 1) for line in lines]

    def check_all(self, server, writers, importer):
        self.assertEqual(importer.refusals, [])
        self.imported += importer.acknowledged
        for line in importer.acknowledged[-BATCH_LINES:]:
            name = json.loads(line)["name"]
            self.assert_status(server.get(f"/resolve/{name}"), 200)
        for writer in writers:
            self.assertEqual(writer.refusals, [])
            self.check(writer, server)
        self.check_race(writers, server)
