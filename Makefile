# make run    builds the release and opens the box office on http://127.0.0.1:8000 (settings: ARGS="--port 9000")
# make test   builds and runs every test, the running binary included
# make bench  how fast it is, next to nginx; ARGS="--quick" for a look
# make cluster-demo  a sale on six Redis servers and three nodes behind nginx, with kill -9 in the middle
# make queue-demo  a sale with a queue and its draw on six Redis servers and two nodes, with kill -9 in the middle
# make build-cost  the CPU of a first build, target by target
# make micro  instructions and allocations of the core against their thresholds
# make lint   formatting, warnings

# One kind of build for `run`, `test` and `bench`: the tests use public and package API, so they need no second world.
# Exclusivity is checked in the tests of a debug build (make test-debug); its checks were 2.5 % of an availability request.
# C, which is nearly all BoringSSL, is compiled without debug information: that saves about a tenth of it.
FLAGS := -c release -Xswiftc -enforce-exclusivity=unchecked -Xcc -g0
SWIFT_BUILD := swift build $(FLAGS)
# Tests of all suites run beside one another, and hundreds of them would share two cores: a call of a few milliseconds
# would take seconds, and holds of a minute would end in the middle of a test.
SWIFT_TEST := env SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=20 swift test $(FLAGS) --skip-build
ARGS ?=
# What every server must pass.
STORE_SUITES := RedisStoreTests[.](ContractTests|TroubleTests|ScriptTests|LedgerTests)/
MICRO := benchmarks/micro/Package.swift benchmarks/micro/Sources benchmarks/micro/Benchmarks

.PHONY: run build build-cost test generate test-debug other-servers mutation mutation-redis mutation-edge mutation-ledger screenshots bench cluster-demo queue-demo micro lint format packages \
	dist-program install dist package

run: build
	exec .build/release/holdfast serve $(ARGS)

build: packages
	$(SWIFT_BUILD) --product holdfast

test: packages
	Tests/prepare
	Tests/prepare cluster
	# `swift test` by itself would compile everything anew, with other flags. One core waits during half of the build, since
	# modules wait for one another: the planted mistakes have a small build of their own and take what is left.
	Tests/beside 'Tests/timed Tests/Mutation/run --jobs 1' Tests/timed $(SWIFT_BUILD) --build-tests
	Tests/timed $(SWIFT_TEST)
	Tests/timed Tests/EndToEnd/run
	Tests/timed Tests/EndToEnd/run --on-redis
	Tests/timed Tests/EndToEnd/run --on-cluster
	$(MAKE) other-servers

# Redis 6.2 has no functions; Valkey is another program. Needs the tests to be built.
other-servers:
	Tests/timed Tests/EndToEnd/on-server redis-6.2 $(SWIFT_TEST) --filter '$(STORE_SUITES)'
	Tests/timed Tests/EndToEnd/on-server valkey $(SWIFT_TEST) --filter '$(STORE_SUITES)'

# Writes what tables in the code generate: parts of documents and of the API's description. TidyTests compares them.
generate: packages
	$(SWIFT_BUILD) --build-tests
	HOLDFAST_GENERATE=1 $(SWIFT_TEST) --filter TidyTests.GeneratedTests

test-debug: packages
	swift test --scratch-path .build-debug

mutation:
	Tests/Mutation/run

# By itself: it compiles a world of its own, and its tests start servers.
mutation-redis:
	Tests/prepare
	Tests/Mutation/run --redis

# By itself: it compiles NIO and the framework once more.
mutation-edge:
	Tests/Mutation/run --edge

# By itself: it compiles SQLite's Swift side once more.
mutation-ledger:
	Tests/Mutation/run --ledger

# Pictures of all pages, for docs/images. Look at each of them.
screenshots: build
	Tests/prepare
	Tests/EndToEnd/screenshots $(ARGS)

bench: packages
	benchmarks/run $(ARGS)

# ARGS="--failovers 100" for longer, "--help" for the rest.
cluster-demo: build
	@Tests/prepare cluster
	@demo/cluster $(ARGS)

queue-demo: build
	@Tests/prepare cluster
	@demo/queue $(ARGS)

# By itself: it compiles a world of its own.
micro: packages
	benchmarks/micro/run $(ARGS)

# By itself: it builds from scratch, twice.
build-cost: packages
	benchmarks/build $(ARGS) -- $(SWIFT_BUILD)

# What others install: see packaging/README.md. PROGRAM=FILE takes a program that is built already.
PREFIX ?= /usr/local
ifeq ($(origin PROGRAM),undefined)
PROGRAM := .build-dist/release/holdfast
install dist package: dist-program
endif

dist-program: packages
	packaging/build .build-dist

install:
	PROGRAM=$(PROGRAM) PREFIX=$(PREFIX) packaging/install

dist:
	PROGRAM=$(PROGRAM) packaging/dist dist

package:
	PROGRAM=$(PROGRAM) packaging/deb dist

lint:
	swift format lint --strict --recursive Sources Tests Package.swift $(MICRO)

format:
	swift format --in-place --recursive Sources Tests Package.swift $(MICRO)

# The one thing that neither Swift nor this package brings.
packages:
	@Tests/prepare build
