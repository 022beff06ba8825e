# svc-index: every way in. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

SWIFT ?= swift
# What `svc-index version` says; empty without git. The service refuses variables that begin with
# its own name and that it does not know.
export BUILD_COMMIT := $(shell git rev-parse HEAD 2>/dev/null)
BINARY := .build/release/svc-index
DEBUG_BINARY := .build/debug/svc-index
PERF := testing/performance
SOURCES := Package.swift Sources Tests $(PERF)/Package.swift $(PERF)/Load
LOAD := $(PERF)/.build/release/svc-index-load
# Names once more at the end what failed.
TEST := scripts/failures-last.sh $(SWIFT) test
# Optimized, for simulations are sums: 16 s where a debug build takes over five minutes. Assertions
# are checked nevertheless.
CORE := SVC_INDEX_CORE=1 $(TEST) -c release -Xswiftc -enable-testing \
	-Xswiftc -assert-config -Xswiftc Debug --scratch-path .build-core-tests
ARTIFACTS := artifacts
# Arguments of the service that `make run` starts, such as RUN_ARGS="--http-bind 127.0.0.1:8080".
RUN_ARGS ?=
# What `make simulate` runs: a failing test names the seed, its source the numbers; such as
# make simulate SCENARIOS=churn SEED=2 SIMULATE_ARGS="--nodes 300 --lookups 300 --seconds 300".
# A bar of the full size that is missed fails it, unless SIMULATE_ARGS has --no-bars.
SCENARIOS ?= churn hedging finishing
SEED ?= 1
SIMULATE_ARGS ?=
FUZZ_SECONDS ?= 60
# Such as HOSTILE_ARGS="--rate 20000 --seconds 10 --lookups 50", LOAD_ARGS="--nodes 500".
HOSTILE_ARGS ?=
LOAD_ARGS ?=
# Nodes and announces of `make interop`, such as INTEROP_ARGS="--nodes 200 --count 250".
INTEROP_ARGS ?=
# The network of `make interop-compare`: round trip in ms, parts of the nodes, what a slow one adds.
NODES ?= 1000
RTT ?= 20
SLOW ?= 0.2
SLOW_MS ?= 800
SILENT ?= 0.05
COMPARE_ARGS ?=
# Such as CHAOS_ARGS="--only kills" or CHAOS_ARGS="--soak-seconds 3600".
CHAOS_ARGS ?=
# What `make perf` measures, where to, and arguments of kit.py, such as PERF_ARGS="--seconds 10".
PERF_PARTS ?= verify compare tails in-process hit-profile matrix profiles dedup memory overload \
  spill scale
PERF_OUT := $(ARTIFACTS)/perf/$(shell date +%Y%m%d-%H%M%S)
PERF_ARGS ?=
# `make perf-load`: profiles of testing/performance/perfkit/profiles.py, and what they ask.
# NAMES are names that the service has, CIDS (for `balanced`) what `kit.py cids` prints of them.
PROFILE ?= hit_slo
URL ?= http://127.0.0.1:5304
NAMES ?= $(ARTIFACTS)/names.ndjson
CIDS ?=
INTEROP_VENV := .venv-interop

.PHONY: help run test ci build release deps test-core test-service test-scripts tidy lint format \
	simulate fuzz dht-hostile dht-load interop interop-compare interop-environment e2e e2e-faults \
	e2e-debian chaos chaos-short bench import-bench perf perf-build perf-load perf-explain \
	perf-publish perf-smoke figures bench-check test-perf clean

help: ## lists the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

run: release ## installs what is missing, builds, serves sample names and says what to try
	$(BINARY) demo $(RUN_ARGS)

test: deps test-core test-service test-scripts ## runs every fast test

ci: deps lint test e2e chaos-short ## what CI runs: also the gate, simulator and fuzzer, shortly
	$(MAKE) simulate SCENARIOS=hedging
	$(MAKE) fuzz FUZZ_SECONDS=20
	$(MAKE) test-perf
	$(MAKE) perf-smoke
	$(MAKE) bench-check

deps: ## installs the system packages that are missing
	@scripts/install-deps.sh

build: deps ## debug build
	$(SWIFT) build

release: deps ## release build
	$(SWIFT) build -c release --product svc-index

test-core: ## hash, cache, DHT core, simulation and style tests: seconds, no other package
	SVC_INDEX_STRICT=1 $(CORE)

test-service: deps ## unit, property and contract tests of the service, over real sockets
	# One at a time: some of them measure times, and two cores are easily kept busy.
	SVC_INDEX_STRICT=1 $(TEST) --no-parallel --filter IndexServiceTests \
		--filter DHTClientTests --filter SpillTests

test-scripts: ## tests of the scripts
	python3 -m unittest discover -s scripts
	python3 -m unittest discover -s testing/data
	python3 -m unittest discover -s testing/chaos
	python3 -m unittest discover -s testing/performance

simulate: ## simulated DHTs of 10,000 nodes: figures that a SEED repeats exactly, and their bars
	SVC_INDEX_CORE=1 $(SWIFT) build -c release --scratch-path .build-core --product dht-simulate
	@for scenario in $(SCENARIOS); do \
		echo "$$scenario, seed $(SEED)"; \
		.build-core/release/dht-simulate $$scenario --seed $(SEED) $(SIMULATE_ARGS); \
	done

fuzz: ## mutated datagrams into the DHT core, for FUZZ_SECONDS
	SVC_INDEX_CORE=1 SVC_INDEX_FUZZ=1 $(SWIFT) build -c release --scratch-path .build-fuzz \
		--sanitize fuzzer --product fuzz-datagrams
	@mkdir -p $(ARTIFACTS)/fuzz
	# What is new goes to the first folder; the recordings are only read.
	.build-fuzz/release/fuzz-datagrams -max_total_time=$(FUZZ_SECONDS) -max_len=2048 \
		-timeout=5 -rss_limit_mb=1024 -print_final_stats=1 \
		-artifact_prefix=$(ARTIFACTS)/fuzz- $(ARTIFACTS)/fuzz Tests/Fixtures/Datagrams

dht-hostile: deps ## 50,000 forgeries a second to a DHT client that looks up: bars on both
	$(SWIFT) build -c release --product dht-probe
	.build/release/dht-probe hostile $(HOSTILE_ARGS)

dht-load: deps ## DHT lookups a second and a core, and the memory of 10,000 contacts
	$(SWIFT) build -c release --product dht-probe
	.build/release/dht-probe load $(LOAD_ARGS)
	.build/release/dht-probe table 10000

interop: deps $(INTEROP_VENV)/ready ## our DHT client and libtorrent's nodes find each other's items
	$(SWIFT) build -c release --product dht-probe
	$(INTEROP_VENV)/bin/python testing/interop/run.py .build/release/dht-probe $(INTEROP_ARGS)
	$(INTEROP_VENV)/bin/python testing/interop/run.py .build/release/dht-probe --tails \
		$(INTEROP_ARGS)

interop-compare: deps $(INTEROP_VENV)/ready ## our DHT client beside libtorrent's on one network
	$(SWIFT) build -c release --product dht-probe
	@mkdir -p $(ARTIFACTS)
	$(INTEROP_VENV)/bin/python testing/interop/compare.py .build/release/dht-probe \
		--nodes $(NODES) --rtt-ms $(RTT) --slow $(SLOW) --slow-ms $(SLOW_MS) \
		--silent $(SILENT) --json $(ARTIFACTS)/interop-compare.json $(COMPARE_ARGS)

interop-environment: $(INTEROP_VENV)/ready ## installs libtorrent for Python, for make chaos too

$(INTEROP_VENV)/ready: testing/interop/requirements.txt
	@scripts/install-deps.sh python3-venv iproute2
	python3 -m venv $(INTEROP_VENV)
	$(INTEROP_VENV)/bin/pip install --quiet --requirement $<
	@touch $@

tidy: ## the style tests alone
	$(CORE) --filter TidyTests

lint: ## checks the format of all Swift code
	$(SWIFT) format lint --strict --recursive --parallel $(SOURCES)

format: ## formats all Swift code
	$(SWIFT) format --in-place --recursive --parallel $(SOURCES)

e2e: e2e-faults e2e-debian ## the real binary: kill -9, full disks, the real package index

e2e-faults: release
	python3 testing/e2e/run.py $(BINARY)

e2e-debian: release
	@scripts/install-deps.sh b3sum
	python3 testing/e2e/debian_roundtrip.py $(BINARY)

chaos: release interop-environment ## faults and attacks, each with bounds: 25 minutes
	@mkdir -p $(ARTIFACTS)
	python3 testing/chaos/run.py $(BINARY) --json $(ARTIFACTS)/chaos.json $(CHAOS_ARGS)

chaos-short: release ## the same, 2.5 minutes; no slow DHT nodes where libtorrent is missing
	@mkdir -p $(ARTIFACTS)
	python3 testing/chaos/run.py $(BINARY) --short --json $(ARTIFACTS)/chaos-short.json \
		$(CHAOS_ARGS)

# Whole or not at all, so that an interrupted run leaves no part of it.
$(ARTIFACTS)/names.ndjson: testing/data/synthetic_index.py
	@mkdir -p $(ARTIFACTS)
	python3 $< 63000 --seed 1 > $@.part
	mv $@.part $@

bench: $(ARTIFACTS)/names.ndjson
bench: release ## answers out of RAM and of the index, side by side with nginx
	@scripts/install-deps.sh nginx-light wrk
	python3 testing/performance/bench_http.py $(BINARY) $(ARTIFACTS)/names.ndjson \
		--json $(ARTIFACTS)/http.json

import-bench: release ## Debian's names a second into a durable store, its start, its memory
	@scripts/install-deps.sh b3sum
	@mkdir -p $(ARTIFACTS)
	python3 testing/data/debian_index.py > $(ARTIFACTS)/debian.ndjson
	python3 $(PERF)/footprint.py $(BINARY) $(ARTIFACTS)/debian.ndjson

figures: perf-build ## every figure of PERFORMANCE.md, one after the other: over an hour, alone
	# A bar that is missed ends it; `make -i figures` goes on.
	$(MAKE) bench
	$(MAKE) import-bench
	$(MAKE) perf
	$(MAKE) bench-check
	$(MAKE) simulate
	$(MAKE) simulate SCENARIOS=hedging SEED=2
	$(MAKE) simulate SCENARIOS=hedging SEED=3
	$(CORE) --filter OutageTests
	python3 testing/e2e/run.py $(BINARY) --only dht_outage
	$(MAKE) dht-hostile
	$(MAKE) dht-hostile HOSTILE_ARGS="--spoofed 1"
	$(MAKE) dht-load
	$(MAKE) interop INTEROP_ARGS="--nodes 200 --count 250"
	$(MAKE) interop-compare
	$(MAKE) chaos

perf: perf-build ## the kit's part of PERFORMANCE.md: tables, plots, what they mean: half an hour
	# The kit says which part lacks a program that could not be installed.
	-@scripts/install-deps.sh nginx-light wrk valgrind linux-perf
	@failed=; for part in $(PERF_PARTS); do \
		python3 $(PERF)/kit.py $$part --out $(PERF_OUT) $(PERF_ARGS) \
			|| { [ $$? -lt 128 ] || exit 130; failed="$$failed $$part"; }; \
	done; \
	if [ -n "$$failed" ]; then echo "not measured:$$failed" >&2; exit 1; fi

# A file of names that somebody gives is not ours to make.
perf-load: $(filter $(ARTIFACTS)/names.ndjson,$(NAMES))
perf-load: $(LOAD) ## profiles against a running service: PROFILE=hit_slo URL=… NAMES=… CIDS=…
	python3 $(PERF)/kit.py load $(addprefix --profile ,$(PROFILE)) --url $(URL) \
		--names $(NAMES) $(addprefix --cids ,$(CIDS)) $(PERF_ARGS)

perf-explain: ## what the figures of a run mean: PERF_OUT=artifacts/perf/…
	python3 $(PERF)/kit.py explain $(PERF_OUT)

perf-publish: ## the tables of a run, into PERFORMANCE.md: PERF_OUT=artifacts/perf/…
	python3 $(PERF)/kit.py publish $(PERF_OUT)

perf-smoke: release $(LOAD) ## the kit on a small scale: that it measures, not what it measures
	rm -rf $(ARTIFACTS)/perf-smoke
	python3 $(PERF)/kit.py dedup --seconds 0.2 --out $(ARTIFACTS)/perf-smoke
	python3 $(PERF)/kit.py scale 1000 3000 --seconds 0.2 --out $(ARTIFACTS)/perf-smoke
	grep -q "Concurrent deduplication" $(ARTIFACTS)/perf-smoke/report.md
	grep -q "(scale.svg)" $(ARTIFACTS)/perf-smoke/report.md
	test -s $(ARTIFACTS)/perf-smoke/scale.svg

perf-build: release $(LOAD) ## what the performance kit measures with
	$(SWIFT) build -c release --product dht-probe
	$(SWIFT) build -c release --product hit-probe

# A build of its own, which says quickly that nothing has changed.
$(LOAD): FORCE
	$(SWIFT) build -c release --package-path $(PERF) --product svc-index-load
FORCE:

bench-check: release $(LOAD) ## the gate: a few figures beside their baselines, in two minutes
	@scripts/install-deps.sh nginx-light valgrind strace
	SVC_INDEX_CORE=1 $(SWIFT) build -c release --scratch-path .build-core --product dht-simulate
	SVC_INDEX_CORE=1 $(SWIFT) build -c release --scratch-path .build-core --product cache-probe
	$(SWIFT) build -c release --product hit-probe
	@mkdir -p $(ARTIFACTS)
	python3 $(PERF)/gate.py --json $(ARTIFACTS)/gate.json

test-perf: release $(LOAD) ## tests of the load generator and of the gate, on a planted regression
	@scripts/install-deps.sh strace
	$(TEST) --package-path $(PERF)
	PERF_BINARY=$(BINARY) PERF_LOAD=$(LOAD) python3 -m unittest discover -s $(PERF)

clean: ## removes everything that was built
	rm -rf .build .build-core .build-core-tests .build-fuzz $(PERF)/.build $(INTEROP_VENV) $(ARTIFACTS)
