"""Rules of svc-index-load as a program, against a small server. Skipped until it is built."""

import contextlib
import http.server
import json
import resource
import signal
import subprocess
import threading
import time
import unittest
from pathlib import Path

from perfkit import ROOT  # noqa: F401 (finds the modules below)

import service

LOAD = Path(__file__).resolve().parent / ".build/release/svc-index-load"
STALL_SECONDS = 1.0


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers /status/N with N; the first request after `stall_from` holds everybody up."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    seconds = 0

    def do_GET(self):
        server = self.server
        with server.gate:
            if server.stall_from and time.monotonic() > server.stall_from:
                server.stall_from = None
                time.sleep(STALL_SECONDS)
            server.paths.append(self.path)
        time.sleep(self.seconds)
        status = int(self.path.rpartition("/status/")[2]) if "/status/" in self.path else 200
        body = b"x" * 100
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class ShortIdle(Answers):
    """Closes connections that say nothing for so many seconds."""

    timeout = 0.05


class Cutting(Answers):
    """Takes one request more than it has answers for, and closes: who sent it was not told."""

    answers_a_connection = 5

    def handle_one_request(self):
        self.taken = getattr(self, "taken", 0) + 1
        if self.taken <= self.answers_a_connection:
            return super().handle_one_request()
        self.close_connection = True
        if self.rfile.peek(1):
            with self.server.gate:
                self.server.cuts += 1
        return None


class Refusing(Cutting):
    answers_a_connection = 0


class Slow(Answers):
    seconds = 0.3


class Slowest(Answers):
    seconds = 1.5


class Batched(Answers):
    """Notes how many requests lie ready together, and when: whole batches, or single ones."""

    def handle_one_request(self):
        ready = self.rfile.peek(1).count(b"GET ") if not getattr(self, "left", 0) else 0
        if ready:
            self.left = ready
            with self.server.gate:
                self.server.batches.append((time.monotonic(), ready))
        self.left = getattr(self, "left", 0) - 1
        return super().handle_one_request()


class Stopping(Answers):
    """Begins an answer and closes."""

    def do_GET(self):
        with self.server.gate:
            self.server.cuts += 1
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
        self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    # More connections than the library lets wait come at once.
    request_queue_size = 128


@contextlib.contextmanager
def serving(stall_after=None, answers=Answers):
    server = Server((service.HOST, 0), answers)
    server.daemon_threads = True
    # A load that has given a request up does not read its answer: nothing to print a trace of.
    server.handle_error = lambda *_: None
    server.gate, server.paths, server.cuts, server.batches = threading.Lock(), [], 0, []
    server.stall_from = time.monotonic() + stall_after if stall_after else None
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def allow_files(soft, hard):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def run_load(port, *arguments, **options):
    command = [LOAD, "--url", f"http://{service.HOST}:{port}", "--connections", "4", *arguments]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=60, **options)


def stopped_load(server, *arguments):
    """(exit code, figures, seconds it still took) of a load that Ctrl-C ends in its midst."""
    command = [LOAD, "--url", f"http://{service.HOST}:{server.server_port}", "--connections", 4,
               "--path", "/x", "--warm-up", 0, "--duration", 60, "--json", *arguments]
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as load:
        limit = time.monotonic() + 20
        while len(server.paths) < 4 and time.monotonic() < limit:
            time.sleep(0.01)
        asked = time.monotonic()
        load.send_signal(signal.SIGINT)
        printed, _ = load.communicate(timeout=30)
        return load.returncode, json.loads(printed), time.monotonic() - asked


@unittest.skipUnless(LOAD.exists(), "svc-index-load is not built")
class LoadProgram(unittest.TestCase):
    def test_a_pause_of_the_server_counts_for_every_request_that_was_due_in_it(self):
        with serving(stall_after=1.0) as server:
            done = run_load(server.server_port, "--path", "/x", "--rate", 200, "--duration", 3,
                            "--warm-up", 0, "--json")
        latency = json.loads(done.stdout)["latency"]
        # A third of all were due in that second; a closed loop would have seen four slow ones.
        self.assertGreater(latency["max"], STALL_SECONDS * 1000 * 0.9)
        self.assertGreater(latency["p90"], STALL_SECONDS * 1000 * 0.4)
        self.assertEqual(latency["count"], 600)

    def test_so_many_requests_are_sent_as_were_asked_for(self):
        with serving() as server:
            done = run_load(server.server_port, "--path", "/x", "--requests", 101, "--batch", 8,
                            "--threads", 2, "--json")
            self.assertEqual(len(server.paths), 101)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["answers"], 101)

    def test_what_timed_out_counts_with_its_waiting_and_is_no_answer(self):
        with serving(answers=Slowest) as server:
            arguments = ["--path", "/x", "--requests", 8, "--timeout-ms", 300, "--duration", 20]
            done = run_load(server.server_port, *arguments, "--json")
            table = run_load(server.server_port, *arguments).stdout
        figures = json.loads(done.stdout)
        self.assertEqual((done.returncode, figures["timeouts"], figures["answers"]), (1, 8, 0))
        for latency in (figures["latency"], figures["routes"]["path"]):
            self.assertEqual((latency["count"], latency["answers"]), (8, 0))
            self.assertGreaterEqual(latency["p50"], 300)
        self.assertRegex(table, r"(?m)^\| path \| 0 \|")
        self.assertRegex(table, r"(?m)^timed out .* in the latency$")

    def test_a_run_that_is_stopped_waits_for_its_answers_and_succeeds(self):
        with serving(answers=Slow) as server:
            code, figures, seconds = stopped_load(server)
        self.assertEqual((code, figures["errors"], figures["abandoned"]), (0, 0, 0))
        self.assertEqual(figures["answers"], figures["answersInAll"])
        self.assertGreaterEqual(figures["answers"], 4)
        self.assertLess(seconds, 2)

    def test_a_run_that_is_stopped_waits_a_second_and_counts_nothing_as_timed_out(self):
        with serving(answers=Slowest) as server:
            code, figures, seconds = stopped_load(server, "--timeout-ms", 20_000)
        self.assertEqual((figures["timeouts"], figures["errors"], figures["abandoned"]), (0, 0, 4))
        self.assertEqual((code, figures["answers"]), (1, 0), "not one answer is no success")
        self.assertLess(seconds, 3)

    def test_a_rate_sends_whole_batches(self):
        with serving(answers=Batched) as server:
            done = run_load(server.server_port, "--path", "/x", "--rate", 500, "--batch", 125,
                            "--duration", 2, "--warm-up", 0, "--json")
            batches = list(server.batches)
        figures = json.loads(done.stdout)
        self.assertEqual([count for _, count in batches], [125] * 8)
        gaps = [after - before for (before, _), (after, _) in zip(batches, batches[1:])]
        self.assertGreater(min(gaps), 0.15, "a batch is due every 250 ms")
        self.assertEqual(figures["answers"], 1000)
        self.assertAlmostEqual(figures["perSecond"], 500, delta=50)

    def test_too_many_errors_or_refusals_fail_the_run_and_a_bound_allows_them(self):
        with serving() as server:
            def code(status, *arguments):
                return run_load(server.server_port, "--path", f"/status/{status}",
                                "--requests", 20, *arguments).returncode
            self.assertEqual(code(500), 1)
            self.assertEqual(code(404), 1)
            self.assertEqual(code(429), 1)
            self.assertEqual(code(500, "--max-error-share", 1), 0)
            self.assertEqual(code(503, "--max-throttled-share", 1), 0)

    def test_the_wait_for_a_connection_is_told_apart_from_the_answers_time(self):
        with serving(answers=Slow) as server:
            done = run_load(server.server_port, "--path", "/status/429", "--rate", 10,
                            "--connections", 1, "--duration", 2, "--warm-up", 0, "--json",
                            "--max-throttled-share", 1)
        figures = json.loads(done.stdout)
        refusals, sent = figures["refusals"], figures["refusalsFromSending"]
        self.assertEqual(refusals["count"], sent["count"])
        # One connection answers a third of what is due: the last wait longest, all for it.
        self.assertGreater(refusals["max"], 3 * Slow.seconds * 1000)
        self.assertGreaterEqual(sent["p50"], Slow.seconds * 1000 * 0.9)
        self.assertLess(sent["p50"], refusals["p50"])

    def test_wrong_usage_is_64_and_nobody_there_is_69(self):
        self.assertEqual(run_load(1, "--path", "nonsense").returncode, 64)
        self.assertEqual(run_load(1, "--mix", "a=b").returncode, 64)
        done = run_load(service.free_port(), "--path", "/x")
        self.assertEqual(done.returncode, 69)
        self.assertIn("start svc-index", done.stderr)

    def test_options_beyond_what_can_be_done_are_refused_with_a_sentence(self):
        for option, value, allowed in [
            ("--rate", "1e-12", "0.001 to 10,000,000"), ("--rate", "1e9", "0.001 to 10,000,000"),
            ("--rate", "nan", "0.001 to 10,000,000"), ("--connections", 10**9, "1 to 60,000"),
            ("--threads", 60_000, "1 to 256"), ("--batch", 0, "1 to 10,000"),
            ("--requests", 0, "1 to 1,000,000,000"), ("--duration", "inf", "0.001 to 1,000,000"),
            ("--timeout-ms", 0, "1 to 1,000,000"), ("--warm-up", "1e300", "0 to 1,000,000"),
            ("--fresh", 1.5, "0 to 1"),
        ]:
            with self.subTest(option=option, value=value):
                done = run_load(1, "--path", "/x", option, value)
                self.assertEqual(done.returncode, 64)
                self.assertIn(f"{option} must be {allowed}.", done.stderr)
        done = run_load(1, "--path", "/x", "--connections", 60_000, "--batch", 10_000)
        self.assertEqual(done.returncode, 64)
        self.assertIn("--connections times --batch must be 1,000,000 at most.", done.stderr)

    def test_connections_have_their_files_or_it_says_that_they_may_not(self):
        with serving() as server:
            def run(hard):
                return run_load(server.server_port, "--path", "/x", "--requests", 100,
                                "--connections", 100, preexec_fn=allow_files(64, hard))
            done = run(hard=64)
            self.assertEqual(done.returncode, 64)
            self.assertIn("--connections 100 needs 133 open files, and 64 are allowed: ask for "
                          "fewer, or raise `ulimit -Hn`.", done.stderr)
            self.assertEqual(run(hard=133).returncode, 0)

    def test_millions_of_requests_that_were_never_sent_are_counted_at_once(self):
        with serving() as server:
            began = time.monotonic()
            done = run_load(server.server_port, "--path", "/x", "--rate", 1e7, "--duration", 3,
                            "--warm-up", 0, "--json")
            took = time.monotonic() - began
        figures = json.loads(done.stdout)
        self.assertEqual(figures["answers"] + figures["unsent"], 30_000_000)
        self.assertEqual(figures["latency"]["count"], 30_000_000)
        self.assertAlmostEqual(figures["latency"]["max"], 3000, delta=50)
        self.assertLess(took, 6)

    def test_connections_that_the_server_closes_while_they_think_are_opened_anew(self):
        with serving(answers=ShortIdle) as server:
            done = run_load(server.server_port, "--path", "/x", "--rate", 60, "--think-ms", 120,
                            "--duration", 3, "--warm-up", 0, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(json.loads(done.stdout)["answers"], 40)

    def resends(self, answers, *arguments):
        """(exit code, figures, how often the server closed on a request) of 100 requests."""
        with serving(answers=answers) as server:
            done = run_load(server.server_port, "--path", "/x", "--requests", 100, "--json",
                            "--duration", 20, "--warm-up", 0, *arguments)
            return done.returncode, json.loads(done.stdout), server.cuts

    def test_a_request_into_a_closing_connection_is_sent_once_more_and_no_error(self):
        code, figures, cuts = self.resends(Cutting)
        self.assertEqual((code, figures["answers"], figures["errors"]), (0, 100, 0))
        self.assertEqual(figures["resent"], cuts)
        self.assertGreaterEqual(cuts, 12)
        code, figures, cuts = self.resends(Cutting, "--batch", 4)
        self.assertEqual((code, figures["answers"], figures["errors"]), (0, 100, 0))
        self.assertGreaterEqual(figures["resent"], cuts)

    def test_a_server_that_always_closes_has_every_request_twice_and_then_it_is_an_error(self):
        code, figures, cuts = self.resends(Refusing)
        self.assertEqual((code, figures["answers"], figures["errors"]), (1, 0, 100))
        self.assertEqual((figures["resent"], cuts), (100, 200))

    def test_an_answer_that_breaks_off_is_an_error_and_not_asked_for_again(self):
        code, figures, cuts = self.resends(Stopping)
        self.assertEqual((code, figures["errors"], figures["resent"], cuts), (1, 100, 0, 100))

    def test_the_text_says_how_many_were_sent_again(self):
        with serving(answers=Cutting) as server:
            done = run_load(server.server_port, "--path", "/x", "--requests", 100)
        self.assertRegex(done.stdout, r"(?m)^resent +\d+ requests")

    def test_adaptive_runs_slow_down_when_they_are_refused_or_answered_with_a_fault(self):
        for status in (429, 500, 503):
            with self.subTest(status=status), serving() as server:
                run_load(server.server_port, "--path", f"/status/{status}", "--duration", 1,
                         "--adaptive")
                # Four connections whose pauses double from 10 ms: a handful of requests each.
                self.assertLess(len(server.paths), 60)

    def test_a_service_that_hangs_is_no_success(self):
        with serving(stall_after=0.5) as server:
            done = run_load(server.server_port, "--path", "/x", "--rate", 500, "--connections", 2,
                            "--duration", 1, "--warm-up", 0, "--json")
            self.assertEqual(done.returncode, 1)
            self.assertIn("never sent is above --max-unsent-share 0.01", done.stderr)
            figures = json.loads(done.stdout)
            self.assertEqual(figures["errors"], 0)
            share = figures["unsent"] / (figures["unsent"] + figures["answers"])
            self.assertAlmostEqual(figures["unsentShare"], share)


if __name__ == "__main__":
    unittest.main()
