"""A DHT client as a child process: one JSON line a command, one JSON line an answer."""

import json
import subprocess
import threading
import time


class ProbeError(Exception):
    """The client refused a command, or fell."""


class Client:
    """A running client; each call is one command, and waits for its answer."""

    def __init__(self, command):
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
        self._write({"op": op, **fields})
        answer = self._read()
        if not answer["ok"]:
            raise ProbeError(f"{op}: {answer.get('error')}")
        return answer

    def _write(self, command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            raise ProbeError(f"the client exited with {self.process.wait()}")
        return json.loads(line)


class Probe(Client):
    """A running `dht-probe`, in the namespace that `enter` leads to."""

    def __init__(self, binary, bind, bootstrap, *options, enter=()):
        nodes = ",".join(bootstrap)
        super().__init__([*enter, binary, "--bind", bind, "--bootstrap", nodes, *options])

    def side_by_side(self, commands, gap):
        """Begins a command every `gap` seconds; their answers, in the order of the commands."""
        answers = {}

        def collect():
            while len(answers) < len(commands):
                answer = self._read()
                answers[answer["id"]] = answer

        reader = threading.Thread(target=collect)
        reader.start()
        for number, command in enumerate(commands):
            self._write({"id": number, **command})
            time.sleep(gap)
        reader.join()
        return [answers[number] for number in range(len(commands))]
