"""One page with tables and plots out of the JSON files of a run's folder."""

import contextlib
import json

from . import plots
from .bench_run import KitError

TITLES = {
    "verify": "The generator beside wrk", "compare": "Beside nginx, Varnish and OpenDHT",
    "tails": "Latency beside nginx",
    "matrix": "Throughput and latency by configuration", "dedup": "Concurrent deduplication",
    "memory": "Memory", "overload": "Misses beyond capacity", "spill": "Answers out of the spill",
    "scale": "Growth with the number of names", "in-process": "A hit in process",
    "hit-profile": "Where a hit's time goes",
    "profiles": "Loads by profile", "load": "Loads by profile",
}


def read(folder):
    """{part: what it found} of the parts that a run made; none at all is an error."""
    found = {part: read_part(folder / f"{part}.json") for part in TITLES
             if (folder / f"{part}.json").exists()}
    if not found:
        raise KitError(f"{folder} has no figures: give the folder of a run, artifacts/perf/<time>")
    return found


def read_part(path):
    try:
        data = json.loads(path.read_text())
    except ValueError as error:
        raise KitError(f"{path} is no JSON ({error}): measure it again") from None
    with reading(path.parent, path.stem):
        # Every part has a table, and what is plotted or explained is numbers.
        data["markdown"].encode()
    return data


@contextlib.contextmanager
def reading(folder, part):
    """Makes an error of what is not there, or is no number, in the figures of a part."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ArithmeticError, ValueError) as error:
        raise KitError(f"{folder}/{part}.json is not what the kit writes "
                       f"({type(error).__name__}: {error}): measure it again") from None


def series(part, rows):
    label = {"compare": "server", "matrix": "configuration"}.get(part, "profile")
    return {row[label]: row["spectrum"] for row in rows if row.get("spectrum")}


def bars(part, rows):
    label = {"compare": "server", "matrix": "configuration"}[part]
    return {row[label]: row["per_second"] for row in rows}


def growth(rows):
    """{what: [[names, value], …]} of the rows of `scale`."""
    panels = {
        "import, names a second": "import_rate", "resident after the load, MiB": "after_mib",
        "p95 at a fixed rate, ms": "p95", "start to ready, ms": "ready_ms",
    }
    return {title: [[row["names"], row[key]] for row in rows] for title, key in panels.items()}


def section(folder, part, data):
    """The lines of a part, whose plots are written beside them."""
    lines = ["", f"## {TITLES[part]}", "", data["markdown"]]
    rows = data.get("rows", [])
    if part in ("compare", "matrix", "profiles", "load") and rows:
        name = f"{part}-latency.svg"
        (folder / name).write_text(plots.percentile_plot(TITLES[part], series(part, rows)))
        lines += ["", f"![latency by percentile]({name})"]
    if part in ("compare", "matrix") and rows:
        name = f"{part}-throughput.svg"
        plot = plots.bar_plot(TITLES[part], "requests/s", bars(part, rows))
        (folder / name).write_text(plot)
        lines += ["", f"![requests per second]({name})"]
    if part == "scale" and rows:
        plot = plots.growth_plot(TITLES[part], "names", growth(rows))
        (folder / "scale.svg").write_text(plot)
        lines += ["", "![growth with the number of names](scale.svg)"]
    commands = [command for row in rows for command in row.get("commands", [])]
    if commands:
        lines += ["", "```text", *dict.fromkeys(commands), "```"]
    return lines


def write(folder):
    """Writes report.md and its plots; returns the page's path."""
    found = read(folder)
    lines = ["# Performance run", ""]
    first = next(iter(found))
    with reading(folder, first):
        for key, value in found[first].get("facts", {}).items():
            lines.append(f"- {key.replace('_', ' ')}: {value}")
    for part, data in found.items():
        with reading(folder, part):
            lines += section(folder, part, data)
    page = folder / "report.md"
    page.write_text("\n".join(lines) + "\n")
    return page
