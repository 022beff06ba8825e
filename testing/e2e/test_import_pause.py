"""An input that stands still: what came before the pause is stored and told while it lasts."""

import json
import shutil
import sqlite3
import subprocess
import threading
import time

from support import BINARY, EndToEndTest, make_lines


class StalledInputTest(EndToEndTest):
    def test_lines_before_a_pause_are_stored_and_told_while_it_lasts(self):
        lines = make_lines(600)
        command = [BINARY, "import", "-", "--json", "--db-path", self.database]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.kill)
        # What is held back ends the test as a line that is missing, not as a wait for ever.
        watch = threading.Timer(20, process.kill)
        watch.start()
        self.addCleanup(watch.cancel)
        for batch in (lines[:1], lines[1:300], lines[300:]):
            process.stdin.write(b"".join(line + b"\n" for line in batch))
            process.stdin.flush()
            began = time.monotonic()
            expected = lines.index(batch[-1]) + 1
            while json.loads(process.stdout.readline())["stored"] < expected:
                pass
            # 50 ms for the pause to show and the commit; the rest is the machine's.
            self.assertLess(time.monotonic() - began, 2)
            self.assertEqual(self.stored(), expected)
        process.stdin.close()
        self.assertEqual(process.wait(20), 0)
        process.stdout.close()

    def stored(self):
        """Names in a copy of the files: the store itself is open to its own process only."""
        copy = self.folder / "copy"
        shutil.copytree(self.database, copy)
        reader = sqlite3.connect(copy / "index.sqlite")
        [[count]] = reader.execute("SELECT count(*) FROM names").fetchall()
        reader.close()
        shutil.rmtree(copy)
        return count
