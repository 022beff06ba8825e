"""What the scenarios share: a service with names, the checker around it, figures with bounds.

Variables: CHAOS_SHORT=1 makes every scenario short, CHAOS_SOAK_SECONDS is the length of the soak;
those of the end-to-end tests (`support.py`) hold here too.
"""

import contextlib
import json
import os
import time
from pathlib import Path

from checker import FLIPS, Checker
from support import EndToEndTest, make_lines
from truth import Truth

SHORT = os.environ.get("CHAOS_SHORT") == "1"
SOAK_SECONDS = int(os.environ.get("CHAOS_SOAK_SECONDS") or (20 if SHORT else 600))
ERROR_SHARE = 0.001
# The service level of a micronode; below it a ratio says more of the machine than of the service.
HOT_FLOOR_MS = 50
HOT_RATIO = 5
# Every figure of every scenario, in the order in which they came.
FIGURES = {}


def length(full, short):
    return short if SHORT else full


class ChaosTest(EndToEndTest):
    """A scenario: each figure is printed as it comes, and the bounds are judged at the end."""

    def setUp(self):
        super().setUp()
        self.missed = []
        self.scenario = type(self).__module__.removeprefix("scenario_").replace("_", " ")
        self.addCleanup(self.check_bounds)

    # Figures

    def figure(self, what, value, unit="", least=None, most=None):
        """Prints a figure; one beyond its bound, or a missing one that has a bound, fails."""
        bounded = least is not None or most is not None
        held = value is not None if bounded else True
        held = held and (least is None or value >= least) and (most is None or value <= most)
        bound = f"at least {plain(least)}" if least is not None else f"at most {plain(most)}"
        shown = plain(value) + (f" {unit}" if unit else "")
        verdict = (f" ({bound})" if held else f" MISSED ({bound})") if bounded else ""
        print(f"  {self.scenario}: {what}: {shown}{verdict}", flush=True)
        entry = {"value": value, "unit": unit, "held": held}
        entry.update({"least": least, "most": most} if bounded else {})
        FIGURES.setdefault(self.scenario, {})[what] = entry
        if not held:
            self.missed.append(f"{what}: {shown}, {bound}")
        return value

    def compare_hot(self, calm, attacked, when, is_bounded=True):
        """What readers of known names notice: nearly nothing in time, nothing in answers.

        The p99 is bounded in the full form only; of a few seconds, a busy machine makes what it
        likes, and the median says enough.
        """
        for part, is_judged in (("p50", SHORT), ("p99", not SHORT)):
            key = f"{part}_ms"
            self.figure(f"hot names before: {part}", calm[key], "ms")
            most = round(max(HOT_FLOOR_MS, HOT_RATIO * calm[key]), 2)
            bound = {"most": most} if is_bounded and is_judged else {}
            self.figure(f"hot names {when}: {part}", attacked[key], "ms", **bound)
            self.figure(f"hot names: ratio of {part}", attacked[key] / max(calm[key], 0.001))
        self.figure(f"hot names {when}: requests", attacked["requests"], least=1)
        others = [number for status, number in attacked["statuses"].items() if status != "200"]
        wrong = sum(others) + attacked["lost"] + len(attacked["wrong"])
        self.figure(f"hot names {when}: not answered as imported", wrong, most=0)

    @staticmethod
    def busy_share(server, work):
        """Of one core, how much the service takes while `work` is done."""
        began, before = time.monotonic(), server.cpu_seconds()
        work()
        return (server.cpu_seconds() - before) / (time.monotonic() - began)

    def usual_share(self, server):
        """The same while nothing but what runs anyway is done."""
        return self.busy_share(server, lambda: pause(length(10, 1.5)))

    def check_bounds(self):
        if self.missed:
            self.fail("bounds that were missed: " + "; ".join(self.missed))

    # The service

    def make_truth(self, count, known=None, **options):
        """Lines of so many names, imported; the truth of `known` of them."""
        lines = make_lines(count, f"chaos {self.id()}", providers=2)
        self.import_lines(lines)
        self.lines = lines
        known = sorted(self.random.sample(lines, min(count, known or count)))
        manifests = [line.partition(b'"manifest":')[2].rpartition(b',"providers"')[0]
                     for line in known]
        return Truth(known, self.content_ids(manifests), **options)

    def names_file(self, name="names"):
        """All names that were imported with a place of each, for the traffic of kind `stream`.

        An address has the name in it; the hashes of so many manifests would take half a minute.
        """
        path = self.folder / name
        entries = map(json.loads, self.lines)
        path.write_text("".join(
            f'/resolve/{entry["name"]}\t"addr":"{entry["providers"][0]["addr"]}"\n'
            for entry in entries
        ))
        return str(path)

    def stream_figures(self, what, figures, refused_most=0):
        """Each answer was judged by itself, so that no two errors cancel."""
        for example in figures["examples"]:
            print(f"  {what}: {example}", flush=True)
        refused = (figures["refused"] + figures["lost"]) / max(1, figures["sent"])
        self.figure(f"{what}: asked", figures["sent"])
        self.figure(f"{what}: answered right", figures["right"], least=1)
        self.figure(f"{what}: wrong", figures["wrong"], most=0)
        self.figure(f"{what}: refused or lost, share", refused, most=refused_most)

    @contextlib.contextmanager
    def checked(self, server, truth, **options):
        """The checker around a service; afterwards its figures, with the bounds of everything."""
        with Checker(server, truth, **options) as checker:
            yield checker
        self.checker_figures(checker.figures(), checker.examples())

    def checker_figures(self, figures, examples):
        for example in examples:
            print(f"  {example}", flush=True)
        bounds = {
            "answers judged": {"least": 1},
            "wrong answers": {"most": 0},
            "5xx outside the fault, share": {"most": ERROR_SHARE},
            "no answer": {"most": 0},
            "untrue readiness": {"most": 0},
            FLIPS: {"most": 0},
            "unhealthy polls": {"most": 0},
        }
        for what, value in figures.items():
            self.figure(what, value, **bounds.get(what, {}))

    def stop_well(self, server):
        """The service ends with 0 and has not crashed meanwhile."""
        self.stop(server)


def plain(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


# What the system says of a process


def resident_mib(server):
    for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def pause(seconds):
    """Lets traffic run for so long."""
    time.sleep(seconds)
