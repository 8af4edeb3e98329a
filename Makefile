# `make demo` and `make test` need Python 3.11 or newer, make and git; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RULES ?= rules.yaml
STAMPS := $(VENV)/.stamps

.PHONY: demo run test check bench-ack lock clean help
help:
	@echo "make demo    play one incident from open to closed in both dialects, without credentials"
	@echo "make test    run the tests"
	@echo "make run     start the service with RULES=$(RULES)"
	@echo "make check   ruff, mypy --strict, import contracts"
	@echo "make bench-ack  how fast webhooks are acknowledged"
	@echo "make lock    solve the dependencies again and write the lock files"

demo: $(STAMPS)/run
	@$(BIN)/followthrough demo

run: $(STAMPS)/run
	@$(BIN)/followthrough up --rules $(RULES)

test: $(STAMPS)/dev
	@$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

check: $(STAMPS)/dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench-ack: $(STAMPS)/run
	@$(BIN)/python -m bench.acknowledge

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
