"""scripts/failures-last.sh keeps a command's status and output, and repeats what failed."""

import pathlib
import subprocess
import unittest

SCRIPT = pathlib.Path(__file__).with_name("failures-last.sh")


def run(command):
    """The script's status, and what it wrote, of a command of the shell."""
    done = subprocess.run([SCRIPT, "bash", "-c", command], capture_output=True, text=True)
    return done.returncode, done.stdout


class FailuresLastTests(unittest.TestCase):
    def test_a_success_is_passed_on_as_it_is(self):
        self.assertEqual(run("echo ✔ one; echo ✘ was expected"), (0, "✔ one\n✘ was expected\n"))

    def test_what_failed_is_repeated_at_the_end(self):
        status, output = run(
            "echo '↳ Target Platform: x'; echo '✘ Test a() recorded an issue'; echo '↳ why' >&2;"
            " seq 1000; echo 'a.swift:1:1: error: b'; seq 1000; exit 3")
        self.assertEqual(status, 3)
        told = output.split("1000\n")[-1].splitlines()
        self.assertEqual(told[1], "What failed (status 3), of all that is above:")
        self.assertEqual(
            told[2:], ["✘ Test a() recorded an issue", "↳ why", "a.swift:1:1: error: b"])

    def test_a_failure_without_a_word_tells_what_came_last(self):
        status, output = run("seq 10; exit 1")
        self.assertEqual((status, output.splitlines()[-3:]), (1, ["8", "9", "10"]))

    def test_without_a_command_it_says_how_it_is_used(self):
        done = subprocess.run([SCRIPT], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("usage: ", done.stderr)


if __name__ == "__main__":
    unittest.main()
