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


class StreamTest(unittest.TestCase):
    def test_statuses_are_counted_wherever_the_bytes_are_cut(self):
        answers = b"".join(
            b"HTTP/1.1 %d X\r\nContent-Length: 3\r\n\r\nHHT" % status for status in (200, 404, 200)
        )
        for size in range(1, len(answers) + 1):
            ours, theirs = socket.socketpair()
            with ours, theirs:
                stream = traffic_stream.Stream(None, {"pools": [], "port": 0})
                stream.idle, stream.busy = collections.deque(), 1
                line = traffic_stream.Line(ours, stream.selector)
                line.waiting = 3
                for start in range(0, len(answers), size):
                    theirs.sendall(answers[start:start + size])
                    stream.hear(line)
                stream.selector.close()
            self.assertEqual((size, stream.answered), (size, {200: 2, 404: 1}))
            self.assertEqual((stream.busy, line.waiting), (0, 0))

    def test_an_idle_connection_that_was_closed_is_replaced(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            stream = traffic_stream.Stream(None, {"pools": [], "port": listener.getsockname()[1]})
            line = stream.connect()
            stream.idle, stream.busy = collections.deque([line]), 0
            listener.accept()[0].close()
            stream.hear(line)
            self.assertEqual((stream.busy, stream.lost, len(stream.idle)), (0, 0, 1))
            self.assertIsNot(stream.idle[0], line)
            stream.idle[0].socket.close()
            stream.selector.close()


if __name__ == "__main__":
    unittest.main()
