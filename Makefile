# Tasks of the project; each does its own set-up in .venv/. `make help` lists them.
# Works with GNU make 3.81 (macOS) and newer, and any POSIX sh.

VENV := .venv
BIN := $(VENV)/bin
HOMES := .homes
SCENARIO ?= deir-ezzor-2017
ARGS ?=
PATHS := channel clients tests bench
LOCK := $(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --quiet

export PYTHON
export SETUP_VENV := $(VENV)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# A user's settings of pip and Python that would lead an installation out of .venv.
export PIP_USER := 0
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PIP_TARGET PIP_PREFIX
# Without compiled modules on disk every command would start several times more slowly.
unexport PYTHONDONTWRITEBYTECODE

# Once the tools for development are installed, `make run` keeps them instead of taking them away again.
RUNNABLE = $(if $(wildcard $(VENV)/.installed-dev),$(VENV)/.installed-dev,$(VENV)/.installed-run)

# The console's pages are built again when anything they are made of is newer.
PAGES := channel/console/static/index.html
PAGES_FROM := $(shell find channel/console/web \( -name node_modules -o -name types \) -prune -o -type f -print)

.DEFAULT_GOAL := help
.PHONY: help first-alert bench bench-picture bench-console setup run test long format-check lint types contracts tests pages browser screenshots console format lock clean check-python

help:  ## list the tasks
	@echo "Tasks (each does its own set-up; the first one takes a minute or two):"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

setup: $(VENV)/.installed-dev  ## only the set-up: everything for running and for development

run: $(RUNNABLE)  ## the whole channel on this machine with the scenario (SCENARIO=name, ARGS="--speed max --exit")
	@n=1; while [ -e $(HOMES)/$$n ]; do n=$$((n + 1)); done; mkdir -p $(HOMES); \
	nice sh requirements/pages.sh behind & \
	echo "==> channel up --scenario $(SCENARIO) --home $(HOMES)/$$n $(ARGS)"; \
	exec $(BIN)/channel up --scenario $(SCENARIO) --home $(HOMES)/$$n $(ARGS)

test: format-check lint types contracts tests pages browser  ## what CI runs: format, lint, types, import contracts, tests, the console's pages
	@echo "==> all checks passed"

format-check: $(VENV)/.installed-dev  ## is everything formatted?
	@echo "==> format"
	@$(BIN)/ruff format --check --quiet $(PATHS) || { echo "Not formatted; 'make format' does it." >&2; exit 1; }

lint: $(VENV)/.installed-dev  ## ruff's rules, banned calls among them
	@echo "==> lint"
	@$(BIN)/ruff check --quiet $(PATHS)

types: $(VENV)/.installed-dev  ## mypy, strict
	@echo "==> types"
	@$(BIN)/mypy

contracts: $(VENV)/.installed-dev  ## which room may import which
	@echo "==> import contracts"
	@$(BIN)/lint-imports --config pyproject.toml

tests: $(VENV)/.installed-dev  ## the tests alone (ARGS="tests/unit -k name")
	@echo "==> tests"
	@$(BIN)/python -m pytest $(ARGS)

long: $(VENV)/.installed-dev  ## what takes too long for each time: every bit of a bundle changed (some minutes)
	@EVERY_BIT=1 $(BIN)/python -m pytest tests/unit/log/test_bundle_tampering.py $(ARGS)

console: $(PAGES)  ## build the console's pages (with the system's Node.js, or one from PyPI)

pages: $(VENV)/.installed-dev  ## check the console's pages: types, languages, their own tests
	@echo "==> pages"
	@sh requirements/pages.sh check

# Playwright's loop and those of the other tests do not go together: a process of its own.
browser: $(VENV)/.installed-dev  ## the console in a real browser (needs Chromium and Node.js)
	@echo "==> browser"
	@$(MAKE) --silent $(PAGES) || true
	@$(BIN)/python -m pytest tests/browser $(BROWSER_ARGS); status=$$?; [ $$status -eq 5 ] || exit $$status

screenshots: $(PAGES)  ## the pictures in docs/console (needs Chromium)
	@$(BIN)/python -m tests.browser.screenshots

format: $(VENV)/.installed-dev  ## format, and repair what the linter can repair
	@$(BIN)/ruff check --quiet --fix-only $(PATHS)
	@$(BIN)/ruff format --quiet $(PATHS)

lock: $(VENV)/.installed-dev  ## pin newest allowed versions into requirements/*.txt (ARGS="--upgrade")
	@echo "==> resolving"
	@$(LOCK) $(ARGS) requirements/uv.in -o requirements/uv.txt
	@$(LOCK) $(ARGS) pyproject.toml --group build --group dev -o requirements/dev.txt
	@$(LOCK) $(ARGS) pyproject.toml -c requirements/dev.txt -o requirements/run.txt
	@$(LOCK) $(ARGS) requirements/ci.in -o requirements/ci.txt
	@$(LOCK) $(ARGS) requirements/node.in -o requirements/node.txt
	@$(LOCK) $(ARGS) --group build -c requirements/dev.txt -o requirements/build.txt

first-alert: $(VENV)/.installed-dev  ## measure clone to first alert, and write it into README
	@$(BIN)/python bench/first_alert.py

bench: bench-picture bench-console  ## both benchmarks, one after the other; each prints one table

bench-picture: $(VENV)/.installed-dev  ## what a notice and a start cost with 1,000 to 100,000 active volumes, as ratios
	@$(BIN)/python bench/picture.py

bench-console: $(VENV)/.installed-dev $(PAGES)  ## from a leaf's commit to one and to ten browsers, and what a browser costs
	@$(BIN)/python bench/console.py

clean:  ## remove the environment and all caches (homes stay)
	rm -rf $(VENV) channel/console/static channel/console/web/node_modules build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(PAGES): $(PAGES_FROM) requirements/node.txt | $(RUNNABLE)
	@sh requirements/pages.sh build

$(VENV)/.installed-run: requirements/run.txt requirements/build.txt $(VENV)/.made pyproject.toml
	@sh requirements/setup.sh install run build

$(VENV)/.installed-dev: requirements/dev.txt $(VENV)/.made pyproject.toml
	@sh requirements/setup.sh install dev

# A virtual environment whose Python has gone (an upgrade, a moved directory) is made again.
$(VENV)/.made: requirements/uv.txt requirements/setup.sh $(BIN)/python | check-python
	@sh requirements/setup.sh make

$(BIN)/python: ;

check-python:
	@sh requirements/setup.sh check
