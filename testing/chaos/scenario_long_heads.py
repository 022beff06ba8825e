"""Heads as long as they may be, full of what has to be taken apart: answered, and cheaply."""

from chaos import ChaosTest, length, pause
from load import Load

RATE = 500
# A short hit takes 0.02 ms; taken apart character by character, these took 3.4 on average.
CPU_MS_PER_REQUEST = 1
# Just below the longest target and the largest head.
TARGET_BYTES = 8000
HEADER_BYTES = 16_000


class LongHeadsTest(ChaosTest):
    def test_long_heads_cost_others_nothing(self):
        truth = self.make_truth(500)
        server = self.start("--log-requests=false", database=self.database)
        known = truth.write_known(self.folder / "known")
        requests = self.make_requests(next(iter(truth.names)))
        seconds = length(30, 3)
        with (
            self.checked(server, truth),
            Load("hot", port=server.port, rate=100, known=known) as hot,
        ):
            pause(1)
            hot.phase("undisturbed")
            before = self.usual_share(server)
            with Load("bodies", port=server.port, rate=RATE, requests=requests) as heads:
                hot.phase("under long heads")
                cpu = server.cpu_seconds()
                pause(seconds)
                cpu = server.cpu_seconds() - cpu
                hot.phase("after")
                figures = heads.finish()
            cpu -= min(before, self.usual_share(server)) * seconds
            phases = hot.finish()
        self.tell_of(figures, cpu)
        self.compare_hot(phases["undisturbed"], phases["under long heads"], "meanwhile")
        self.stop_well(server)

    def tell_of(self, heads, cpu):
        self.figure("requests", heads["requests"], least=round(0.7 * RATE * length(30, 3)))
        self.figure("answer: p99", heads["p99_ms"], "ms")
        for wrong in heads["wrong"]:
            print(f"  {wrong}")
        self.figure("answered in another way", len(heads["wrong"]), most=0)
        cost = max(0, cpu) * 1000 / max(1, heads["requests"])
        self.figure("processor a request", cost, "ms", most=CPU_MS_PER_REQUEST)

    def make_requests(self, name):
        """Requests for a RAM hit, or for nothing that there is."""
        hit = f"/resolve/{name}"
        cid = f"b3:{0:064x}"
        query, tags = "a&" * (TARGET_BYTES // 2), "a," * (HEADER_BYTES // 2)
        empty = self.folder / "empty"
        empty.write_bytes(b"")
        kinds = {
            "parameters": (f"{hit}?{query}", "", "200"),
            "parameters of providers": (f"/providers/{cid}?{query}", "", "404 not_found"),
            "entity tags": (hit, f"If-None-Match: {tags}", "200"),
            "parameters and entity tags": (f"{hit}?{query}", f"If-None-Match: {tags}", "200"),
            "commas": (hit, f"If-None-Match: {',' * HEADER_BYTES}", "200"),
            "options of the connection": (hit, f"Connection: {tags}", "200"),
            "absolute target": (f"http://{'x' * (TARGET_BYTES - 100)}{hit}", "", "200"),
            "segments": (f"/admin/{'/' * TARGET_BYTES}", "", "404 not_found"),
        }
        return [
            {
                "kind": kind,
                "head": "\r\n".join(filter(None, (f"GET {target} HTTP/1.1", "Host: x", header))),
                "body": str(empty),
                "accept": [right],
            }
            for kind, (target, header, right) in kinds.items()
        ]
