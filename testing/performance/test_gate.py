"""Rules of the gate and of the plots. Run: python3 -m unittest discover -s testing/performance."""

import contextlib
import datetime
import http.server
import io
import json
import tempfile
import threading
import unittest
import unittest.mock
import xml.dom.minidom
from pathlib import Path

import gate
from perfkit import checks, counted, gate_figures, labels, plots, report
from perfkit.bench_run import KitError

TODAY = datetime.date.today()


def make_figures(**changes):
    """Figures that are exactly their baselines, but for changes (dashes as underscores)."""
    figures = {check.name: 10.0 for check in checks.CHECKS}
    return figures | {name.replace("_", "-"): value for name, value in changes.items()}


class Gate(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)
        for check in checks.CHECKS:
            (self.folder / f"{check.name}.txt").write_text("10\n")

    def run_gate(self, figures):
        """(exit code, printed text) of the program itself on planted figures."""
        planted = self.folder / "figures.json"
        planted.write_text(json.dumps(figures))
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = gate.main(["--figures", str(planted), "--baselines", str(self.folder)])
        return code, printed.getvalue()

    def waive(self, check, expires):
        (self.folder / "waivers.toml").write_text(
            f'[[waiver]]\ncheck = "{check}"\nowner = "o"\nreason = "r"\nexpires = {expires}\n'
        )

    def test_figures_like_their_baselines_pass(self):
        self.assertEqual(self.run_gate(make_figures())[0], 0)

    def test_figures_that_nobody_measures_are_refused(self):
        for name in ("../escape", "no-such-check"):
            code, text = self.run_gate({name: 1})
            self.assertEqual(code, 1)
            self.assertIn("figures.json is no object of the gate's figures", text)

    def test_what_is_no_number_holds_against_nothing(self):
        for odd in (True, None, "text", [1]):
            code, text = self.run_gate(make_figures(http_hit_allocations=odd))
            self.assertEqual(code, 1)
            self.assertIn("FAILED http-hit-allocations", text)

    def test_what_cannot_be_written_is_told_before_anything_is_measured(self):
        file = self.folder / "file"
        file.touch()
        here = ["--baselines", str(self.folder)]
        for options in ([*here, "--json", str(self.folder)],
                        ["--write-baselines", "--baselines", str(file / "below")],
                        ["--baselines", str(self.folder / "missing")]):
            with self.subTest(options=options), \
                    unittest.mock.patch.object(gate, "measure") as measure, \
                    contextlib.redirect_stderr(io.StringIO()) as said:
                self.assertEqual(gate.main(options), 1)
                self.assertIn("gate: ", said.getvalue())
                measure.assert_not_called()

    def test_a_planted_regression_fails_and_is_named(self):
        for check in checks.CHECKS:
            worse = 10 * (1 - check.tolerance) if check.direction == checks.HIGHER else \
                10 * (1 + check.tolerance)
            worse += -0.01 if check.direction == checks.HIGHER else 0.01
            code, text = self.run_gate(make_figures(**{check.name.replace("-", "_"): worse}))
            self.assertEqual(code, 1, check.name)
            self.assertIn(f"FAILED {check.name}", text)
            self.assertEqual(text.count("FAILED"), 1, check.name)

    def test_what_is_within_its_tolerance_or_better_passes(self):
        figures = make_figures(ram_hit_cpu_to_nginx=10.9, ram_hit_throughput_to_nginx=30,
                               http_hit_allocations=9.95)
        self.assertEqual(self.run_gate(figures)[0], 0)

    def test_nothing_counted_and_what_is_no_number_are_not_figures(self):
        for check in checks.CHECKS:
            for nothing in (0, -1, float("nan"), float("inf"), "10"):
                figures = make_figures(**{check.name.replace("-", "_"): nothing})
                code, text = self.run_gate(figures)
                self.assertEqual(code, 1, f"{check.name} {nothing}")
                self.assertIn(f"FAILED {check.name}", text)

    def test_a_count_that_became_better_wants_to_be_pinned(self):
        code, text = self.run_gate(make_figures(http_hit_instructions=9.8))
        self.assertEqual(code, 1)
        self.assertIn("pin it", text)

    def test_a_baseline_that_is_no_number_is_named(self):
        (self.folder / "resident-idle-kib.txt").write_text("inf\n")
        code, text = self.run_gate(make_figures())
        self.assertEqual(code, 1)
        self.assertIn("resident-idle-kib.txt", text)

    def test_an_exact_figure_that_became_better_fails_too(self):
        self.assertEqual(self.run_gate(make_figures(simulate_hedged_p95_ms=9.99))[0], 1)

    def test_of_several_attempts_the_best_counts_and_no_attempt_hides_a_regression(self):
        baselines = {check.name: 10.0 for check in checks.CHECKS}
        slow = {"ram-hit-cpu-to-nginx": 12.0, "ram-hit-throughput-to-nginx": 8.0}
        self.assertEqual(set(checks.failing(slow, baselines)), set(slow))
        better = checks.best(slow, {"ram-hit-cpu-to-nginx": 13.0,
                                    "ram-hit-throughput-to-nginx": 11.0})
        self.assertEqual(better, {"ram-hit-cpu-to-nginx": 12.0,
                                  "ram-hit-throughput-to-nginx": 11.0})
        self.assertEqual(checks.failing(better, baselines), ["ram-hit-cpu-to-nginx"])

    def test_a_waiver_covers_its_check_until_its_day(self):
        figures = make_figures(ram_hit_cpu_to_nginx=20)
        self.waive("ram-hit-cpu-to-nginx", TODAY)
        code, text = self.run_gate(figures)
        self.assertEqual(code, 0)
        self.assertIn("waived until", text)
        self.waive("resident-idle-kib", TODAY)
        self.assertEqual(self.run_gate(figures)[0], 1, "a waiver covers nothing else")

    def test_an_expired_waiver_fails_even_when_its_check_holds(self):
        self.waive("ram-hit-cpu-to-nginx", TODAY - datetime.timedelta(days=1))
        code, text = self.run_gate(make_figures())
        self.assertEqual(code, 1)
        self.assertIn("ended on", text)

    def test_a_waiver_without_owner_or_for_no_check_fails(self):
        self.waive("no-such-check", TODAY)
        self.assertEqual(self.run_gate(make_figures())[0], 1)
        (self.folder / "waivers.toml").write_text('[[waiver]]\ncheck = "resident-idle-kib"\n')
        code, text = self.run_gate(make_figures())
        self.assertEqual(code, 1)
        self.assertIn("lacks", text)

    def refuse(self, text):
        """What the gate prints of a waivers.toml that it refuses, before it measures."""
        (self.folder / "waivers.toml").write_text(text)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            with unittest.mock.patch("gate.measure") as measure:
                self.assertEqual(gate.main(["--baselines", str(self.folder)]), 1, text)
        measure.assert_not_called()
        self.assertRegex(printed.getvalue(), r"\Agate: \S*waivers\.toml: [^\n]*\n\Z")
        return printed.getvalue()

    def test_mistakes_in_the_file_of_waivers_are_told_before_anything_is_measured(self):
        self.assertIn("is no TOML", self.refuse("waiver = ["))
        self.assertIn("[[waiver]]", self.refuse("waiver = [1]"))
        self.assertIn("[[waiver]]", self.refuse("waiver = 1"))
        self.assertIn("lacks owner, reason", self.refuse('[[waiver]]\ncheck="c"\nexpires=""'))
        waiver = f'[[waiver]]\ncheck="c"\nowner="o"\nreason="r"\nexpires={TODAY}\n'
        self.assertIn("has until, by;", self.refuse(waiver + "until=1\nby=2\n"))

    def test_a_baseline_without_a_check_is_named(self):
        (self.folder / "resident-idle-mib.txt").write_text("44\n")
        code, text = self.run_gate(make_figures())
        self.assertEqual(code, 1)
        self.assertRegex(text, "resident-idle-mib.txt: no check has that name: remove")

    def test_a_waiver_without_words_without_end_or_misspelt_fails(self):
        waiver = 'check = "resident-idle-kib"\nowner = "o"\nreason = "r"\n'
        wordless = waiver.replace('"r"', '" "')
        for text in (f"[[waiver]]\n{waiver}expires = 9999-01-01\n",
                     f"[[waiver]]\n{wordless}expires = {TODAY}\n",
                     f"[[waivers]]\n{waiver}expires = {TODAY}\n"):
            (self.folder / "waivers.toml").write_text(text)
            self.assertEqual(self.run_gate(make_figures())[0], 1, text)

    def test_a_figure_or_baseline_that_is_missing_fails(self):
        figures = make_figures()
        del figures["cache-hit-allocations"]
        self.assertEqual(self.run_gate(figures)[0], 1)
        (self.folder / "cache-hit-allocations.txt").unlink()
        self.assertEqual(self.run_gate(make_figures())[0], 1)

    def test_the_repository_has_a_baseline_for_every_check_and_no_other(self):
        names = {check.name for check in checks.CHECKS}
        self.assertEqual(set(checks.read_baselines(gate.BASELINES)), names)
        self.assertIsInstance(checks.read_waivers(gate.BASELINES / "waivers.toml"), list)

    def test_what_a_quiet_machine_reached_beside_nginx_is_the_baseline_and_not_less(self):
        pinned = checks.read_baselines(gate.BASELINES)
        reached = {"ram-hit-throughput-to-nginx": 1.21, "ram-hit-cpu-to-nginx": 0.85,
                   "ram-hit-p95-to-nginx": 0.93}
        lost = {"ram-hit-throughput-to-nginx": 1.05, "ram-hit-cpu-to-nginx": 1.05,
                "ram-hit-p95-to-nginx": 1.15}
        self.assertEqual(checks.failing(reached, pinned), [])
        self.assertEqual(set(checks.failing(lost, pinned)), set(lost))

    def test_where_code_is_slow_other_baselines_hold_and_are_written(self):
        name = "ram-hit-cpu-to-nginx"
        (self.folder / f"{name}{checks.SLOW}.txt").write_text("15\n")
        usual = checks.read_baselines(self.folder)
        slow = checks.read_baselines(self.folder, is_slow=True)
        self.assertEqual(slow, usual | {name: 15})
        self.assertEqual(checks.failing({name: 16}, usual), [name])
        self.assertEqual(checks.failing({name: 16}, slow), [])
        self.assertEqual(checks.failing({name: 18}, slow), [name])
        gate_figures.write_baselines({name: 14, "resident-idle-kib": 1}, self.folder, True)
        self.assertEqual(checks.read_baselines(self.folder), usual | {"resident-idle-kib": 1})
        self.assertEqual(checks.read_baselines(self.folder, True)[name], 14)

    def test_every_measurement_makes_a_check_and_every_check_has_a_measurement(self):
        self.assertEqual({check.part for check in checks.CHECKS}, set(gate_figures.PARTS))


class SystemCalls(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.log = Path(holder.name) / "strace"

    def test_the_total_of_all_calls_is_what_counts(self):
        self.log.write_text("    calls syscall\n--------- ----------------\n"
                            "     6213 read\n--------- ----------------\n    20233 total\n")
        self.assertEqual(counted.calls_in(self.log, 0), 20233)

    def test_a_total_that_comes_a_moment_later_is_waited_for(self):
        late = threading.Timer(0.2, self.log.write_text, ["       12 total\n"])
        late.start()
        self.addCleanup(late.join)
        self.assertEqual(counted.calls_in(self.log), 12)

    def test_a_tracer_that_counted_nothing_is_an_error_that_says_what_it_said(self):
        with self.assertRaisesRegex(KitError, "its log is empty"):
            counted.calls_in(self.log, 0)
        self.log.write_text("strace: not permitted\n")
        with self.assertRaisesRegex(KitError, "not permitted"):
            counted.calls_in(self.log, 0)


class Labels(unittest.TestCase):
    def test_requests_are_of_every_kind_and_none_is_the_same_for_two_numbers(self):
        for kind in labels.KINDS:
            asked = {kind.of(number) for number in range(100)}
            if kind.path not in ("/admin/purge", "/admin/reindex", "/admin/pin", "/admin/unpin"):
                asked = {(method, path) for method, path, _ in asked}
            self.assertEqual(len(asked), 100, kind)
        routes = {kind.path.split("/")[1] for kind in labels.KINDS}
        self.assertLessEqual({"resolve", "providers", "manifests", "admin"}, routes)
        self.assertEqual(len(labels.key_name(bytes(32))), 52)

    def test_admin_routes_are_asked_with_the_token_and_once_without(self):
        admin = [kind for kind in labels.KINDS if kind.path.startswith("/admin/")]
        self.assertEqual([kind.status for kind in admin if not kind.token], [401])
        self.assertLessEqual({200, 201, 202, 204}, {kind.status for kind in admin})

    def test_a_service_that_says_400_to_everything_fails(self):
        seen = []

        class Refusing(http.server.BaseHTTPRequestHandler):
            def __getattr__(self, name):
                return self.refuse if name.startswith("do_") else self.missing(name)

            def missing(self, name):
                raise AttributeError(name)

            def refuse(self):
                seen.append(self.headers.get("Authorization"))
                self.send_response(400)
                self.end_headers()

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Refusing) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            found = labels.ask(server.server_port, "secret", range(2))
            server.shutdown()
        self.assertEqual(seen.count("Bearer secret"), 2 * sum(kind.token for kind in labels.KINDS))
        self.assertTrue(all(counts == {400: 2} for counts in found.values()), found)
        with self.assertRaisesRegex(KitError, "PUT /admin/names/label-N was {400: 2} and not 201"):
            labels.require_expected(found)
        labels.require_expected({kind: {kind.status: 2} for kind in labels.KINDS})


class Plots(unittest.TestCase):
    def test_plots_are_well_formed_whatever_the_names(self):
        points = [[0, 0.0], [50, 0.2], [99, 3.0], [100, 40.0]]
        for drawn in (plots.percentile_plot("a < b & c", {"<x>": points, "empty": []}),
                      plots.bar_plot("a & b", "requests/s", {"<x>": 5.0, "none": 0}),
                      plots.bar_plot("nothing", "x", {}),
                      plots.growth_plot("a & b", "<x>", {"<y>": [[10, 1.0]], "empty": []}),
                      plots.growth_plot("nothing", "x", {})):
            xml.dom.minidom.parseString(drawn)

    def test_what_grows_with_the_logarithm_is_a_straight_line(self):
        drawn = plots.growth_plot("growth", "names", {"p95": [[10**n, n] for n in (4, 5, 6)]})
        line = xml.dom.minidom.parseString(drawn).getElementsByTagName("polyline")[0]
        points = [[float(number) for number in pair.split(",")]
                  for pair in line.getAttribute("points").split()]
        (x1, y1), (x2, y2), (x3, y3) = points
        self.assertAlmostEqual(x2 - x1, x3 - x2, delta=0.2)
        self.assertAlmostEqual(y2 - y1, y3 - y2, delta=0.2)
        self.assertLess(y3, y1, "more is further up")

    def test_the_report_plots_import_memory_p95_and_start_by_number_of_names(self):
        rows = [{"names": names, "import_rate": 50_000, "after_mib": 60, "p95": 1.5,
                 "ready_ms": 90} for names in (10_000, 100_000)]
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            data = {"rows": rows, "markdown": "| a |"}
            (folder / "scale.json").write_text(json.dumps(data))
            self.assertIn("(scale.svg)", report.write(folder).read_text())
            drawn = xml.dom.minidom.parse(str(folder / "scale.svg"))
        self.assertEqual(len(drawn.getElementsByTagName("polyline")), 4)
        self.assertEqual(len(drawn.getElementsByTagName("circle")), 8)


if __name__ == "__main__":
    unittest.main()
