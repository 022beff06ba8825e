"""Values of the command line; what is none of a kind is argparse's to refuse (exit code 2)."""

import argparse
import math
from pathlib import Path


def count(text):
    """A whole number of at least 1."""
    return number(text, int, "a whole number of at least 1", lambda value: value >= 1)


def seconds(text):
    """More than nothing, up to a day."""
    return number(text, float, "seconds, more than 0 and at most 86400",
                  lambda value: 0 < value <= 86_400)


def ratio(text):
    """Something that a ratio can be compared with."""
    return number(text, float, "a number of at least 0",
                  lambda value: value >= 0 and math.isfinite(value))


def path(text):
    """A path; an empty one is a variable that is not set, and would be this folder."""
    if not text:
        raise argparse.ArgumentTypeError("an empty path is none")
    return Path(text)


def number(text, kind, what, holds):
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not holds(value):
        raise argparse.ArgumentTypeError(f"{text} is not {what}")
    return value
