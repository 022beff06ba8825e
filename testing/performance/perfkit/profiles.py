"""Loads with names: sets of arguments for svc-index-load, and what each is for."""

PROFILES = {
    # Everything a public instance sees, at a rate that leaves it room.
    "balanced": {
        "for": "all routes, 80/20, some unknown names",
        "arguments": ["--mix", "resolve=85,providers=5,manifests=5,unknown=5",
                      "--distribution", "80/20", "--rate", "5000"],
        "needs_cids": True,
        "targets": {"p95": 5, "hitShare": 0.80, "errorShare": 0.001, "throttledShare": 0.01},
    },
    "hit_slo": {
        "for": "popular names out of RAM",
        "arguments": ["--distribution", "zipf", "--rate", "10000"],
        "targets": {"p95": 5, "hitShare": 0.80, "errorShare": 0.001, "throttledShare": 0.01},
    },
    "miss_slo": {
        "for": "every answer out of the index",
        "arguments": ["--distribution", "uniform", "--fresh", "1", "--rate", "2000"],
        "targets": {"p95": 5, "errorShare": 0.001, "throttledShare": 0.01},
    },
    "dht_slo": {
        "for": "every answer out of the DHT; wants a service that is in one",
        "arguments": ["--distribution", "uniform", "--fresh", "1", "--rate", "100"],
        "targets": {"p95": 200, "errorShare": 0.001, "throttledShare": 0.01},
    },
}
