"""Of which kind this machine is: how quickly it runs code outside of the kernel."""

import time

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
