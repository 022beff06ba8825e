"""What this machine gives: how quickly it runs code, and what holds code up meanwhile."""

import contextlib
import threading
import time
from collections import namedtuple
from pathlib import Path

STEPS, ROUNDS = 200_000, 9
# Of the loop below, in nanoseconds a step. Where it takes longer, branches and calls are dear: a
# hit, two thirds of which are our own code, then loses to nginx, which is nearly all kernel.
SLOW_STEP = 38


def loop(steps):
    total = 0
    for number in range(steps):
        total += number
    return total


def step_nanoseconds():
    """The best of a few rounds, so that what else runs counts little."""
    def one():
        began = time.perf_counter_ns()
        loop(STEPS)
        return (time.perf_counter_ns() - began) / STEPS
    return min(one() for _ in range(ROUNDS))


def runs_code_slowly():
    return step_nanoseconds() > SLOW_STEP


# What held code up over some time, from 0 to 1: the share of all cores that the host kept for
# others, and the share of the time during which something that could run waited for a core (None
# where the kernel does not say). How busy the cores were is not told: kernels that count by ticks
# miss most of what runs for less than one.
Processor = namedtuple("Processor", "stolen waited")
Sample = namedtuple("Sample", "at ticks waited_us")
# Of the figures of a processor in /proc/stat.
STOLEN = 7


def sample():
    ticks = Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]
    waited = None
    with contextlib.suppress(OSError):
        some = Path("/proc/pressure/cpu").read_text().partition("\n")[0]
        waited = int(some.rpartition("total=")[2])
    return Sample(time.monotonic(), [int(tick) for tick in ticks], waited)


def between(before, after):
    """What the processor did from one sample to a later one."""
    ticks = [end - start for start, end in zip(before.ticks, after.ticks)]
    waited = None
    if before.waited_us is not None and after.waited_us is not None:
        passed_us = (after.at - before.at) * 1e6
        waited = min(1, (after.waited_us - before.waited_us) / max(1, passed_us))
    return Processor(ticks[STOLEN] / max(1, sum(ticks)), waited)


class ProcessorWatch:
    """Looks at the processor for as long as it is entered; how a run ends is what counts, since a
    generator reads its names first.
    """

    PERIOD_SECONDS = 0.1

    def __enter__(self):
        self.samples = [sample()]
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()
        return self

    def look(self):
        while not self.is_over.wait(self.PERIOD_SECONDS):
            self.samples.append(sample())

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()
        self.samples.append(sample())

    def over_last(self, seconds):
        """Of about the last so many seconds; of all if they are fewer, or nearly none."""
        last = self.samples[-1]
        first = next(one for one in self.samples if one.at >= last.at - seconds)
        return between(first if first is not last else self.samples[0], last)
