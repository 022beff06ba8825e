"""A thousand connections that send a byte a second: the others notice little, and they end."""

from chaos import ChaosTest, descriptors, length, pause
from load import Load
from support import TOKEN

SENDERS = 1000
# No more than 256 connections may come from one address.
ADDRESSES = ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"]
HEADER_SECONDS = length(10, 3)
REQUEST_SECONDS = length(5, 2)
# What a closed connection may linger, and what the machine may be late.
LINGERING_SECONDS = 2 + 1
RATE = 300


class SlowSendersTest(ChaosTest):
    def test_slow_senders_are_ended_and_slow_nobody_down(self):
        truth = self.make_truth(1000)
        server = self.start(
            "--http-header-timeout-s", HEADER_SECONDS,
            "--http-request-timeout-ms", REQUEST_SECONDS * 1000,
            "--log-requests=false", database=self.database,
        )
        known = truth.write_known(self.folder / "known")
        slow = {"count": SENDERS, "addresses": ADDRESSES, "ways": ["header", "body", "silent"]}
        with (
            self.checked(server, truth),
            Load("hot", port=server.port, rate=RATE, known=known) as hot,
            Load("slow", port=server.port, token=TOKEN, **{**slow, "count": 0}) as none,
        ):
            pause(1)
            hot.phase("undisturbed")
            pause(length(10, 3))
            hot.phase("between")
            none.finish()
            before = descriptors(server)
            with Load("slow", port=server.port, token=TOKEN, **slow) as senders:
                pause(1.5)
                hot.phase("attacked")
                pause(length(40, 4))
                self.figure("slow connections at once", senders.report()["most"], least=SENDERS)
                hot.phase("freed")
                senders.phase("hold")
                # Those that send nothing at all are idle, and idle ones may stay for longer.
                silent = SENDERS // 3 + 1
                self.figure(
                    "until the service was rid of them", self.wait_for(
                        "the end of slow senders",
                        HEADER_SECONDS + LINGERING_SECONDS + 30,
                        lambda: descriptors(server) <= before + silent + 5,
                    ),
                    "s", most=HEADER_SECONDS + LINGERING_SECONDS,
                )
                self.tell_of(senders.finish())
            phases = hot.finish()
        self.compare_hot(phases["undisturbed"], phases["attacked"], "under attack")
        self.stop_well(server)

    def tell_of(self, senders):
        self.figure("slow connections in all", senders["opened"])
        for way, bound in (("header", HEADER_SECONDS), ("body", REQUEST_SECONDS)):
            freed = senders["freed"].get(way, {"count": 0, "latest_s": None})
            self.figure(f"half a {way}: freed", freed["count"], least=length(300, 100))
            latest = freed["latest_s"]
            self.figure(f"half a {way}: freed after at most", latest, "s", most=bound + 2)
        self.figure("answers to slow senders", senders["statuses"])
