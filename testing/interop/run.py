#!/usr/bin/env python3
"""Our DHT client and libtorrent's nodes find each other's announces and items.

    run.py PROBE [--tails] [--nodes N] [--count N] [--seed S]

PROBE is the `dht-probe` binary. With --tails it is a round trip away from every node, some of which
are slow and some silent. Runs in a network namespace of its own, so nothing gets out and no
port of the host is taken. The last line is "N crossed, M lost". Exit codes: 0 passed, 1 failed,
2 usage.
"""

import argparse
import hashlib
import os
import random
import sys
import time

from namespace import enter_namespace


def bencoded(value):
    return str(len(value)).encode() + b":" + value


def expanded_key(seed):
    """The 64-byte form of an Ed25519 key that libtorrent wants (RFC 8032, 5.1.5)."""
    digest = bytearray(hashlib.sha512(seed).digest())
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    return bytes(digest)


class Crossings:
    """Counts what arrived on the other side, and says what did not."""

    def __init__(self):
        self.crossed = 0
        self.lost = 0

    def check(self, what, is_right, got):
        if is_right:
            self.crossed += 1
        else:
            self.lost += 1
            print(f"lost: {what}: got {got}")

    def section(self, title, began, before):
        crossed, lost = self.crossed - before[0], self.lost - before[1]
        print(f"{title:48} {crossed:4} of {crossed + lost:4} in {time.monotonic() - began:6.1f} s")


def run(network, probe, count, generator, crossings):
    directions = [
        ("announced by libtorrent, found by us", announces_to_us),
        ("announced by us, found by libtorrent", announces_from_us),
        ("mutable items put by libtorrent, got by us", mutable_to_us),
        ("mutable items put by us, got by libtorrent", mutable_from_us),
        ("immutable items put by libtorrent, got by us", immutable_to_us),
        ("immutable items put by us, got by libtorrent", immutable_from_us),
    ]
    for title, direction in directions:
        began, before = time.monotonic(), (crossings.crossed, crossings.lost)
        direction(network, probe, count, generator, crossings)
        crossings.section(title, began, before)


def some_node(network, generator):
    return generator.randrange(len(network.sessions))


def announces_to_us(network, probe, count, generator, crossings):
    expected = {}
    for number in range(count):
        info_hash = generator.randbytes(20)
        node = some_node(network, generator)
        expected[info_hash] = network.announce(info_hash, 10_000 + number, node)
    time.sleep(2)
    for info_hash, provider in expected.items():
        answer = probe("peers", target=info_hash.hex(), deadline_ms=5000)
        got = answer.get("providers")
        crossings.check(info_hash.hex(), got == [provider], got)


def announces_from_us(network, probe, count, generator, crossings):
    address = probe.endpoint.rsplit(":", 1)[0]
    for number in range(count):
        info_hash, port = generator.randbytes(20), 20_000 + number
        probe("announce", target=info_hash.hex(), port=port)
        got = network.find_peers(info_hash, some_node(network, generator))
        crossings.check(info_hash.hex(), got == {f"{address}:{port}"}, got)


def mutable_to_us(network, probe, count, generator, crossings):
    for number in range(count):
        seed, value = generator.randbytes(32), b"value %d" % number
        # Every other item has a salt, and a second version that must win.
        salt = b"salt" if number % 2 else b""
        public = bytes.fromhex(probe("key", seed=seed.hex())["key"])
        versions = 1 + number % 2
        for version in range(versions):
            node = some_node(network, generator)
            text = value + b" version %d" % version
            network.put_mutable(expanded_key(seed), public, text, salt, node)
        answer = probe("get", key=public.hex(), salt=salt.hex(), deadline_ms=20_000)
        crossings.check(public.hex(), answer.get("value") == bencoded(text).hex(), answer)


def mutable_from_us(network, probe, count, generator, crossings):
    for number in range(count):
        seed, salt = generator.randbytes(32), b"salt" if number % 2 else b""
        # The largest value that fits is among them.
        value = b"v" * 996 if number == 0 else b"value %d" % number
        fields = {"seed": seed.hex(), "salt": salt.hex(), "value": bencoded(value).hex()}
        public = bytes.fromhex(probe("put", seq=number + 1, **fields)["key"])
        got = network.get_mutable(public, salt, some_node(network, generator))
        crossings.check(public.hex(), got == (value, number + 1), got)


def immutable_to_us(network, probe, count, generator, crossings):
    for _ in range(count):
        value = generator.randbytes(100)
        target = network.put_immutable(value, some_node(network, generator))
        answer = probe("get_immutable", target=target.hex(), deadline_ms=20_000)
        crossings.check(target.hex(), answer.get("value") == bencoded(value).hex(), answer)


def immutable_from_us(network, probe, count, generator, crossings):
    for _ in range(count):
        value = generator.randbytes(100)
        probe("put", value=bencoded(value).hex())
        target = hashlib.sha1(bencoded(value)).digest()
        got = network.get_immutable(target, some_node(network, generator))
        crossings.check(target.hex(), got == value, got)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("probe")
    parser.add_argument("--nodes", type=int, default=40)
    parser.add_argument("--count", type=int, default=20, help="announces and items a direction")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tails", action="store_true", help="20 ms, 20 %% slow, 5 %% silent")
    arguments = parser.parse_args()
    if not os.access(arguments.probe, os.X_OK):
        parser.error(f"{arguments.probe} is not a program; build it first")
    enter_namespace()
    # Only now, so that the threads that it starts are in the namespace.
    from libtorrent_network import LibtorrentNetwork  # noqa: PLC0415
    from probe import Probe  # noqa: PLC0415
    from shaped_path import ShapedPath  # noqa: PLC0415

    generator = random.Random(arguments.seed)
    path = ShapedPath()
    network = LibtorrentNetwork(arguments.nodes, generator)
    if arguments.tails:
        path.shape(network.others, generator, rtt_ms=20, slow=0.2, slow_ms=800, silent=0.05)
    crossings = Crossings()
    options = ["172.16.1.1:0", network.bootstrap, "--server"]
    with Probe(arguments.probe, *options, enter=path.enter) as probe:
        probe("wait", contacts=3, deadline_ms=10_000)
        run(network, probe, arguments.count, generator, crossings)
    print(f"{crossings.crossed} crossed, {crossings.lost} lost", flush=True)
    # libtorrent's sessions take seconds to end in good order; nobody waits for them.
    os._exit(1 if crossings.lost else 0)


if __name__ == "__main__":
    main()
