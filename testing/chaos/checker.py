"""What watches a service through a scenario: its answers, its readiness, its health."""

import contextlib
import http.client
import itertools
import json
import threading
import time

import service
from truth import judge_format

POLL_SECONDS = 0.1
# What contract 3.5 allows from a dependency's fall, or its return, until it shows.
SHOWS_WITHIN_SECONDS = 2
EXAMPLES = 5
FLIPS = "readiness, flips beyond one fall and one return"


class Fault:
    """Something that is done to the service, from when until when.

    `missing` names the checks of readiness that have to fail meanwhile; none: it must stay ready.
    `is_down` means that there may be nothing that answers. `fails` says whether an answer with a
    status from 500 is the fault's.
    """

    def __init__(self, missing=(), is_down=False, fails=lambda path: False):
        self.missing = set(missing)
        self.is_down = is_down
        self.fails = fails
        self.began = time.monotonic()
        self.ended = float("inf")

    def covers(self, moment, grace=SHOWS_WITHIN_SECONDS):
        return self.began <= moment <= self.ended + grace


class Checker:
    """Asks and polls in threads of its own, until it is left; then `figures` has what came of it.

    `server` may be exchanged for its successor. `asks` a second are judged by the truth.
    """

    def __init__(self, server, truth, asks=25):
        self.server = server
        self.truth = truth
        self.gap = 1 / asks
        self.faults = []
        self.over = threading.Event()
        self.answers = self.errors = self.refused = self.fault_errors = self.lost = 0
        self.wrong = []
        self.samples = []
        self.unhealthy = []
        self.threads = [
            threading.Thread(target=work, daemon=True)
            for work in (self.ask, self.poll_readiness, self.poll_health)
        ]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(30)

    @contextlib.contextmanager
    def fault(self, **options):
        fault = Fault(**options)
        self.faults.append(fault)
        try:
            yield fault
        finally:
            fault.ended = time.monotonic()

    def is_down(self, began, ended):
        """Whether nothing needed to answer at some moment between two."""
        return any(
            fault.is_down and fault.began <= ended and began <= fault.ended + 0.5
            for fault in self.faults
        )

    # Answers

    def ask(self):
        line = Line(self)
        for method, path, judge in self.truth.questions():
            if self.over.wait(self.gap):
                return
            began = time.monotonic()
            try:
                answer = line.ask(method, path)
            except (OSError, http.client.HTTPException) as error:
                if not self.is_down(began, time.monotonic()):
                    self.lost += 1
                    self.note(f"{path}: {error!r}")
                continue
            self.judge(path, answer, judge, began)

    def judge(self, path, answer, judge, began):
        self.answers += 1
        if answer.status >= 500 or answer.status == 429:
            wrong = judge_format(answer)
            during = [fault for fault in self.faults if fault.covers(began)]
            if any(fault.fails(path) for fault in during):
                self.fault_errors += 1
            elif answer.status == 429:
                self.refused += 1
            else:
                self.errors += 1
                self.note(f"{path}: status {answer.status}: {answer.body[:200]!r}")
        else:
            wrong = judge(answer)
        if wrong:
            self.wrong.append(f"{path}: {wrong}")

    def note(self, text):
        if self.errors + self.lost <= EXAMPLES:
            print(f"  {text}", flush=True)

    # Readiness and health

    def poll_readiness(self):
        line = Line(self)
        while not self.over.wait(POLL_SECONDS):
            began = time.monotonic()
            missing = None
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                answer = line.ask("GET", "/readyz")
                report = json.loads(answer.body)
                if (answer.status == 200) == report["ready"] == (not report["missing"]):
                    missing = frozenset(report["missing"])
            self.samples.append((began, time.monotonic(), missing))

    def poll_health(self):
        line = Line(self)
        while not self.over.wait(POLL_SECONDS):
            began = time.monotonic()
            try:
                status = line.ask("GET", "/healthz").status
            except (OSError, http.client.HTTPException) as error:
                status = repr(error)
            if status != 200 and not self.is_down(began, time.monotonic()):
                self.unhealthy.append(status)

    def untruths(self):
        """The polls of `/readyz` that were not true, by what was wrong."""
        found = {}
        for began, ended, missing in self.samples:
            if self.is_down(began, ended):
                continue
            wrong = self.untruth(began, missing)
            if wrong:
                found[wrong] = found.get(wrong, 0) + 1
        return found

    def untruth(self, moment, missing):
        if missing is None:
            return "no answer, or one that contradicts itself"
        showing = [fault for fault in self.faults if fault.covers(moment)]
        allowed = set().union(*(fault.missing for fault in showing))
        needed = set().union(
            *(
                fault.missing
                for fault in showing
                if fault.began + SHOWS_WITHIN_SECONDS < moment < fault.ended
            )
        )
        if needed - missing:
            return f"ready in spite of {', '.join(sorted(needed - missing))}"
        if missing - allowed:
            return f"not ready without a fault: {', '.join(sorted(missing - allowed))}"
        return None

    def flips(self, fault):
        """How often readiness changed beyond its one fall and its one return through a fault.

        The fault's time ends where the next one of the same checks begins.
        """
        if not fault.missing:
            return 0
        others = (other for other in self.faults if other.missing & fault.missing)
        following = [other.began for other in others if other.began > fault.began]
        end = min([fault.ended + SHOWS_WITHIN_SECONDS, *following])
        shown = [
            bool(missing & fault.missing) for began, _, missing in list(self.samples)
            if missing is not None and fault.began <= began < end
        ]
        changes = [now for before, now in itertools.pairwise([False, *shown]) if now != before]
        return max(0, changes.count(True) - 1) + max(0, changes.count(False) - 1)

    def fall_seconds(self, fault):
        """From the fault until it showed; None if it never did."""
        return self.first(fault.began, lambda missing: bool(missing & fault.missing))

    def return_seconds(self, fault):
        return self.first(fault.ended, lambda missing: not missing)

    def first(self, since, holds):
        times = [
            ended for began, ended, missing in list(self.samples)
            if began >= since and missing is not None and holds(missing)
        ]
        return min(times) - since if times else None

    def examples(self):
        """What there is to say of the figures that are not what they should be."""
        untruths = self.untruths().items()
        return [
            *(f"wrong: {line}" for line in self.wrong[:EXAMPLES]),
            *(f"/readyz, {times} polls: {what}" for what, times in untruths),
            *(f"/healthz: {status}" for status in self.unhealthy[:EXAMPLES]),
        ]

    def figures(self):
        return {
            "answers judged": self.answers,
            "wrong answers": len(self.wrong),
            "5xx outside the fault, share": self.errors / max(1, self.answers),
            "no answer": self.lost,
            "refused with 429": self.refused,
            "5xx of the fault": self.fault_errors,
            "polls of /readyz": len(self.samples),
            "untrue readiness": sum(self.untruths().values()),
            FLIPS: sum(self.flips(fault) for fault in self.faults),
            "unhealthy polls": len(self.unhealthy),
        }


class Line:
    """A keep-alive connection to whatever service the checker watches now."""

    def __init__(self, checker):
        self.checker = checker
        self.server = None
        self.connection = None

    def ask(self, method, path):
        server = self.checker.server
        if self.connection is None or self.server is not server:
            self.close()
            self.server = server
            self.connection = http.client.HTTPConnection(service.HOST, server.port, timeout=5)
        try:
            self.connection.request(method, path)
            return service.Response(self.connection.getresponse())
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None
