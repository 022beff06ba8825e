"""A network of libtorrent nodes in this process, with nothing of the real DHT in reach.

Every node has its own address in its own /24, because libtorrent takes one contact a /24 into a
table. Ids, hashes and keys are bytes.
"""

import os
import time
import warnings

import libtorrent as lt

PORT = 6881
# One of these is what a client needs to join.
BOOTSTRAP_NODES = 8
# libtorrent alone takes a while to fill its tables, so nodes are told of one another.
NEIGHBOURS = 12
STRANGERS = 36
FORMING_SECONDS = 40

warnings.filterwarnings("ignore", category=DeprecationWarning, module=__name__)


class NetworkError(Exception):
    """The network did not form, or a node did not answer."""


def address_of(index):
    return f"10.{1 + index // 250}.{1 + index % 250}.1"


def settings_of(index, plain_tables):
    """Quiet, private, and without the limits that libtorrent has for strangers."""
    return {
        "listen_interfaces": f"{address_of(index)}:{PORT}",
        "max_retry_port_bind": 0,
        # Switched on once the socket is open: earlier, libtorrent drops the node list it is given.
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "dht_bootstrap_nodes": "",
        # The default of 8000 bytes a second silently drops queries.
        "dht_upload_rate_limit": 4_000_000,
        # The default bans an address after five queries a second.
        "dht_block_ratelimit": 100_000,
        "dht_ignore_dark_internet": False,
        "dht_extended_routing_table": not plain_tables,
        "alert_mask": 0,
        "aio_threads": 1,
        "hashing_threads": 1,
    }


class LibtorrentNetwork:
    """So many nodes, each of which can be told to announce, to put and to look up.

    With plain tables a bucket holds eight, so that a node knows as small a part of the others as in
    a network that is much larger.
    """

    def __init__(self, count, random, plain_tables=False):
        self.random = random
        self.sessions = [self._start(index, plain_tables) for index in range(count)]
        self.bootstrap = [f"{address_of(index)}:{PORT}" for index in range(BOOTSTRAP_NODES)]
        # Addresses of those that a client does not join by.
        self.others = [address_of(index) for index in range(BOOTSTRAP_NODES, count)]
        self._form()

    @staticmethod
    def _start(index, plain_tables):
        session = lt.session(settings_of(index, plain_tables))
        limit = time.monotonic() + 20
        while session.listen_port() != PORT:
            if time.monotonic() > limit:
                raise NetworkError(f"node {index} cannot listen on {address_of(index)}:{PORT}")
            time.sleep(0.005)
        session.apply_settings({"enable_dht": True})
        return session

    def _form(self):
        """Introduces the nodes and waits until every table has enough of them."""
        everybody = range(len(self.sessions))
        for index, session in enumerate(self.sessions):
            near = [(index + step) % len(self.sessions) for step in range(1, NEIGHBOURS + 1)]
            others = self.random.sample(everybody, min(STRANGERS, len(everybody)))
            for other in {*near, *others} - {index}:
                session.add_dht_node((address_of(other), PORT))
        wanted = min(16, len(self.sessions) - 2)
        limit = time.monotonic() + FORMING_SECONDS
        while min(session.status().dht_nodes for session in self.sessions) < wanted:
            if time.monotonic() > limit:
                raise NetworkError("the nodes' tables did not fill")
            for session in self.sessions:
                session.dht_get_peers(lt.sha1_hash(os.urandom(20)))
            time.sleep(1)

    # What a node does, and what comes of it.

    def announce(self, info_hash, port, node):
        """Returns the address that is now a provider; the announce itself takes a moment."""
        self.sessions[node].dht_announce(lt.sha1_hash(info_hash), port, 0)
        return f"{address_of(node)}:{port}"

    def find_peers(self, info_hash, node, seconds=10):
        """The peers of the first answer that names any; empty when none came."""
        def peers_in(alert):
            if not isinstance(alert, lt.dht_get_peers_reply_alert) or not alert.num_peers():
                return None
            if alert.info_hash.to_bytes() != info_hash:
                return None
            return {f"{address}:{port}" for address, port in alert.peers()}

        start = lambda session: session.dht_get_peers(lt.sha1_hash(info_hash))  # noqa: E731
        return self._ask(node, start, peers_in, seconds) or set()

    def put_mutable(self, secret, public, value, salt, node, seconds=30):
        """Stores a byte string; returns how many nodes took it and with what sequence number."""
        def stored(alert):
            if isinstance(alert, lt.dht_put_alert) and bytes(alert.public_key) == public:
                return alert.num_success, alert.seq
            return None

        start = lambda session: session.dht_put_mutable_item(  # noqa: E731
            secret, public, value, salt
        )
        return self._ask(node, start, stored, seconds) or (0, 0)

    def get_mutable(self, public, salt, node, seconds=20):
        """The newest value that the whole lookup found, and its number; None when there is none."""
        newest = {}

        def found(alert):
            if not isinstance(alert, lt.dht_mutable_item_alert) or bytes(alert.key) != public:
                return None
            if any(bytes(alert.signature)):
                newest[alert.seq] = alert.item
            return True if alert.authoritative else None

        start = lambda session: session.dht_get_mutable_item(public, salt)  # noqa: E731
        self._ask(node, start, found, seconds)
        return (newest[max(newest)], max(newest)) if newest else None

    def put_immutable(self, value, node, seconds=20):
        """Returns the target."""
        target = {}

        def start(session):
            target["is"] = session.dht_put_immutable_item(value).to_bytes()

        def stored(alert):
            is_it = isinstance(alert, lt.dht_put_alert) and alert.target.to_bytes() == target["is"]
            return True if is_it else None

        self._ask(node, start, stored, seconds)
        return target["is"]

    def get_immutable(self, target, node, seconds=10):
        def found(alert):
            is_it = isinstance(alert, lt.dht_immutable_item_alert)
            return alert.item if is_it and alert.target.to_bytes() == target else None

        start = lambda session: session.dht_get_immutable_item(lt.sha1_hash(target))  # noqa: E731
        return self._ask(node, start, found, seconds)

    def _ask(self, node, start, answer_in, seconds):
        """Starts something and returns the first answer that its alerts carry; None in time."""
        session = self.sessions[node]
        categories = lt.alert.category_t
        mask = int(categories.dht_notification) | int(categories.dht_operation_notification)
        session.apply_settings({"alert_mask": mask})
        session.pop_alerts()
        start(session)
        limit = time.monotonic() + seconds
        try:
            while (left := limit - time.monotonic()) > 0:
                session.wait_for_alert(max(1, min(200, int(left * 1000))))
                for alert in session.pop_alerts():
                    answer = answer_in(alert)
                    if answer is not None:
                        return answer
            return None
        finally:
            session.apply_settings({"alert_mask": 0})
