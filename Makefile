# `make demo` and `make test` need Python 3.10+, pip and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CORES = $(shell $(PYTHON) -c 'import os; print(min(8, os.cpu_count() or 2))')
# Twice the cores: half of the tests' time they wait for processes and disks.
WORKERS ?= $(shell expr 2 \* $(CORES))

.PHONY: help venv demo test test-writers check lint gauntlets bench screenshots reference clean
help:
	@echo "make venv       the virtual environment that the others use"
	@echo "make demo       the whole main job on sample data"
	@echo "make test       the test suite"
	@echo "make test-writers  real tools such as torch and wandb as runs; installs them into .writers"
	@echo "make check      lint, and the tests that are quick: for every change"
	@echo "make lint       ruff, mypy, the layers test"
	@echo "make gauntlets  the acceptance gauntlets G1-G11"
	@echo "make bench      the figures of the README"
	@echo "make screenshots  the pictures of docs/screens.md and README"
	@echo "make reference  the tables of commands and options in docs/usage.md, and the man page"

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "RunForge needs Python 3.10 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $(STAMP)

venv: $(STAMP)

demo: $(STAMP)
	$(BIN)/runforge demo

test: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

test-writers: $(STAMP)
	$(PYTHON) tests/writers/install.py .writers
	RUNFORGE_WRITERS=$(CURDIR)/.writers/bin/python $(BIN)/python -m pytest -rs tests/writers $(ARGS)

check: lint
	$(BIN)/python -m pytest -q -n $(CORES) --dist worksteal -m 'not slow' $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_layers.py

gauntlets: $(STAMP)
	$(BIN)/python -m gauntlets $(ARGS)

bench: $(STAMP)
	$(BIN)/python -m bench $(ARGS)

screenshots: $(STAMP)
	$(BIN)/python -m bench.screenshots

reference: $(STAMP)
	$(BIN)/python -m runforge.cli.reference docs/usage.md
	$(BIN)/python -m runforge.cli.manual docs/man/runforge.1

clean:
	rm -rf $(VENV) .writers .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
