"""Puts the tables of a run into PERFORMANCE.md, between the marks that name them.

    <!-- kit: matrix -->
    what the part `matrix` of the kit found
    <!-- kit: end -->
"""

import re
import textwrap

from . import explain, report
from .bench_run import KitError

MARK = re.compile(r"<!-- kit: ([a-z-]+) -->\n.*?<!-- kit: end -->", re.DOTALL)
# What `svc-index version` says of its source.
BUILD = re.compile(r"commit ([0-9a-f]{7,40})")


def folded(markdown):
    """The same with lines of at most 100 columns, but for tables."""
    return "\n".join(
        line if line.startswith("|") else textwrap.fill(line, 100)
        for line in markdown.split("\n")
    )


def require_whole(folder, part, data):
    """Fails where rows could not be measured: the page's table has them."""
    lacking = data.get("skipped", [])
    if lacking:
        raise KitError(f"{folder}/{part}.json lacks what could not be measured "
                       f"({'; '.join(lacking)}): measure {part} again with that mended, or remove "
                       "the file to publish the rest")


def publish(folder, page):
    """Replaces the tables of the parts that a run made; says which it had no place for."""
    found = report.read(folder)
    for part, data in found.items():
        with report.reading(folder, part):
            require_whole(folder, part, data)
            # Rows that cannot be explained were not measured whole.
            if data.get("rows") and part in explain.EXPLAINERS:
                list(explain.EXPLAINERS[part](data))
    placed = []

    def table(mark):
        part = mark.group(1)
        if part not in found:
            return mark.group(0)
        placed.append(part)
        with report.reading(folder, part):
            facts = found[part].get("facts", {})
            load = facts.get("load_average_before", 0)
            build = BUILD.search(facts.get("version", ""))
            of = f"Build {build.group(1)}; load" if build else "Load"
            return (f"<!-- kit: {part} -->\n{folded(found[part]['markdown'])}\n\n"
                    f"{of} average before the run: {load:.1f}.\n<!-- kit: end -->")

    page.write_text(MARK.sub(table, page.read_text()))
    rest = [part for part in found if part not in placed]
    said = f"{page.name}: {', '.join(placed) or 'nothing'} replaced"
    return said + (f"; no place for {', '.join(rest)}" if rest else "")
