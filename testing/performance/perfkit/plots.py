"""SVG plots out of nothing but the standard library: lines over percentiles,
bars, and growth with a count."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 860, 420, 70, 40, 50
COLOURS = ["#1f6fb4", "#d1495b", "#2e8b57", "#8a5fbf", "#c98a1b", "#3aa6a6", "#7a7a7a", "#9c4a1a"]
MARKS = [50, 75, 90, 95, 99, 99.9, 99.99, 99.999]


def svg(parts, height=HEIGHT):
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12">'
    )
    return "\n".join([head, f'<rect width="{WIDTH}" height="{height}" fill="white"/>', *parts,
                      "</svg>", ""])


def text(x, y, words, anchor="start", size=12):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">' \
           f"{escape(words)}</text>"


def line(x1, y1, x2, y2, colour="#ddd"):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def nines(percent):
    """Where a percentile stands on an axis on which every nine is as wide as the last."""
    return -math.log10(max(1e-5, 1 - min(percent, 99.999) / 100))


def percentile_plot(title, series):
    """`series`: {name: [[percent, milliseconds], …]}; both axes logarithmic."""
    values = [ms for points in series.values() for _, ms in points if ms > 0]
    low = 10 ** math.floor(math.log10(min(values, default=0.1)))
    high = 10 ** math.ceil(math.log10(max(values, default=1)) + 1e-9)
    high = max(high, low * 10)
    right = WIDTH - 250

    def x(percent):
        return LEFT + (right - LEFT) * nines(percent) / nines(99.999)

    def y(ms):
        share = math.log10(max(ms, low) / low) / math.log10(high / low)
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share
    parts = [text(LEFT, 22, title, size=15), text(LEFT, HEIGHT - 12, "percentile"),
             text(8, TOP - 8, "ms")]
    step = low
    while step <= high * 1.001:
        parts += [line(LEFT, y(step), right, y(step)),
                  text(LEFT - 6, y(step) + 4, f"{step:g}", "end")]
        step *= 10
    for mark in MARKS:
        parts += [line(x(mark), TOP, x(mark), HEIGHT - BOTTOM),
                  text(x(mark), HEIGHT - BOTTOM + 16, f"{mark:g}", "middle", 10)]
    for number, (name, points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x(p):.1f},{y(ms):.1f}" for p, ms in points)
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{path}"/>')
        top = TOP + 12 + 18 * number
        parts += [f'<rect x="{right + 14}" y="{top - 9}" width="10" height="10" fill="{colour}"/>',
                  text(right + 30, top, name, size=10)]
    return svg(parts)


def bar_plot(title, unit, bars):
    """`bars`: {name: value}, drawn from left to right, one below the other."""
    height = TOP + 30 * len(bars) + 20
    largest = max(bars.values(), default=1) or 1
    parts = [text(10, 22, f"{title} ({unit})", size=15)]
    for number, (name, value) in enumerate(bars.items()):
        top = TOP + 30 * number
        width = (WIDTH - 430) * value / largest
        colour = COLOURS[number % len(COLOURS)]
        parts += [text(320, top + 15, name, "end", 11),
                  f'<rect x="330" y="{top}" width="{width:.1f}" height="20" fill="{colour}"/>',
                  text(336 + width, top + 15, f"{value:,.0f}")]
    return svg(parts, height)


PANEL_WIDTH, PANEL_HEIGHT = 400, 230


def growth_plot(title, along, panels):
    """`panels`: {what: [[count, value], …]}, one small plot each, two in a row.

    The counts are on a logarithmic axis, so that what grows with the logarithm is a straight line;
    the values begin at 0.
    """
    rows = math.ceil(len(panels) / 2)
    parts = [text(10, 22, title, size=15)]
    for number, (name, points) in enumerate(panels.items()):
        left, top = 10 + PANEL_WIDTH * (number % 2), TOP + PANEL_HEIGHT * (number // 2)
        colour = COLOURS[number % len(COLOURS)]
        parts += panel(name, along, [point for point in points if point[0] > 0], left, top, colour)
    return svg(parts, TOP + PANEL_HEIGHT * rows + 10)


def panel(name, along, points, left, top, colour):
    """One plot of `growth_plot`, in a corner of its own."""
    inner, right, bottom = left + 60, left + PANEL_WIDTH - 20, top + PANEL_HEIGHT - 45
    exponents = [math.log10(count) for count, _ in points] or [0]
    low, width = min(exponents), max(max(exponents) - min(exponents), 1e-9)
    largest = max((value for _, value in points), default=0) or 1

    def x(count):
        return inner + (right - inner) * (math.log10(count) - low) / width

    def y(value):
        return bottom - (bottom - top - 20) * value / largest
    parts = [text(inner, top + 10, name, size=12), text(right, bottom + 32, along, "end", 10)]
    for share in (0, 0.5, 1):
        parts += [line(inner, y(share * largest), right, y(share * largest)),
                  text(inner - 6, y(share * largest) + 4, f"{share * largest:,.4g}", "end", 10)]
    for count, _ in points:
        parts += [line(x(count), top + 20, x(count), bottom),
                  text(x(count), bottom + 16, f"{count:,}", "middle", 10)]
    path = " ".join(f"{x(count):.1f},{y(value):.1f}" for count, value in points)
    parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{path}"/>')
    parts += [f'<circle cx="{x(count):.1f}" cy="{y(value):.1f}" r="3" fill="{colour}"/>'
              for count, value in points]
    return parts
