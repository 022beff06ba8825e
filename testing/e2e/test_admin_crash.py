"""`kill -9` of the service under concurrent admin writes: whatever was answered is there."""

import time

from admin_writers import WriterChecks
from support import ROUNDS, EndToEndTest

KILLS = 4
LONGEST_LOAD_SECONDS = 1.0


class AdminCrashTest(WriterChecks, EndToEndTest):
    kills = KILLS * ROUNDS

    def test_acknowledged_writes_survive_kills(self):
        writers = self.make_writers()
        server = self.start(database=self.database)
        for kill in range(self.kills):
            with self.subTest(kill=kill):
                writers = [writer.serve_with(server) for writer in writers]
                for writer in writers:
                    writer.start()
                time.sleep(self.random.uniform(0.02, LONGEST_LOAD_SECONDS))
                server.kill()
                for writer in writers:
                    writer.join(20)
                server = self.start(database=self.database)
                for writer in writers:
                    self.assertEqual(writer.refusals, [])
                    self.check(writer, server)
                self.check_race(writers, server)
        self.stop(server)
        count = sum(writer.acknowledged for writer in writers)
        print(f"  {self.kills} kills, {count} acknowledged writes checked")
