"""Small bodies that inflate without end, against admin and public routes: refused, and cheaply."""

import gzip
import zlib

from chaos import ChaosTest, length, pause, resident_mib
from load import Load
from support import TOKEN

RATE = 50
# Sent, received and inflated up to the cap of 1 MiB; the machine is a busy one.
CPU_MS_PER_BOMB = 10
GROWTH_MIB = 64
BODY_CAP = 1 << 20
TOO_MUCH = ["413 decompress_cap"]
MALFORMED = ["400 bad_request"]


def repeated(wrapper_bits, wanted):
    """Zeros, compressed 1000 times, of `wanted` bytes without an end; made without compressing
    all of them: a full flush makes a piece that can be repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wrapper_bits)
    data = bytearray(packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH))
    piece = packer.compress(bytes(16 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    while len(data) + len(piece) < wanted:
        data += piece
    return bytes(data)


class BombsTest(ChaosTest):
    def test_bombs_are_refused_and_cost_little(self):
        truth = self.make_truth(500)
        server = self.start("--log-requests=false", database=self.database)
        known = truth.write_known(self.folder / "known")
        requests = self.make_requests(next(iter(truth.names)))
        seconds = length(60, 3)
        with (
            self.checked(server, truth),
            Load("hot", port=server.port, rate=100, known=known) as hot,
        ):
            pause(1)
            hot.phase("undisturbed")
            resident = resident_mib(server)
            before = self.usual_share(server)
            with Load("bodies", port=server.port, rate=RATE, requests=requests) as bombs:
                hot.phase("bombed")
                cpu, most = server.cpu_seconds(), resident
                for _ in range(seconds * 5):
                    pause(0.2)
                    most = max(most, resident_mib(server))
                cpu = server.cpu_seconds() - cpu
                hot.phase("after")
                figures = bombs.finish()
            idle = min(before, self.usual_share(server))
            cpu -= idle * seconds
            phases = hot.finish()
        self.figure("processor a second without bombs", idle * 1000, "ms")
        self.tell_of(figures, cpu, most - resident)
        self.compare_hot(phases["undisturbed"], phases["bombed"], "meanwhile")
        self.stop_well(server)

    def tell_of(self, bombs, cpu, growth):
        self.figure("bombs", bombs["requests"], least=round(0.9 * RATE * length(60, 3)))
        self.figure("bombs a second", bombs["rate"])
        self.figure("answer to a bomb: p99", bombs["p99_ms"], "ms")
        for kind, outcomes in sorted(bombs["outcomes"].items()):
            self.figure(kind, outcomes)
        for wrong in bombs["wrong"]:
            print(f"  {wrong}")
        self.figure("answered in another way", len(bombs["wrong"]), most=0)
        cost = cpu * 1000 / max(1, bombs["requests"])
        self.figure("processor a bomb", cost, "ms", most=CPU_MS_PER_BOMB)
        self.figure("resident memory, growth", growth, "MiB", most=GROWTH_MIB)

    def make_requests(self, name):
        """Every bomb against every route, and what is right for it there."""
        wanted = BODY_CAP - 4096
        whole = gzip.compress(bytes(BODY_CAP // 2), mtime=0)
        inner = gzip.compress(bytes(64 << 20), mtime=0)
        bodies = {
            "gzip of 1 MiB": ("gzip", repeated(31, wanted), TOO_MUCH),
            "deflate of 1 MiB": ("deflate", repeated(15, wanted), TOO_MUCH),
            "small gzip": ("gzip", inner, TOO_MUCH),
            "gzip in gzip": ("gzip", gzip.compress(inner, mtime=0), TOO_MUCH),
            "gzip in gzip, barely packed": ("gzip", gzip.compress(inner, 0, mtime=0), None),
            "two codings": ("gzip, gzip", gzip.compress(inner, mtime=0), ["415 unsupported_type"]),
            "cut off, large": ("gzip", inner[: len(inner) // 2], TOO_MUCH),
            "cut off, small": ("gzip", gzip.compress(b'{"manifest_cid":1}')[:-9], MALFORMED),
            "wrong length": ("gzip", gzip.compress(b'{"a":1}')[:-4] + b"\xff\xff\xff\x7f",
                             MALFORMED),
            "length of nothing": ("gzip", whole[:-4] + bytes(4), TOO_MUCH),
        }
        requests = []
        cid = f"b3:{0:064x}"
        for kind, (coding, body, accept) in bodies.items():
            file = self.folder / f"bomb-{len(requests)}"
            file.write_bytes(body)
            for route, path, nested in (
                ("PUT", f"/admin/names/{name}", MALFORMED),
                ("PUT", f"/admin/manifests/{cid}", ["409 conflict"]),
                ("POST", "/admin/import", MALFORMED + ["200", "415 unsupported_type"]),
                ("GET", f"/resolve/{name}", ["200"]),
                ("POST", f"/resolve/{name}", ["405 method_not_allowed"]),
            ):
                is_admin = path.startswith("/admin")
                right = (accept or nested) if is_admin else nested
                requests.append({
                    "kind": kind,
                    "head": self.head(route, path, coding, len(body), is_admin),
                    "body": str(file),
                    "accept": right,
                })
        self.random.shuffle(requests)
        return requests

    @staticmethod
    def head(route, path, coding, size, is_admin):
        lines = [f"{route} {path} HTTP/1.1", "Host: localhost", f"Content-Encoding: {coding}"]
        lines += [f"Content-Length: {size}"]
        if is_admin:
            kind = "application/x-ndjson" if path == "/admin/import" else "application/json"
            lines += [f"Authorization: Bearer {TOKEN}", f"Content-Type: {kind}"]
        return "\r\n".join(lines)
