# Every target sees to its own packages and build. 'make help' lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

SWIFT ?= swift
RELEASE := .build/release
DEBUG := .build/debug
CLANG_FORMAT ?= clang-format
RUN_DATA ?= needletail-data/$(shell date -u +%Y%m%d-%H%M%S)
ARGS ?=
FUZZ_SECONDS ?= 60
MUTANTS ?=

.PHONY: help deps build run test interop replay bench bench-peers report goals gates thresholds mutants lint races \
  fuzz arm64 clean

help: ## This list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | \
	  awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

deps: ## Install what is missing from Debian (needs root or sudo only then)
	@perf/scripts/deps

build: deps ## Release build of the command, the benchmark and the library
	$(SWIFT) build -c release --scratch-path $(RELEASE)

run: deps ## Trade the generated market over real sockets; ARGS='--feed FILE …' for more
	$(SWIFT) build -c release --scratch-path $(RELEASE) --product needletail
	mkdir -p needletail-data
	$(RELEASE)/release/needletail run --data $(RUN_DATA) $(ARGS)

test: deps ## All tests
	$(SWIFT) test --scratch-path $(DEBUG)

interop: deps ## What is imported, compared with a reader of another make; ARGS=--all for every day
	@perf/scripts/deps interop
	$(SWIFT) build -c release --scratch-path $(RELEASE) --product needletail
	Tests/Interop/run.sh $(RELEASE)/release/needletail $(ARGS)

replay: deps ## A day of 20,000 records replayed, compared at every boundary
	$(SWIFT) build -c release --scratch-path $(RELEASE) --product needletail
	Tests/Gates/replay.sh $(RELEASE)/release/needletail

bench: deps ## All benchmark suites
	$(SWIFT) build -c release --scratch-path $(RELEASE) --product needletail-bench
	$(RELEASE)/release/needletail-bench $(ARGS)

report: deps ## Measures, draws and writes perf/reports/<date>: index.html and report.md
	@perf/scripts/deps report
	$(SWIFT) build -c release --scratch-path $(RELEASE) --product needletail-bench
	perf/scripts/report -- $(ARGS)

goals: ## Every goal beside this machine's figure, the base's and README's (minutes, for reading)
	@perf/scripts/deps gates
	-@perf/scripts/deps peers
	$(SWIFT) build -c release --scratch-path $(RELEASE) --product needletail-bench
	$(SWIFT) build -c release --scratch-path $(RELEASE) --product hot-path-audit
	perf/scripts/goals $(RELEASE)/release $(ARGS)

gates: ## Every gate: hot path, users' targets, exact counts, time against the base
	@perf/scripts/deps gates
	$(SWIFT) build -c release --scratch-path $(RELEASE) --product needletail-bench
	$(SWIFT) build -c release --scratch-path $(RELEASE) --product hot-path-audit
	perf/scripts/gates $(RELEASE)/release $(ARGS)

thresholds: ## Accept the present counts of the hot functions
	@perf/scripts/deps gates
	$(SWIFT) build -c release --scratch-path $(RELEASE) --product needletail-bench
	@version=$$($(SWIFT) --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' | head -n 1); \
	mkdir -p perf/thresholds/$$version; \
	$(RELEASE)/release/needletail-bench count --swift $$version \
	  --write-thresholds perf/thresholds/$$version/counts.json

mutants: deps ## Changes that the gates must catch, made to a copy and caught by name (minutes)
	@perf/scripts/deps gates
	Tests/Gates/run.sh $(MUTANTS)

bench-peers: deps ## Ours beside the peers of Debian and PyPI: the table of ratios
	-@perf/scripts/deps peers
	$(SWIFT) build -c release --scratch-path $(RELEASE) --product needletail-bench
	Benchmarks/Peers/bench-peers $(ARGS)

lint: ## Formatting, and what may not stand in the manifest and the hot files
	@perf/scripts/deps lint
	$(SWIFT) format lint --strict --parallel --recursive Package.swift Sources Tests Benchmarks Examples
	git ls-files '*.c' '*.h' '*.cpp' '*.hpp' | \
	  xargs -r $(CLANG_FORMAT) --dry-run -Werror
	perf/scripts/lint

races: deps ## Races of the rings, plain and under ThreadSanitizer
	Tests/Races/run.sh

fuzz: deps ## Each fuzzer for FUZZ_SECONDS
	Tests/Fuzz/run.sh $(FUZZ_SECONDS)

arm64: ## Cross-compile the C target for arm64 (Swift is not checked there)
	Tests/arm64/check.sh

clean: ## Remove what was built
	rm -rf .build .bench
