"""Where the processor's time of a RAM hit goes, by samples of `perf` while the service is full."""

import collections
import re
import shutil
import subprocess

from .bench_run import QUIET, KitError, Skipped, table
from .names import make_names

# Of a stack, from its innermost frame outwards, the first that one of these fits says what it is.
KERNEL = (
    ("kernel: send", r"^(ksys_write|do_writev|__sys_send)"),
    ("kernel: receive", r"^(ksys_read|do_readv|__sys_recv)"),
    ("kernel: wait for events", r"^do_epoll"),
    ("kernel: everything else", r"."),
)
OURS = (
    ("question and screening",
     r"Screening|Endpoint|Question|QueryParameters|ResolveKey|KnownRegions"),
    ("cache", r"AnswerCache|ShardedCache|LRU|OutcomeRecord|SubjectEpochs|Resolver"),
    ("head and body of the answer",
     r"writeEntityTag|writeDecimal|ExchangeHandler\.write|setStatic"),
    ("correlation id, metrics, log", r"CorrelationID|Ledger|Metric|LoopLocal"),
    ("reading the request from its bytes", r"PlainRequest\b|PlainFields|HeadCursor"),
    ("decoder of HTTP/1.1", r"HTTPDecoder|llhttp|HTTPHeaders|ByteToMessage|HTTPParser"),
    ("the exchange's state", r"ExchangeHandler|Exchange\b|Closing|ConnectionTimer|ArrivalHandler"),
    ("event loop, pipeline, buffers", r"NIO|Channel|Selector|Socket|ByteBuffer|PendingWrite"),
    ("everything else", r"."),
)
LEAST_SAMPLES = 1000


def stacks(lines):
    """The frames of each sample in `perf script`'s text, innermost first."""
    frames = []
    for line in lines:
        if not line.strip():
            if frames:
                yield frames
            frames = []
        elif line[0] in " \t":
            frames.append(line.strip().partition(" ")[2])
    if frames:
        yield frames


def stage(frames):
    """What a sample was spent on."""
    is_kernel = any(frame.startswith(("entry_SYSCALL", "asm_")) for frame in frames)
    if is_kernel:
        # Who made the call says more than what the kernel did at that moment.
        return next(name for name, words in KERNEL
                    if any(re.search(words, frame) for frame in frames))
    for frame in frames:
        for name, words in OURS[:-1]:
            if re.search(words, frame):
                return name
    return OURS[-1][0]


def shares(lines):
    """{stage: its share} and the number of samples."""
    counts = collections.Counter(stage(frames) for frames in stacks(lines))
    total = sum(counts.values())
    if total < LEAST_SAMPLES:
        raise KitError(f"perf took {total} samples: too few to say anything; give it more seconds")
    return {name: count / total for name, count in counts.most_common()}, total


def recorded(server, bench, target):
    """The samples of one run of the generator, as lines of text."""
    data = bench.folder / "hit.perf"
    seconds = max(2, bench.seconds)
    recorder = subprocess.Popen(
        ["perf", "record", "-q", "-F", "1999", "-g", "-p", str(server.process.pid), "-o", data,
         "--", "sleep", str(seconds)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )
    bench.load(server, *target, "--duration", seconds + 1)
    _, errors = recorder.communicate(timeout=60)
    if recorder.returncode != 0 or not data.exists():
        raise Skipped(f"perf cannot record here: {errors.strip()[-200:]}")
    script = subprocess.run(
        ["perf", "script", "-i", data, "-F", "ip,sym"], capture_output=True, text=True, timeout=300,
    ).stdout
    data.unlink()
    if shutil.which("swift"):
        script = subprocess.run(
            ["swift", "demangle", "--simplified"], input=script, capture_output=True, text=True,
            timeout=300,
        ).stdout
    return script.splitlines()


def run(bench):
    if not shutil.which("perf"):
        raise Skipped("perf is not installed (package linux-perf or linux-tools)")
    names = make_names(1000, bench.data)
    with bench.serving([QUIET], lines=names) as server:
        target = ["--names", names, "--connections", 32]
        bench.load(server, "--names", names, "--distribution", "each")
        found, samples = shares(recorded(server, bench, target))
    rows = [[name, f"{100 * share:.1f} %"] for name, share in found.items()]
    text = table(["a RAM hit, 32 connections, no pause", "processor time"], rows)
    return {"shares": found, "samples": samples,
            "markdown": f"{text}\n\nSamples of `perf record -F 1999 -g`: {samples:,}."}
