"""Our client as a child process: one JSON line a command, one JSON line an answer."""

import json
import subprocess


class ProbeError(Exception):
    """The client refused a command, or fell."""


class Probe:
    """A running `dht-probe`; each method is one command, and waits for its answer."""

    def __init__(self, binary, bind, bootstrap, *options):
        command = [binary, "--bind", bind, "--bootstrap", ",".join(bootstrap), *options]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.endpoint = self._read()["endpoints"][0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(20)

    def __call__(self, op, **fields):
        line = json.dumps({"op": op, **fields})
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self._read()
        if not answer["ok"]:
            raise ProbeError(f"{op}: {answer.get('error')}")
        return answer

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            raise ProbeError(f"the client exited with {self.process.wait()}")
        return json.loads(line)
