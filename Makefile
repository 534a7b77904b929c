# The task list. `make demo` and `make test` set up what they need, in .venv.
PYTHON ?= python3
MINUTES ?= 30
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check

.PHONY: help demo test bench chaos soak small fuzz audit bom licences lint format setup train lock docs clean
.DEFAULT_GOAL := help

help:  ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

demo: .venv/.local  ## Start the local cloud, drop images, show the rows, stop [IMAGES=folder BUNDLES="a b"]
	@$(BIN)/bucketlens demo $(if $(IMAGES),--images "$(IMAGES)") $(addprefix --bundle ,$(BUNDLES))

test: .venv/.everything lint  ## Run every test
	@$(BIN)/python -m pytest $(TESTS)

chaos: .venv/.local  ## Kill, fail and duplicate in local clouds: nothing may be lost or doubled [ARGS="--images 60"]
	@$(BIN)/python -m tests.chaos $(ARGS)

soak: .venv/.local  ## Run steady traffic, overload and a burst: nothing may grow, or be lost [MINUTES=30]
	@$(BIN)/python -m tests.soak --minutes $(MINUTES) $(ARGS)

small: .venv/.everything  ## Serve in 256 MiB and a tenth of a CPU: it starts, answers and is not killed [ARGS="--times 5"]
	@$(BIN)/python -m tests.small_places $(ARGS)

bench: .venv/.everything  ## Measure beside what people would use instead, and the limit [QUICK=1 ARGS="--rounds 5"]
	@$(BIN)/python -m tests.bench $(if $(QUICK),--quick) $(ARGS)

fuzz: .venv/.everything  ## Look for inputs that break a rule [MINUTES=30]
	@$(BIN)/python -m tests.fuzz --minutes $(MINUTES)

audit: .venv/.everything  ## Ask for known vulnerabilities of everything that is locked
	@$(BIN)/python -m tests.supply_chain audit

bom: .venv/.everything  ## Write the bill of materials of what ships into build/bom.json
	@$(BIN)/python -m tests.supply_chain bom

licences: .venv/.everything  ## Write docs/licences.md
	@$(BIN)/python -m tests.supply_chain licences

lint: .venv/.everything  ## Check format, lint and types
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet . && $(BIN)/mypy

format: .venv/.everything  ## Write the format
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

setup: .venv/.everything  ## Install everything into .venv: serving, local cloud, training, tests

train: .venv/.everything  ## Train a model: make train DATA=folder NAME=flowers
	@$(BIN)/bucketlens train "$(DATA)" --name "$(NAME)"

lock: .venv/.everything  ## Write the requirements files from pyproject.toml
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh shared/local/lock.sh

docs: .venv/.local  ## Write the tables of README.md and docs/rows.md
	@$(BIN)/python docs/write_tables.py
	@$(BIN)/python docs/write_modules.py

clean:  ## Remove what was made here: .venv, the local cloud's data, caches
	rm -rf .venv .bucketlens .pytest_cache .mypy_cache .ruff_cache *.egg-info

.venv/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else \
	  f"This is Python {v[0]}.{v[1]}, expected 3.11 to 3.13; name another with: make PYTHON=python3.12")'
	@$(PYTHON) -m venv .venv

.venv/.local: .venv/bin/python pyproject.toml shared/local/requirements.txt
	@echo "Installing the local cloud into .venv (once)"
	@$(PIP) -r shared/local/requirements.txt && $(PIP) --no-deps -e . && touch $@

.venv/.everything: .venv/.local requirements.txt
	@echo "Installing everything into .venv, TensorFlow too (once)"
	@$(PIP) -r requirements.txt && touch $@
