"""Many questions a second: pipelined batches over several connections, each answer judged."""

import collections
import contextlib
import random
import selectors
import socket
import time

from traffic import END_OF_HEAD, HOST, get

MARK = b"HTTP/1.1 "
BATCH = 16
PAUSE_SECONDS = 0.02
LATE_SECONDS = 10
EXAMPLES = 5
NOT_FOUND = b'"code":"not_found"'


class Stream:
    """Asks from pools of questions, as fast as it can or so many a second.

    Options: `port`, `connections`, `rate` (none: no bound), `total` (none: until stopped), `seed`,
    `pools`: each with `weight`, `status` (what the answers must be) and `paths` (a file: a path a
    line and, behind a tab, text that the body has to have) or `random` (`name` or `cid`: never
    asked before, never there).

    An answer is right, a refusal (429, or from 500), or wrong: another status, or other content.
    """

    def __init__(self, controls, options):
        self.controls = controls
        self.options = options
        self.random = random.Random(options.get("seed", 1))
        self.pools = options["pools"]
        for pool in self.pools:
            if "paths" in pool:
                with open(pool["paths"], encoding="utf-8") as file:
                    pairs = [line.rstrip("\n").partition("\t") for line in file]
                pool["questions"] = [
                    (get(path), pool["status"], text.encode()) for path, _, text in pairs
                ]
        self.weights = [pool["weight"] for pool in self.pools]
        self.sent = 0
        self.answered = {}
        self.right = self.refused = self.wrong = self.lost = self.late = 0
        self.examples = []
        self.began = self.ended = time.monotonic()
        self.selector = selectors.EpollSelector()

    def run(self):
        self.began = time.monotonic()
        connections = self.options.get("connections", 8)
        self.idle = collections.deque(self.connect() for _ in range(connections))
        self.busy = 0
        while not self.is_over():
            self.fill()
            self.drop_late()
            wait = PAUSE_SECONDS if self.idle else 1
            for key, _ in self.selector.select(wait):
                self.hear(key.data)
        self.ended = time.monotonic()

    def is_over(self):
        total = self.options.get("total")
        is_enough = total is not None and self.sent >= total
        # What is under way when it is told to stop is still counted, for a while.
        if self.controls.stopped.is_set():
            is_enough = True
        return is_enough and self.busy == 0

    def fill(self):
        """Gives every idle connection a batch, as far as rate and total allow."""
        while self.idle and not self.controls.stopped.is_set():
            room = BATCH
            if (total := self.options.get("total")) is not None:
                room = min(room, total - self.sent)
            if (rate := self.options.get("rate")) is not None:
                room = min(room, int((time.monotonic() - self.began) * rate) - self.sent)
            if room <= 0:
                return
            # In turn, so that none is idle for so long that the service closes it.
            line = self.idle.popleft()
            line.questions = [self.question() for _ in range(room)]
            self.sent += room
            line.asked_at = time.monotonic()
            line.data = b""
            self.busy += 1
            try:
                line.socket.sendall(b"".join(request for request, _, _ in line.questions))
            except OSError:
                self.replace(line)

    def drop_late(self):
        """An answer that takes longer than a request may is lost."""
        latest = time.monotonic() - LATE_SECONDS
        for key in list(self.selector.get_map().values()):
            line = key.data
            if line.questions and line.asked_at < latest:
                self.late += 1
                self.replace(line)

    def question(self):
        """A request, the status of its answer, and what its body has to have."""
        [pool] = self.random.choices(self.pools, self.weights)
        if "questions" in pool:
            return self.random.choice(pool["questions"])
        if pool["random"] == "cid":
            path = f"/resolve/b3:{self.random.getrandbits(256):064x}"
        else:
            path = f"/resolve/random-{self.random.getrandbits(64):016x}"
        return get(path), pool["status"], NOT_FOUND

    def hear(self, line):
        try:
            data = line.socket.recv(1 << 18)
        except OSError:
            data = b""
        if not data:
            self.replace(line)
            return
        if not line.questions:
            self.complain("an answer to nothing", data)
            self.replace(line)
            return
        line.data += data
        # All of a batch at once, which is cheaper than each answer as it comes.
        answers = line.answers()
        if len(answers) < len(line.questions) or not is_whole(answers[-1]):
            return
        self.judge(line, answers)
        self.busy -= 1
        self.idle.append(line)

    def judge(self, line, answers):
        for (request, status, text), answer in zip(line.questions, answers, strict=False):
            found = int(answer[:3])
            self.answered[found] = self.answered.get(found, 0) + 1
            if found == status and text in answer:
                self.right += 1
            elif found == 429 or found >= 500:
                self.refused += 1
            else:
                self.complain(request.decode(), answer)
        if len(answers) > len(line.questions):
            self.complain("more answers than questions", answers[-1])
        line.questions = []

    def complain(self, request, answer):
        self.wrong += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(f"{request[:80]}: {answer[:400]!r}")

    def replace(self, line):
        if line.questions:
            whole = line.answers()
            if whole and not is_whole(whole[-1]):
                whole.pop()
            self.lost += len(line.questions) - len(whole)
            self.judge(line, whole)
            self.busy -= 1
        else:
            # One that was idle and that the service has closed.
            self.idle.remove(line)
        self.selector.unregister(line.socket)
        line.socket.close()
        time.sleep(0.01)
        with contextlib.suppress(OSError):
            self.idle.append(self.connect())

    def connect(self):
        return Line(socket.create_connection((HOST, self.options["port"]), 10), self.selector)

    def report(self):
        seconds = max(self.ended, self.began) - self.began or time.monotonic() - self.began
        return {
            "sent": self.sent,
            "answered": dict(self.answered),
            "right": self.right,
            "refused": self.refused,
            "wrong": self.wrong,
            "examples": list(self.examples),
            "lost": self.lost,
            "late": self.late,
            "seconds": round(seconds, 2),
            "rate": round(sum(self.answered.values()) / max(seconds, 0.001)),
        }


class Line:
    """One connection, the questions that it still owes answers to, and what has come of them."""

    def __init__(self, open_socket, selector):
        self.socket = open_socket
        self.questions = []
        self.asked_at = 0.0
        self.data = b""
        selector.register(open_socket, selectors.EVENT_READ, self)

    def answers(self):
        """From their status on; the last may be half of one."""
        return self.data.split(MARK)[1:]


def is_whole(answer):
    head, end, body = answer.partition(END_OF_HEAD)
    length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
    return end != b"" and len(body) >= int(length or 0)
