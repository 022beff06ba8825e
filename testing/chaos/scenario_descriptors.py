"""A process that may have 256 open files: a flood of connections, and no file left at all.

The caps that the service demands keep a flood from its files, so that the second test takes them
away from the running process: no connection can be accepted and no file opened, until they are
given back.
"""

import json
import resource
import signal
import socket
import time

import service
from chaos import ChaosTest, descriptors, length, pause
from load import Load
from traffic import get

FILES = 256
# What is left is for the service's own files, and for telling those over the cap.
CONNECTIONS = 80
ADDRESSES = [f"127.0.0.{number}" for number in range(2, 10)]
FLOOD = 1000
RECOVERY_SECONDS = 2
RATE = 200

# Without a file left.
ROUNDS = length(3, 1)
NO_FILE_SECONDS = length(5, 2)
WAITING = 60
NAMES = 500
# Fewer than there are names, so that the spill has work.
CACHED = 200
# Of a core, beyond what the same traffic takes before.
CPU_SHARE = 0.25
# It need not try to accept more often than once a second.
ACCEPTING_SECONDS = 3


class DescriptorsTest(ChaosTest):
    def start_limited(self, per_address, *arguments):
        return self.start(
            "--http-max-connections", CONNECTIONS,
            "--http-max-connections-per-address", per_address, "--log-requests=false", *arguments,
            database=self.database,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES)),
        )

    # A flood

    def test_flood_is_refused_and_leaves_no_trace(self):
        truth = self.make_truth(500)
        server = self.start_limited(CONNECTIONS // 4)
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

    # No file left

    def test_no_file_left_is_survived_and_over_soon(self):
        self.scenario = "no descriptors"
        truth = self.make_truth(NAMES)
        configuration = self.folder / "settings.toml"
        configuration.write_text('[log]\nlevel = "warning"\n')
        # All that wait come from one address.
        server = self.start_limited(
            CONNECTIONS, "--config", configuration, "--cache-entries", CACHED, "--spill-enabled",
        )
        self.writer = Writer(server, self.content_ids([b"written"])[0])
        self.times = {"busy": [], "accepted": [], "settled": []}
        self.answers_of = {}
        pools = [{"weight": 1, "status": 200, "paths": self.names_file()}]
        known = truth.write_known(self.folder / "known", CACHED // 4)
        with (
            self.checked(server, truth),
            Load("hot", port=server.port, rate=RATE, known=known) as hot,
            Load("stream", port=server.port, rate=RATE, pools=pools) as reads,
        ):
            pause(1)
            hot.phase("undisturbed")
            self.assertTrue(self.writer.write())
            self.before = descriptors(server)
            for number in range(ROUNDS):
                if number:
                    pause(1)
                self.take_files(server, hot)
            self.assertTrue(self.writer.write())
            phases, read = hot.finish(), reads.finish()
        self.tell_of_no_file()
        self.stream_figures("names, out of RAM, spill and index", read)
        self.compare_hot(phases["undisturbed"], phases["without files"], "meanwhile")
        self.stop_well(server)
        server = self.start(database=self.database)
        lost = self.writer.lost(server)
        self.figure("writes acknowledged and lost", lost, most=0)
        self.stop_well(server)

    def take_files(self, server, hot):
        """One round: no file, connections that wait, writes and a SIGHUP; then files again."""
        usual = self.busy_share(server, lambda: pause(length(3, 1)))
        hot.phase("without files")
        # Less than are open, so that one that is closed does not make room.
        taken = descriptors(server) - 5
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (taken, FILES))
        try:
            waiting = [socket.create_connection((service.HOST, server.port), 10)
                       for _ in range(WAITING)]
            for connection in waiting:
                connection.sendall(get("/healthz"))
            server.process.send_signal(signal.SIGHUP)
            busy = self.busy_share(server, self.write_for_a_while)
            self.times["busy"].append(busy - usual)
            before = [status_of(connection, 0) for connection in waiting]
        finally:
            resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (FILES, FILES))
        began = time.monotonic()
        hot.phase("after")
        after = [status or status_of(connection, 10)
                 for connection, status in zip(waiting, before, strict=True)]
        self.times["accepted"].append(time.monotonic() - began)
        for when, statuses in (("meanwhile", before), ("at the end", after)):
            counts = self.answers_of.setdefault(when, {})
            for status in statuses:
                status = status or "none yet"
                counts[status] = counts.get(status, 0) + 1
        for connection in waiting:
            connection.close()
        self.times["settled"].append(self.wait_for(
            "the files of before", 30, lambda: descriptors(server) <= self.before + 2
        ))

    def write_for_a_while(self):
        end = time.monotonic() + NO_FILE_SECONDS
        while time.monotonic() < end:
            self.writer.write()
            pause(0.2)

    def tell_of_no_file(self):
        self.figure("times without a file", len(self.times["busy"]))
        self.figure("connections that waited: answers meanwhile", self.answers_of["meanwhile"])
        ended = self.answers_of["at the end"]
        self.figure("connections that waited: answers in the end", ended)
        # Whoever is refused has to be told so.
        others = sum(ended.values()) - ended.get(200, 0) - ended.get(429, 0)
        self.figure("connections that waited: neither 200 nor 429", others, most=0)
        self.figure("processor meanwhile, more than before", max(self.times["busy"]), "of a core",
                    most=CPU_SHARE)
        self.figure("with files again: all that waited answered",
                    max(self.times["accepted"]), "s", most=ACCEPTING_SECONDS)
        self.figure("with files again: files closed", max(self.times["settled"]), "s",
                    most=2 * RECOVERY_SECONDS)
        self.figure("admin writes", self.writer.statuses)
        honest = {200, 201, 503}
        others = [status for status in self.writer.statuses if status not in honest]
        self.figure("admin writes neither done nor refused with 503", len(others), most=0)


class Writer:
    """Adds providers over one connection that stays open; keeps what was acknowledged."""

    def __init__(self, server, cid):
        self.path = f"/admin/providers/{cid}"
        self.asked = f"/providers/{cid}?limit=32"
        self.server = server
        self.connection = server.connect()
        self.statuses = {}
        self.places = {}

    def write(self):
        number = sum(self.statuses.values())
        # At most as many as an answer names.
        body = {"id": f"p{number % 16}", "addr": f"198.51.100.7:{number + 1}"}
        answer = self.server.put(self.path, body, self.connection)
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        if answer.status in (200, 201):
            self.places[body["id"]] = body["addr"]
        return answer.status in (200, 201)

    def lost(self, server):
        answer = json.loads(server.get(self.asked).body)
        found = {place["id"]: place["addr"] for place in answer["providers"]}
        return sum(found.get(name) != place for name, place in self.places.items())


def status_of(connection, seconds):
    """The status of the answer on a socket; None when there is none yet."""
    connection.settimeout(seconds)
    try:
        answer = connection.recv(1 << 14)
    except (BlockingIOError, TimeoutError):
        return None
    except OSError as error:
        return error.__class__.__name__
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else "closed"
