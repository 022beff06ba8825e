"""A DHT with a fifth of slow nodes and some silent ones: answers within the lookup's budget.

The nodes are libtorrent's, in a network namespace of their own; a path between holds every packet
back (testing/interop). That takes root, /dev/net/tun and the Python environment of `make interop`.
"""

import json
import os
import subprocess
import unittest
from collections import Counter
from pathlib import Path

from chaos import ChaosTest, length
from support import BINARY
from traffic import quantile

HERE = Path(__file__).resolve().parent
PYTHON = HERE.parent.parent / ".venv-interop" / "bin" / "python"
NODES = length(200, 60)
CIDS = length(400, 40)
UNKNOWN = length(40, 5)
BUDGET_MS = 1200


def why_not():
    if os.geteuid() != 0 or not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "a network of its own takes root and /dev/net/tun"
    if not PYTHON.exists():
        return "libtorrent is missing: run make interop-environment"
    return None


class DHTTailsTest(ChaosTest):
    @classmethod
    def setUpClass(cls):
        if (reason := why_not()) is not None:
            raise unittest.SkipTest(reason)

    def test_slow_and_silent_nodes_delay_answers_within_the_budget(self):
        truth = self.make_truth(200, asks_cids=False)
        texts = [b"announced %d" % number for number in range(CIDS)]
        cids = self.content_ids([*texts, *(b"nobody %d" % number for number in range(UNKNOWN))])
        options = {
            "binary": str(BINARY),
            "folder": str(self.folder),
            "database": str(self.database),
            "nodes": NODES,
            "cids": cids[:CIDS],
            "unknown": cids[CIDS:],
            "lines": [line.decode() for line in self.lines],
            "truth": [cid for cid, _, _ in truth.names.values()],
        }
        file = self.folder / "tails.json"
        file.write_text(json.dumps(options))
        program = [str(PYTHON), str(HERE / "tails_network.py"), str(file)]
        done = subprocess.run(program, stdout=subprocess.PIPE, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.tell_of(json.loads(done.stdout.splitlines()[-1]))

    def tell_of(self, measured):
        self.figure("nodes", NODES)
        self.figure("round trip; 20 % of the nodes, more; 5 % of them", "20 ms; 800 ms; silent")
        times = [took for status, took in measured["announced"] if status == 200]
        self.figure("announced content ids asked for", CIDS)
        self.figure("found", len(times) / CIDS, least=0.99)
        statuses = Counter(status for status, _ in measured["announced"])
        self.figure("answers by status", dict(statuses))
        # Who could not look says so; who says that it is not there must have looked.
        self.figure("of them, answered 404", statuses[404], most=0)
        self.figure("wrong providers", measured["wrong"], most=0)
        for part, most in ((0.5, None), (0.95, BUDGET_MS), (0.99, BUDGET_MS)):
            name = f"time to an answer: p{part * 100:.0f}"
            self.figure(name, quantile(times, part), "ms", most=most)
        statuses = Counter(status for status, _ in measured["unknown"])
        self.figure("content ids that nobody announced", dict(statuses))
        self.figure("of them, answered 200", statuses[200], most=0)
        latest = max(took for _, took in measured["unknown"])
        # The budget, and what a busy machine takes for itself.
        self.figure("of them, the slowest answer", latest, "ms", most=BUDGET_MS + 300)
        self.checker_figures(measured["checker"], measured["examples"])
