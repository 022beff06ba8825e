"""The service of the scenario of tails, and the one that asks it, beyond the path that delays.

Prints what it measured as one line of JSON.
"""

import json
import os
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e"), str(HERE.parent)]
READY_SECONDS = 20


def ask(server, cid):
    """Status, milliseconds and providers."""
    began = time.monotonic()
    answer = server.get(f"/providers/{cid}?limit=32")
    took = (time.monotonic() - began) * 1000
    places = set()
    if answer.status == 200:
        places = {place["addr"] for place in json.loads(answer.body)["providers"]}
    return answer.status, took, places


def measure(server, options):
    unknown = [ask(server, cid)[:2] for cid in options["unknown"]]
    announced, wrong = [], 0
    for cid, places in options["expected"].items():
        status, took, found = ask(server, cid)
        announced.append((status, took))
        wrong += not found <= set(places)
    return {"announced": announced, "unknown": unknown, "wrong": wrong}


def main():
    options = json.loads(Path(sys.argv[1]).read_text())
    os.environ["SVC_INDEX_BINARY"] = options["binary"]
    from checker import Checker  # noqa: PLC0415
    from support import Service  # noqa: PLC0415
    from truth import Truth  # noqa: PLC0415

    words = [
        "--dht-bootstrap", options["bootstrap"], "--dht-bind", "172.16.1.1:0",
        "--db-path", options["database"], "--log-requests=false",
    ]
    server = Service(Path(options["folder"]) / "tails.log", words)
    try:
        server.wait_until_ready("/readyz", READY_SECONDS)
        truth = Truth(options["lines"], options["truth"], asks_cids=False)
        with Checker(server, truth) as checker:
            measured = measure(server, options)
        measured["checker"] = checker.figures()
        measured["examples"] = checker.examples()
        print(json.dumps(measured), flush=True)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
