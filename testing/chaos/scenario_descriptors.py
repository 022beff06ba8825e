"""A process that may have 256 open files, and a flood of connections: refused, and over soon."""

import resource

from chaos import ChaosTest, descriptors, length, pause
from load import Load

FILES = 256
# What is left is for the service's own files, and for telling those over the cap.
CONNECTIONS = 80
ADDRESSES = [f"127.0.0.{number}" for number in range(2, 10)]
FLOOD = 1000
RECOVERY_SECONDS = 2
RATE = 200


class DescriptorsTest(ChaosTest):
    def test_flood_is_refused_and_leaves_no_trace(self):
        truth = self.make_truth(500)
        server = self.start(
            "--http-max-connections", CONNECTIONS,
            "--http-max-connections-per-address", CONNECTIONS // 4, "--log-requests=false",
            database=self.database,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES)),
        )
        self.figure("files that may be open", int(server.metric("process_max_fds")), most=FILES)
        known = truth.write_known(self.folder / "known")
        with (
            self.checked(server, truth),
            Load("hot", port=server.port, rate=RATE, known=known) as hot,
        ):
            pause(1)
            hot.phase("undisturbed")
            pause(length(5, 1))
            before = descriptors(server)
            hot.phase("flooded")
            most = before
            options = {"count": FLOOD, "addresses": ADDRESSES, "ways": ["header", "body"]}
            with Load("slow", port=server.port, **options) as flood:
                for _ in range(length(300, 30)):
                    pause(0.1)
                    most = max(most, descriptors(server))
                figures = flood.report()
            took = self.wait_for("an answer on a new connection", 30, lambda: self.answers(server))
            hot.phase("after")
            settled = self.wait_for(
                "the files of before", 30, lambda: descriptors(server) <= before + 2
            )
            phases = hot.finish()
        self.tell_of(figures, before, most)
        self.compare_hot(phases["undisturbed"], phases["flooded"], "meanwhile")
        self.figure("after the flood: new connection answered", took, "s", most=RECOVERY_SECONDS)
        self.figure("after the flood: files closed", settled, "s", most=2 * RECOVERY_SECONDS)
        self.stop_well(server)

    @staticmethod
    def answers(server):
        try:
            return server.get("/healthz").status == 200
        except OSError:
            return False

    def tell_of(self, flood, before, most):
        self.figure("connections of the flood", flood["opened"], least=FLOOD)
        self.figure("told 429", flood["statuses"].get("429", 0), least=1)
        self.figure("open files before", before)
        self.figure("open files at most", most, most=FILES - 1)
