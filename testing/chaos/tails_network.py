"""The nodes of the scenario of tails: libtorrent's, behind a path that delays; see there.

    tails_network.py OPTIONS.json

The last line of standard output is what `tails_client.py` measured, which runs beyond the path.
"""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "interop")]
from namespace import enter_namespace  # noqa: E402

PROVIDERS = 3


def announce_all(network, cids, generator):
    """Addresses of the providers of each content id."""
    expected = {}
    for number, cid in enumerate(cids):
        info_hash = bytes.fromhex(cid.removeprefix("b3:"))[:20]
        nodes = generator.sample(range(len(network.sessions)), PROVIDERS)
        expected[cid] = [network.announce(info_hash, 10_000 + number, node) for node in nodes]
        # Many at once overrun the nodes' receive buffers.
        time.sleep(0.01)
    time.sleep(3)
    return expected


def main():
    enter_namespace()
    from libtorrent_network import LibtorrentNetwork  # noqa: PLC0415
    from shaped_path import ShapedPath  # noqa: PLC0415

    file = Path(sys.argv[1])
    options = json.loads(file.read_text())
    generator = random.Random(1)
    path = ShapedPath()
    network = LibtorrentNetwork(options["nodes"], generator, plain_tables=True)
    options["expected"] = announce_all(network, options["cids"], generator)
    options["bootstrap"] = ",".join(network.bootstrap)
    path.shape(network.others, generator, rtt_ms=20, slow=0.2, slow_ms=800, silent=0.05)
    file.write_text(json.dumps(options))
    client = [*path.enter, sys.executable, str(HERE / "tails_client.py"), str(file)]
    code = subprocess.run(client).returncode
    # libtorrent's sessions take seconds to end in good order; nobody waits for them.
    os._exit(code)


if __name__ == "__main__":
    main()
