"""The checker sees what it is there to see: a checker that never complains proves nothing."""

import collections
import json
import socket
import sys
import unittest
from pathlib import Path
from types import SimpleNamespace

TESTING = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTING / "chaos"), str(TESTING / "e2e"), str(TESTING)]
import traffic_stream  # noqa: E402
import truth  # noqa: E402
from checker import Checker, Fault  # noqa: E402

CID, OTHER = f"b3:{1:064x}", f"b3:{2:064x}"
PLACES = frozenset({"198.51.100.1:80"})


def make_answer(status, body, content_type="application/json"):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return SimpleNamespace(status=status, body=text, headers={"Content-Type": content_type})


def make_problem(number, code, **fields):
    body = {"status": number, "code": code, "detail": "why", **fields}
    return make_answer(number, body, truth.PROBLEM)


def make_resolve(cid=CID, places=PLACES):
    return make_answer(
        200, {"manifest_cid": cid, "providers": [{"addr": place} for place in places]}
    )


def make_checker(samples=(), faults=()):
    checker = Checker(None, None)
    checker.samples = [(at, at, missing) for at, missing in samples]
    checker.faults = list(faults)
    return checker


def make_fault(began, ended, **options):
    fault = Fault(**options)
    fault.began, fault.ended = began, ended
    return fault


class JudgeTest(unittest.TestCase):
    def test_right_answers_pass(self):
        self.assertIsNone(truth.judge_resolve(CID, PLACES)(make_resolve()))
        self.assertIsNone(truth.judge_manifest(b"x")(make_answer(200, b"x")))
        not_found = make_problem(404, "not_found")
        self.assertIsNone(truth.judge_problem(404, "not_found")(not_found))
        self.assertIsNone(truth.judge_refused_writer(make_problem(401, "unauthorized")))

    def test_wrong_answers_are_seen(self):
        judge = truth.judge_resolve(CID, PLACES)
        for answer in (
            make_resolve(cid=OTHER),
            make_resolve(places={"198.51.100.2:80"}),
            make_resolve(places=()),
            make_problem(404, "not_found"),
        ):
            self.assertIsNotNone(judge(answer))
        self.assertIsNotNone(truth.judge_manifest(b"x")(make_answer(200, b"y")))
        self.assertIsNotNone(truth.judge_refused_writer(make_answer(204, b"")))

    def test_refusals_have_to_be_problems_about_their_own_status(self):
        judge = truth.judge_problem(404, "not_found")
        for answer in (
            make_resolve(),
            make_answer(404, {"status": 404, "code": "not_found", "detail": "why"}),
            make_problem(404, "bad_request"),
            make_problem(404, "not_found", status=400),
            make_problem(404, "not_found", detail=""),
        ):
            self.assertIsNotNone(judge(answer))


class ReadinessTest(unittest.TestCase):
    def test_what_shows_within_two_seconds_is_true(self):
        fault = make_fault(10, 20, missing=["db_open"])
        down = frozenset({"db_open"})
        samples = [(9, frozenset()), (11.9, frozenset()), (12.1, down), (21.9, down)]
        samples.append((22.1, frozenset()))
        checker = make_checker(samples, [fault])
        self.assertEqual(checker.untruths(), {})
        self.assertAlmostEqual(checker.fall_seconds(fault), 2.1)
        self.assertAlmostEqual(checker.return_seconds(fault), 2.1)

    def test_what_shows_late_or_without_a_fault_is_not(self):
        fault = make_fault(10, 20, missing=["db_open"])
        down, other = frozenset({"db_open"}), frozenset({"bus_attached"})
        for sample in ((12.1, frozenset()), (12.1, other), (22.1, down), (9, down), (15, None)):
            with self.subTest(sample=sample):
                self.assertEqual(sum(make_checker([sample], [fault]).untruths().values()), 1)

    def test_a_fault_shows_once_and_goes_once(self):
        up, down = frozenset(), frozenset({"db_open"})
        fault, later = (make_fault(at, at + 10, missing=["db_open"]) for at in (10, 20.5))
        once = [(10.1, up), (11, down), (19, down), (20.2, up), (21, down), (31, up)]
        checker = make_checker(once, [fault, later])
        self.assertEqual((checker.flips(fault), checker.flips(later)), (0, 0))
        # Each of these is allowed by itself: it is less than two seconds from a change.
        for states, flips in (
            ((down, up, down, up), 2), ((down, up, down), 1), ((up, down, up, down, up, down), 3),
        ):
            samples = [(10 + number / 4, state) for number, state in enumerate(states)]
            checker = make_checker(samples, [make_fault(10, 20, missing=["db_open"])])
            with self.subTest(states=states):
                self.assertEqual(checker.flips(checker.faults[0]), flips)
                self.assertEqual(checker.untruths(), {})

    def test_a_fault_that_must_not_show_does_not_excuse(self):
        samples = [(15, frozenset({"db_open"}))]
        self.assertNotEqual(make_checker(samples, [make_fault(10, 20)]).untruths(), {})

    def test_nothing_has_to_answer_while_the_process_is_down(self):
        checker = make_checker([(15, None)], [make_fault(10, 20, is_down=True)])
        self.assertEqual(checker.untruths(), {})

    def test_errors_count_unless_they_are_the_faults(self):
        checker = make_checker(
            faults=[make_fault(10, 20, fails=lambda path: path.startswith("/providers"))]
        )
        refusal = make_problem(503, "upstream_unready")
        for path, at in (("/providers/x", 15), ("/resolve/x", 15), ("/providers/x", 30)):
            checker.judge(path, refusal, lambda _: None, at)
        self.assertEqual((checker.fault_errors, checker.errors), (1, 2))
        checker.judge("/providers/x", make_answer(503, b"sorry"), lambda _: None, 15)
        self.assertEqual(len(checker.wrong), 1)


def make_stream(port=0):
    stream = traffic_stream.Stream(None, {"pools": [], "port": port})
    stream.idle, stream.busy = collections.deque(), 0
    return stream


def make_bytes(status, body):
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


class StreamTest(unittest.TestCase):
    def hear(self, pieces, questions):
        """The figures of a stream that asked those questions and heard those bytes."""
        stream = make_stream()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            line = traffic_stream.Line(ours, stream.selector)
            line.questions, stream.busy = list(questions), 1
            for piece in pieces:
                theirs.sendall(piece)
                stream.hear(line)
            stream.selector.close()
        self.assertEqual((stream.busy, line.questions), (0, []))
        return stream

    def test_answers_are_judged_wherever_the_bytes_are_cut(self):
        answers = b"".join(make_bytes(status, b"HHT") for status in (200, 404, 200))
        questions = [(b"", status, b"HT") for status in (200, 404, 200)]
        for size in range(1, len(answers) + 1):
            pieces = [answers[at:at + size] for at in range(0, len(answers), size)]
            stream = self.hear(pieces, questions)
            self.assertEqual((size, stream.answered), (size, {200: 2, 404: 1}))
            self.assertEqual((stream.right, stream.wrong, stream.refused), (3, 0, 0))

    def test_two_errors_do_not_cancel(self):
        questions = [(b"known", 200, b"its cid"), (b"unknown", 404, b"not_found")]
        for answers, wrong, refused in (
            (((404, b"not_found"), (200, b"its cid")), 2, 0),
            (((200, b"another cid"), (404, b"not_found")), 1, 0),
            (((200, b"its cid"), (404, b"")), 1, 0),
            (((503, b""), (429, b"")), 0, 2),
        ):
            with self.subTest(answers=answers):
                whole = b"".join(make_bytes(*answer) for answer in answers)
                stream = self.hear([whole], questions)
                self.assertEqual((stream.wrong, stream.refused), (wrong, refused))
                self.assertEqual(stream.right, 2 - wrong - refused)

    def test_what_came_before_an_end_is_judged_and_the_rest_is_lost(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            stream = make_stream(listener.getsockname()[1])
            line = stream.connect()
            line.questions = [(b"", 200, b"x")] * 3
            stream.busy = 1
            theirs, _ = listener.accept()
            with theirs:
                theirs.sendall(make_bytes(200, b"x") + make_bytes(200, b"x")[:-1])
            while line in [key.data for key in stream.selector.get_map().values()]:
                stream.hear(line)
            self.assertEqual((stream.right, stream.lost, stream.busy), (1, 2, 0))
            stream.idle[0].socket.close()
            stream.selector.close()

    def test_an_idle_connection_that_was_closed_is_replaced(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            stream = make_stream(listener.getsockname()[1])
            line = stream.connect()
            stream.idle.append(line)
            listener.accept()[0].close()
            stream.hear(line)
            self.assertEqual((stream.busy, stream.lost, len(stream.idle)), (0, 0, 1))
            self.assertIsNot(stream.idle[0], line)
            stream.idle[0].socket.close()
            stream.selector.close()


if __name__ == "__main__":
    unittest.main()
