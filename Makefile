# The entry points of the project; `make` alone lists them. Each sets up what it needs.
# PYTHON=/path/to/python3.12 chooses the interpreter for a new environment.

VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.lock-run
DEV := $(VENV)/.lock-dev
NODE := requirements/node/package-lock.json tools/node_packages.py src/tidewaiter/kql/service/start.js
# pytest-xdist: one worker for each core; a file's tests stay together, so that they share their fixtures. Files run
# in their order: else the few long ones come last, and one worker waits for the other.
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder
SPHINX := $(BIN)/python -m sphinx -W -q -b html docs docs/_build/html

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench acceptance docs lock clean
.NOTPARALLEL:

help:
	@echo "make demo        a generated day of AWS logs through the whole pipeline into a local Sentinel"
	@echo "make test        everything that CI runs: check, then the tests"
	@echo "make check       format, lint, types, import order, the tree's contents, the docs build; no tests"
	@echo "make bench       the hot path beside plain reference loops; prints ratios"
	@echo "make acceptance  the long tests; runs that are killed, days with drift, and a large day; prints figures"
	@echo "make docs        reference pages from the code, then the HTML docs in docs/_build/html"
	@echo "make setup       the environment for all of these, in $(VENV)"
	@echo "make lock        newest allowed versions into requirements/*.txt"
	@echo "make clean       removes $(VENV) and everything that was built"

$(RUN): requirements/run.txt pyproject.toml tools/venv.sh $(NODE)
	@echo "setup: packages to run Tidewaiter into $(VENV); about 1 minute, most of it download" >&2
	@sh tools/venv.sh $(VENV) requirements/run.txt --package
	@touch $@

# The development lock holds all of the other one, in the same versions.
$(DEV): requirements/dev.txt requirements/run.txt pyproject.toml tools/venv.sh $(NODE)
	@echo "setup: packages to run, test and document Tidewaiter into $(VENV); about 2 minutes" >&2
	@sh tools/venv.sh $(VENV) requirements/dev.txt --package
	@touch $(RUN) $@

setup: $(DEV)

demo: $(RUN)
	@echo "demo: makes a small day of AWS logs, runs it through the pipeline into a local Sentinel, shows what was found" >&2
	@echo "demo: under a minute; no account, no network" >&2
	@$(BIN)/tidewaiter demo

check: $(DEV)
	@echo "check: format, lint, types, import order, the tree's contents, the docs build; about a minute" >&2
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python tools/check_tree.py
	$(SPHINX)

test: check
	@echo "test: the tests, without a network; on 2 cores under 15 minutes" >&2
	$(PYTEST) -m "not long"

bench: $(DEV)
	@echo "bench: the hot path and its reference loops on generated logs; about 4 minutes on a quiet machine" >&2
	$(BIN)/python -m bench

acceptance: $(DEV)
	@echo "acceptance: long tests, 30 kills over HTTP, days with drift, a day of 300,000 events twice; 30 minutes, into build/" >&2
	rm -rf build/killed build/large build/drifted
	$(PYTEST) -m long
	HYPOTHESIS_PROFILE=thorough $(PYTEST) -k laws
	$(BIN)/python -m tests.acceptance.killed --kills 30 --events 60000 --out build/killed
	$(BIN)/python -m tests.acceptance.drifted --out build/drifted
	$(BIN)/python -m tests.acceptance.large_day --events 300000 --out build/large

docs: $(DEV)
	@echo "docs: reference pages from the code, then HTML; about 20 seconds" >&2
	$(BIN)/python tools/cli_reference.py
	$(BIN)/python tools/sources_reference.py
	$(BIN)/python -m tools.parser_comparison
	$(BIN)/python tools/generator_reference.py
	$(BIN)/python tools/contracts_reference.py
	$(BIN)/python tools/settings_reference.py
	$(BIN)/python tools/kql_reference.py
	$(SPHINX)
	@echo "docs: open docs/_build/html/index.html" >&2

# Versions change only here. The environment of the resolver is its own: it is nobody's dependency.
lock:
	@echo "lock: newest allowed versions of all packages, with the hashes of every file; asks the package index" >&2
	@sh tools/venv.sh build/lock requirements/lock.txt
	@sh tools/lock.sh build/lock/bin/uv
	@git --no-pager diff --stat -- requirements || true

clean:
	rm -rf $(VENV) build dist docs/_build .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
