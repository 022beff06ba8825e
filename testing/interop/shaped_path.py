"""A path between clients and nodes that has round trips, slow nodes and silent nodes.

The nodes live in the caller's network namespace, the clients in one of their own. Each namespace
has a TUN device and a route to the other's addresses; this program stands between the two, holds
every packet for as long as its way takes, and writes it to the other side. What nodes say to one
another does not pass here, so tables keep the nodes that a client finds silent, as a large network
keeps those that have just gone.

Needs /dev/net/tun and the right to make namespaces. As a program, with the file descriptor of the
nodes' device, it is the part between.
"""

import fcntl
import heapq
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time

# Private ranges, wide enough for a /24 a node.
NODES = "10.0.0.0/8"
CLIENTS = "172.16.0.0/12"
SET_INTERFACE = 0x400454CA
# IFF_TUN, IFF_NO_PI: bare IP packets.
BARE_PACKETS = 0x1001
PACKET = 2048
# Packets read from one side before the other has its turn.
BATCH = 128


def ip(command):
    subprocess.run(["ip", *command.split()], check=True)


def open_device(name, own, other):
    """A device that leads to `other`; every address of `own` can be bound without being set up."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, SET_INTERFACE, struct.pack("16sH22x", name.encode(), BARE_PACKETS))
    ip("link set lo up")
    ip(f"link set {name} up txqueuelen 10000")
    ip(f"route add local {own} dev lo")
    ip(f"route add {other} dev {name}")
    return device


class ShapedPath:
    """The other program, and the namespace that it runs in."""

    def __init__(self):
        device = open_device("nodes0", NODES, CLIENTS)
        command = ["unshare", "--net", "--", sys.executable, os.path.abspath(__file__), str(device)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=[device],
        )
        os.close(device)
        # What a client's command line begins with.
        self.enter = ["nsenter", "--target", str(self.process.pid), "--net", "--"]
        self.state()

    def shape(self, nodes, generator, rtt_ms, slow=0.0, slow_ms=0.0, silent=0.0):
        """Puts `nodes` a round trip away and makes parts of them slow or silent, at random."""
        nodes = generator.sample(nodes, len(nodes))
        mute = nodes[: round(silent * len(nodes))]
        late = nodes[len(mute) :][: round(slow * len(nodes))]
        return self._tell(rtt_ms=rtt_ms, slow={node: slow_ms for node in late}, silent=mute)

    def state(self):
        """The packets that passed and by how much the latest of them was late, since last asked."""
        return self._tell()

    def _tell(self, **wanted):
        self.process.stdin.write(json.dumps(wanted) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


class Between:
    """Holds packets and passes them on, until its standard input ends."""

    def __init__(self, nodes, clients):
        self.other_side = {nodes: clients, clients: nodes}
        self.half_trip = 0.0
        self.slow = {}
        self.silent = set()
        # By time of departure; the number keeps the order of those that leave together.
        self.held = []
        self.number = 0
        # What of it was told already.
        self.counted = 0
        self.latest = 0.0

    def run(self):
        commands = sys.stdin.fileno()
        pending = b""
        while True:
            wait = max(0.0, self.held[0][0] - time.monotonic()) if self.held else None
            readable, _, _ = select.select([*self.other_side, commands], [], [], wait)
            for source in readable:
                if source != commands:
                    self.take(source)
                    continue
                pending += os.read(commands, 1 << 16)
                if not pending:
                    return
                if pending.endswith(b"\n"):
                    self.obey(json.loads(pending))
                    pending = b""
            self.release()

    def obey(self, wanted):
        if wanted:
            self.half_trip = wanted["rtt_ms"] / 2000
            self.slow = {socket.inet_aton(node): ms / 1000 for node, ms in wanted["slow"].items()}
            self.silent = {socket.inet_aton(node) for node in wanted["silent"]}
        passed = self.number - self.counted
        told = {"packets": passed, "late_ms": round(self.latest * 1000, 2)}
        print(json.dumps(told), flush=True)
        self.counted, self.latest = self.number, 0.0

    def take(self, source):
        now = time.monotonic()
        target = self.other_side[source]
        for _ in range(BATCH):
            try:
                packet = os.read(source, PACKET)
            except BlockingIOError:
                return
            sender, receiver = packet[12:16], packet[16:20]
            if packet[0] >> 4 != 4 or sender in self.silent or receiver in self.silent:
                continue
            self.number += 1
            due = now + self.half_trip + self.slow.get(sender, 0.0)
            heapq.heappush(self.held, (due, self.number, target, packet))

    def release(self):
        now = time.monotonic()
        while self.held and self.held[0][0] <= now:
            due, _, target, packet = heapq.heappop(self.held)
            self.latest = max(self.latest, now - due)
            try:
                os.write(target, packet)
            except OSError:
                # A full device loses packets, as a full line does.
                continue


if __name__ == "__main__":
    Between(int(sys.argv[1]), open_device("clients0", CLIENTS, NODES)).run()
