"""`kill -9` in the middle of an import: what was acknowledged stays, nothing is there by half."""

import json
import subprocess
import time

from support import BINARY, ROUNDS, EndToEndTest, make_lines, name_of

KILLS_IN_A_ROW = 6
CALIBRATION_LINES = 1000
# An import of about this long gives room for kills at many different moments.
IMPORT_SECONDS = 1.2


class ImportCrashTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.lines = make_lines(self.count_for_this_machine(), providers=2)
        self.source = self.folder / "names.ndjson"
        self.source.write_bytes(b"".join(line + b"\n" for line in self.lines))
        began = time.monotonic()
        words = ("import", self.source, "--db-path", self.folder / "uninterrupted", "--json")
        self.reports = len(self.succeed(*words).stdout.splitlines())
        self.duration = time.monotonic() - began
        self.kills = 0
        self.landed = 0
        self.acknowledged = 0

    def count_for_this_machine(self):
        began = time.monotonic()
        self.import_lines(make_lines(CALIBRATION_LINES), self.folder / "calibration")
        rate = CALIBRATION_LINES / (time.monotonic() - began)
        return min(max(int(rate * IMPORT_SECONDS), CALIBRATION_LINES), 30_000)

    def test_acknowledged_lines_survive_kills(self):
        for number in range(ROUNDS):
            database = self.folder / f"db-{number}"
            present = 0
            for kill in range(KILLS_IN_A_ROW):
                with self.subTest(round=number, kill=kill):
                    acknowledged = self.import_and_kill(database)
                    present = self.check_store(database, max(acknowledged, present))
            with self.subTest(round=number):
                self.check_service(database, present)
                self.check_completion(database)
        print(
            f"  {self.kills} kills, {self.landed} of them before the end of the import, "
            f"{self.acknowledged} acknowledged lines checked"
        )

    def import_and_kill(self, database):
        """Kills an import at a random moment; returns how many lines it had acknowledged."""
        command = [BINARY, "import", self.source, "--db-path", database, "--json"]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        with process:
            reports = self.wait_for_the_moment(process)
            process.kill()
            reports += process.stdout.read().splitlines(keepends=True)
        self.kills += 1
        self.landed += process.returncode != 0
        whole = [json.loads(report) for report in reports if report.endswith(b"\n")]
        stored = max((report["stored"] for report in whole), default=0)
        self.acknowledged += stored
        return stored

    def wait_for_the_moment(self, process):
        """Some time after the start, or right after something was acknowledged."""
        if self.random.random() < 0.5:
            # One in three of these falls into the creation or the opening of the store.
            share = self.random.choice((0.08, 1, 1))
            time.sleep(self.random.uniform(0, self.duration * share))
            return []
        count = self.random.randrange(1, self.reports)
        reports = [process.stdout.readline() for _ in range(count)]
        time.sleep(self.random.choice((0, self.random.uniform(0, 0.01))))
        return reports

    def check_store(self, database, present):
        """Whole lines from the first on, at least those present; returns how many there are."""
        if not (database / "index.sqlite").exists():
            self.assertEqual(present, 0)
            return 0
        lines = self.export(database)
        self.assertEqual(lines, self.lines[:len(lines)], "not whole lines from the first on")
        self.assertGreaterEqual(len(lines), present, "acknowledged lines are lost")
        return len(lines)

    def check_service(self, database, present):
        """A service on the store answers for the lines that are there, and only for them."""
        server = self.start(database=database)
        some = self.random.sample(range(len(self.lines)), 30)
        for number in {0, present - 1, *some} - {-1}:
            entry = json.loads(self.lines[number])
            response = server.get(f"/resolve/{entry['name']}?limit=32")
            if number >= present:
                self.assert_status(response, 404)
                continue
            answer = json.loads(self.assert_status(response, 200).body)
            self.assertTrue(answer["manifest"]["held"])
            self.assertEqual(
                sorted((place["id"], place["addr"]) for place in answer["providers"]),
                sorted((place["id"], place["addr"]) for place in entry["providers"]),
            )
            manifest = self.assert_status(server.get(f"/manifests/{answer['manifest_cid']}"), 200)
            self.assertEqual(json.loads(manifest.body), entry["manifest"])
        server.kill()

    def check_completion(self, database):
        """The import run again completes, and what was stored before did not change."""
        self.succeed("import", self.source, "--db-path", database)
        self.assertEqual(self.export(database), self.export(self.folder / "uninterrupted"))
        server = self.start(database=database)
        page = json.loads(server.get("/admin/names?limit=1000").body)
        self.assertEqual({entry["version"] for entry in page["names"]}, {1})
        expected = [name_of(line) for line in self.lines[:1000]]
        self.assertEqual([entry["name"] for entry in page["names"]], expected)
        self.stop(server)
