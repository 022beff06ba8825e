"""libtorrent as a DHT client, spoken to as `dht-probe` is: a JSON line a command and an answer.

    libtorrent_client.py ADDRESS BOOTSTRAP[,BOOTSTRAP...] [--plain-table]

As good a client as it can be made: without its limits on what it sends, and with a receive buffer
that holds the answers to a burst. Times are from the call to the first alert that says so.
"""

import json
import sys
import time
import warnings

import libtorrent as lt

warnings.filterwarnings("ignore", category=DeprecationWarning, module=__name__)

PORT = 6881
# Of what a caller asks for, until it is taken for lost.
PATIENCE = 30


def settings_of(address, plain_table):
    categories = lt.alert.category_t
    return {
        "listen_interfaces": f"{address}:{PORT}",
        "max_retry_port_bind": 0,
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "dht_bootstrap_nodes": "",
        "dht_upload_rate_limit": 4_000_000,
        "dht_block_ratelimit": 100_000,
        "dht_ignore_dark_internet": False,
        "dht_read_only": True,
        "dht_extended_routing_table": not plain_table,
        "recv_socket_buffer_size": 4 << 20,
        "alert_queue_size": 100_000,
        "alert_mask": int(categories.dht_notification)
        | int(categories.dht_operation_notification),
    }


class Client:
    def __init__(self, address, bootstrap, plain_table):
        self.session = lt.session(settings_of(address, plain_table))
        while self.session.listen_port() != PORT:
            time.sleep(0.005)
        self.session.apply_settings({"enable_dht": True})
        while not self.session.is_dht_running():
            time.sleep(0.005)
        for node in bootstrap:
            host, port = node.rsplit(":", 1)
            self.session.add_dht_node((host, int(port)))

    def obey(self, command):
        match command["op"]:
            case "peers":
                return self.peers([command["target"]])[0]
            case "burst":
                return {"results": self.peers(command["targets"])}
            case "gets":
                return {"results": self.gets(command["keys"], command["gap_ms"] / 1000)}
            case "status":
                return self.status()
        return {"ok": False, "error": f"unknown command {command['op']}"}

    def peers(self, targets):
        """The first providers of each; all are asked for at once."""

        def begin(target):
            self.session.dht_get_peers(lt.sha1_hash(bytes.fromhex(target)))

        def delivered(alert):
            if isinstance(alert, lt.dht_get_peers_reply_alert) and alert.num_peers():
                peers = [f"{address}:{port}" for address, port in alert.peers()]
                return alert.info_hash.to_bytes().hex(), {"providers": peers}
            return None

        return self._run(targets, begin, delivered, 0)

    def gets(self, keys, gap):
        """The newest value that each whole lookup found."""
        newest = {}

        def begin(key):
            self.session.dht_get_mutable_item(bytes.fromhex(key), b"")

        def delivered(alert):
            if not isinstance(alert, lt.dht_mutable_item_alert):
                return None
            key = bytes(alert.key).hex()
            if any(bytes(alert.signature)):
                newest[key] = max(newest.get(key, -1), alert.seq)
            return (key, {"seq": newest.get(key)}) if alert.authoritative else None

        return self._run(keys, begin, delivered, gap)

    def _run(self, keys, begin, delivered, gap):
        begun, results = {}, {}
        self.session.pop_alerts()
        waiting, next_start = list(keys), time.perf_counter()
        while len(results) < len(keys):
            now = time.perf_counter()
            if waiting and now >= next_start:
                key = waiting.pop(0)
                begun[key] = time.perf_counter()
                begin(key)
                next_start = now + gap
            if waiting:
                wait = next_start - time.perf_counter()
            else:
                wait = next_start + PATIENCE - time.perf_counter()
                if wait <= 0:
                    break
            # Not while more are to begin at once.
            if wait > 0:
                self.session.wait_for_alert(max(1, int(wait * 1000)))
            now = time.perf_counter()
            for alert in self.session.pop_alerts():
                key, answer = delivered(alert) or (None, None)
                if key in begun and key not in results:
                    results[key] = {"wall_ms": (now - begun[key]) * 1000, **answer}
        return [results.get(key, {}) for key in keys]

    def status(self):
        self.session.post_session_stats()
        while True:
            self.session.wait_for_alert(1000)
            for alert in self.session.pop_alerts():
                if isinstance(alert, lt.session_stats_alert):
                    sent = alert.values["dht.dht_messages_out"]
                    return {"sent": sent, "good": self.session.status().dht_nodes}


def main():
    client = Client(sys.argv[1], sys.argv[2].split(","), "--plain-table" in sys.argv[3:])
    print(json.dumps({"ok": True, "endpoints": [f"{sys.argv[1]}:{PORT}"]}), flush=True)
    for line in sys.stdin:
        print(json.dumps({"ok": True, **client.obey(json.loads(line))}), flush=True)


if __name__ == "__main__":
    main()
