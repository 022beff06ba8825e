"""The parts of kit.py and gate.py: each measures one thing and returns plain data."""

import sys
from pathlib import Path

PERFORMANCE = Path(__file__).resolve().parent.parent
ROOT = PERFORMANCE.parent.parent
# The modules that tests and data of the repository share.
sys.path[:0] = [str(ROOT / "testing"), str(ROOT / "testing/data"), str(PERFORMANCE)]
