"""The gate on a service that really does more for each hit.

Run by `make test-perf`, which names the programs in PERF_BINARY and PERF_LOAD; skipped without.
"""

import contextlib
import io
import os
import shutil
import tempfile
import unittest
from pathlib import Path

import gate

BINARY, LOAD = (Path(os.environ.get(name, "")).resolve() for name in ("PERF_BINARY", "PERF_LOAD"))
COMPILER = shutil.which("clang") or shutil.which("cc")
# Whatever it is told, this service makes a line of every request, in front of its answer's end.
PLANTED = """#!/bin/bash
arguments=()
for word in "$@"; do
    [ "$word" = --log-requests=false ] || arguments+=("$word")
done
[ "$1" = serve ] && arguments+=(--log-requests=true --log-level=debug)
exec "{binary}" "${{arguments[@]}}"
"""


@unittest.skipUnless(BINARY.is_file() and LOAD.is_file() and COMPILER, "nothing to measure")
class PlantedRegression(unittest.TestCase):
    def judge(self, binary):
        """(exit code, printed text) of the gate, which counts what a hit does."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = gate.main(["--only", "http-allocations", "--only", "system-calls",
                              "--binary", str(binary), "--load", str(LOAD)])
        return code, printed.getvalue()

    def test_a_service_that_does_more_for_a_hit_fails_and_the_same_without_it_passes(self):
        code, text = self.judge(BINARY)
        self.assertEqual(code, 0, text)
        with tempfile.TemporaryDirectory() as folder:
            planted = Path(folder) / "svc-index"
            planted.write_text(PLANTED.format(binary=BINARY.resolve()))
            planted.chmod(0o755)
            code, text = self.judge(planted)
        self.assertEqual(code, 1, text)
        self.assertIn("FAILED http-hit-allocations", text)
        self.assertIn("FAILED http-hit-system-calls", text)


if __name__ == "__main__":
    unittest.main()
