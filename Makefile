# `make demo` and `make test` need Python 3.10+, pip and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CORES = $(shell $(PYTHON) -c 'import os; print(min(8, os.cpu_count() or 2))')
# Twice the cores: half of the tests' time they wait for processes and disks.
WORKERS ?= $(shell expr 2 \* $(CORES))

.PHONY: help venv demo test test-slurm test-writers gpu-check gpu-wheels check lint gauntlets bench screenshots reference clean
help:
	@echo "make venv       the virtual environment that the others use"
	@echo "make demo       the whole main job on sample data"
	@echo "make test       the test suite"
	@echo "make test-slurm  a private Slurm cluster on this machine; skips where Slurm is not. Installs nothing"
	@echo "make test-writers  real tools such as torch and wandb as runs; installs them into .writers"
	@echo "make gpu-check  a few minutes on a real GPU; skips where there is none. No network, no .venv"
	@echo "make gpu-wheels  what gpu-check needs on a machine without a network, into .gpu-check"
	@echo "make check      lint, and the tests that are quick: for every change"
	@echo "make lint       ruff, mypy, the layers test"
	@echo "make gauntlets  the acceptance gauntlets G1-G17"
	@echo "make bench      the figures of the README"
	@echo "make screenshots  the pictures of docs/screens.md and README"
	@echo "make reference  what is made from the tables of commands: docs/usage.md, the man page, help, the table for plain calls"

$(STAMP): pyproject.toml scripts/runforge
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "RunForge needs Python 3.10 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	$(BIN)/python -m compileall -q runforge  # also where PYTHONDONTWRITEBYTECODE is set, as in many containers
	@touch $(STAMP)

venv: $(STAMP)

demo: $(STAMP)
	$(BIN)/runforge demo

test: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

test-slurm: $(STAMP)
	$(BIN)/python -m pytest -q -rs -n $(WORKERS) --dist worksteal tests/slurm tests/backends/slurm $(ARGS)

test-writers: $(STAMP)
	$(PYTHON) tests/writers/install.py .writers
	RUNFORGE_WRITERS=$(CURDIR)/.writers/bin/python $(BIN)/python -m pytest -rs tests/writers $(ARGS)

gpu-check:
	$(PYTHON) tests/gpu/check.py

# Small ones alone: numpy, scipy, scikit-learn, psutil and nvidia-ml-py are expected there.
GPU_PYTHON ?= 3.12
GPU_WHEELS = msgspec textual typer sqlite-utils sqlite-fts4 click-default-group pluggy tabulate python-dateutil six \
	rich markdown-it-py mdit-py-plugins linkify-it-py uc-micro-py mdurl platformdirs pygments click shellingham \
	annotated-doc typing-extensions pysqlite3
gpu-wheels:
	$(PYTHON) -m pip download --quiet --only-binary=:all: --no-deps --implementation cp \
		--python-version $(GPU_PYTHON) --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 \
		--platform manylinux2014_x86_64 -d .gpu-check/wheels $(GPU_WHEELS)

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
	$(BIN)/python -m runforge.cli.making

clean:
	rm -rf $(VENV) .writers .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
