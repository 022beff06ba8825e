"""The gate's rules, apart from measuring: figures, baselines and waivers in, verdicts out."""

import dataclasses
import datetime
import json
import math
import tomllib
from pathlib import Path

EXACT, LOWER, HIGHER = "exact", "lower is better", "higher is better"
# Counts: what becomes better is pinned, or the way back to what it was would not be seen.
STEADY = "no other"
LONGEST_WAIVER = datetime.timedelta(days=92)
# Ends the name of a baseline that holds in place of the other one where code runs slowly.
SLOW = "-where-code-is-slow"
WAIVER_FIELDS = ("check", "owner", "reason", "expires")


@dataclasses.dataclass(frozen=True)
class Check:
    """One figure: which way it may go, by which share, and what to do when it does not hold.

    `part` is the measurement of `gate_figures` that makes it.
    """

    part: str
    name: str
    direction: str
    tolerance: float
    advice: str


SIMULATED = "the lookup behaves otherwise: if that is meant, pin the new figures and say why"
CHECKS = [
    *(Check("simulate", f"simulate-{beta}-{figure}", EXACT, 0, SIMULATED)
      for beta in ("without-hedging", "hedged") for figure in ("p50-ms", "p95-ms", "queries")),
    Check("beside-nginx", "ram-hit-throughput-to-nginx", HIGHER, 0.10,
          "compare http-hit-instructions first"),
    Check("beside-nginx", "ram-hit-cpu-to-nginx", LOWER, 0.15,
          "the hit path does more: `perf record -g`"),
    Check("beside-nginx", "ram-hit-p95-to-nginx", LOWER, 0.10, "something holds up an event loop"),
    Check("resident", "resident-idle-kib", LOWER, 0.15,
          "what is new at the start: `svc-index config print`"),
    Check("resident", "resident-per-answer-bytes", LOWER, 0.15, "an answer or its key has grown"),
    Check("allocations", "cache-hit-allocations", EXACT, 0,
          "a hit in ShardedCache must not allocate"),
    Check("resolver-hits", "resolver-hit-allocations", EXACT, 0,
          "what lies between a parsed question and its answer's bytes must not allocate: heaptrack "
          "on hit-probe"),
    Check("instructions", "cache-hit-instructions", STEADY, 0.01,
          "callgrind_annotate cache-probe says where"),
    Check("http-instructions", "http-hit-instructions", STEADY, 0.01,
          "the hit path does more: `valgrind --tool=callgrind`, `perf record -g`"),
    Check("http-allocations", "http-hit-allocations", STEADY, 0.01,
          "the hit path allocates more: heaptrack, ltrace"),
    Check("system-calls", "http-hit-system-calls", STEADY, 0.03,
          "`strace -f -c` on the service, two runs: which call is there more than once a hit"),
    Check("labels", "metrics-new-label-values", EXACT, 0, "something of a request became a label"),
]


@dataclasses.dataclass(frozen=True)
class Waiver:
    """Lets one check fail until a day, for a reason, on somebody's word."""

    check: str
    owner: str
    reason: str
    expires: datetime.date


@dataclasses.dataclass(frozen=True)
class Verdict:
    name: str
    holds: bool
    text: str


def read_figures(path):
    """{name: number} as --json writes it, of figures that there are."""
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is no JSON: {error}") from None
    known = {check.name for check in CHECKS}
    if not isinstance(found, dict) or not known.issuperset(found):
        raise ValueError(f"{path} is no object of the gate's figures, as --json writes it")
    # What is no number holds against no baseline.
    return {name: value if type(value) in (int, float) else math.nan
            for name, value in found.items()}


def read_baselines(folder, is_slow=False):
    """{check: number} of the files in a folder, one number a file; else a ValueError."""
    if not Path(folder).is_dir():
        raise ValueError(f"{folder} is no folder: give --baselines, or --write-baselines too")
    baselines, names = {}, {check.name for check in CHECKS}
    for path in Path(folder).glob("*.txt"):
        if path.stem.removesuffix(SLOW) not in names:
            raise ValueError(f"{path}: no check has that name: remove the file, or rename it")
        try:
            baselines[path.stem] = float(path.read_text())
        except ValueError:
            baselines[path.stem] = math.nan
        if not 0 <= baselines[path.stem] < math.inf:
            raise ValueError(f"{path}: is not a number of at least zero")
    slow = {name: baselines.pop(name) for name in list(baselines) if name.endswith(SLOW)}
    if is_slow:
        baselines |= {name.removesuffix(SLOW): number for name, number in slow.items()}
    return baselines


def read_waivers(path):
    """The waivers of a TOML file; a mistake in it is a ValueError that names it."""
    if not Path(path).exists():
        return []
    try:
        document = tomllib.loads(Path(path).read_text())
    except ValueError as error:
        raise ValueError(f"{path}: is no TOML: {error}") from None
    entries = document.pop("waiver", [])
    if document or not isinstance(entries, list) or not all(
            isinstance(entry, dict) for entry in entries):
        raise ValueError(f"{path}: has something else than [[waiver]]: write each as a table "
                         f"with {', '.join(WAIVER_FIELDS)}")
    return [waiver_of(entry, path) for entry in entries]


def waiver_of(entry, path):
    lacking = [key for key in WAIVER_FIELDS if key not in entry]
    if lacking:
        raise ValueError(f"{path}: a waiver lacks {', '.join(lacking)}")
    unknown = [key for key in entry if key not in WAIVER_FIELDS]
    if unknown:
        raise ValueError(f"{path}: a waiver has {', '.join(unknown)}; "
                         f"its fields are {', '.join(WAIVER_FIELDS)}")
    if type(entry["expires"]) is not datetime.date:
        raise ValueError(f"{path}: expires is a date like 2026-12-31, without quotes")
    if not all(isinstance(entry[key], str) and entry[key].strip()
               for key in ("check", "owner", "reason")):
        raise ValueError(f"{path}: check, owner and reason are text, and not empty")
    return Waiver(**entry)


def is_measured(value, baseline):
    """Whether a figure can be one: nothing but a baseline of zero makes zero of anything."""
    return isinstance(value, (int, float)) and math.isfinite(value) and (
        value > 0 or baseline == 0)


def within(check, value, baseline):
    """Whether a figure is as good as its baseline, the tolerance allowed."""
    if not is_measured(value, baseline):
        return False
    if check.direction == EXACT:
        return value == baseline
    if check.direction == STEADY:
        return abs(value - baseline) <= baseline * check.tolerance
    if check.direction == LOWER:
        return value <= baseline * (1 + check.tolerance)
    return value >= baseline * (1 - check.tolerance)


def failing(figures, baselines):
    """The names of figures that are worse than their baselines allow."""
    return [check.name for check in CHECKS
            if check.name in figures and check.name in baselines
            and not within(check, figures[check.name], baselines[check.name])]


def best(figures, others):
    """Of each figure of two measurements the better one."""
    chosen = figures | others
    for check in CHECKS:
        if check.name in figures and check.name in others:
            better = max if check.direction == HIGHER else min
            chosen[check.name] = better(figures[check.name], others[check.name])
    return chosen


def judge(measured, baselines, waivers, today, checks=None):
    """A verdict for every check and every waiver that is no longer one."""
    checks = CHECKS if checks is None else checks
    verdicts = []
    valid = {waiver.check: waiver for waiver in waivers if waiver.expires >= today}
    for check in checks:
        value, baseline = measured.get(check.name), baselines.get(check.name)
        if baseline is None:
            text = f"no baseline: write the number into baselines/{check.name}.txt"
            verdicts.append(Verdict(check.name, False, text))
        elif value is None or not is_measured(value, baseline):
            said = "" if value is None else f", {value} is no figure"
            verdicts.append(Verdict(check.name, False, f"was not measured{said}"))
        else:
            verdicts.append(judge_one(check, value, baseline, valid.get(check.name)))
    names = {check.name for check in checks}
    for waiver in waivers:
        if waiver.expires < today:
            text = (f"the waiver of {waiver.owner} ended on {waiver.expires} ({waiver.reason}): "
                    "mend what it was for, and remove it")
            verdicts.append(Verdict(waiver.check, False, text))
        elif waiver.expires > today + LONGEST_WAIVER:
            text = f"a waiver until {waiver.expires}; {LONGEST_WAIVER.days} days are the longest"
            verdicts.append(Verdict(waiver.check, False, text))
        elif waiver.check not in names:
            verdicts.append(Verdict(waiver.check, False, "a waiver for a check that is not there"))
    return verdicts


def judge_one(check, value, baseline, waiver):
    figures = f"{value:g}, baseline {baseline:g}, {check.direction}"
    if check.tolerance:
        figures += f", {check.tolerance * 100:.0f} % allowed"
    if within(check, value, baseline):
        return Verdict(check.name, True, figures)
    if waiver is not None:
        return Verdict(check.name, True, f"{figures}; waived until {waiver.expires} by "
                                         f"{waiver.owner}: {waiver.reason}")
    if check.direction == STEADY and value < baseline:
        return Verdict(check.name, False, f"{figures}; better: pin it in baselines/")
    return Verdict(check.name, False, f"{figures}; {check.advice}")
