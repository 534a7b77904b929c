# The task list. `make demo` and `make test` set up what they need, in .venv.
PYTHON ?= python3
MINUTES ?= 30
BIN := .venv/bin
INSTALL := sh shared/local/install.sh $(BIN)/python
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist loadscope

.PHONY: help demo dev hooks check test test-rest test-all test-foreign fast-tests coverage cloud-check bench chaos soak small fuzz mutate keras2 audit bom licences lint format setup train lock docs docs-site clean
.DEFAULT_GOAL := help

help:  ## Say what can be made
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /  make \1\t/' | expand -t 20

demo: .venv/.local  ## Start the local cloud, drop images, show the rows, stop [IMAGES=folder BUNDLES="a b"]
	@$(BIN)/bucketlens demo --folder .bucketlens $(if $(IMAGES),--images "$(IMAGES)") $(addprefix --bundle ,$(BUNDLES))

dev: .venv/.dev  ## Install what make check needs into .venv, without TensorFlow

hooks: .venv/.dev  ## Check what a commit changes before git makes it; once for each clone [ALL=1 checks all files now]
	@$(BIN)/pre-commit $(if $(ALL),run --all-files,install)

check: .venv/.dev  ## Check format, lint, types and what needs no process, socket or TensorFlow: under a minute
	@$(MAKE) --no-print-directory -j 2 lint fast-tests

test: .venv/.everything lint  ## Run what a change can plausibly break; a part: TESTS=tests/images/test_decode.py
	@$(PYTEST) $(or $(TESTS),--tier check --tier test)

test-rest: .venv/.everything coverage  ## Run what takes long, or has its own harness: what test leaves out
	@$(PYTEST) --tier rest

test-all: test test-rest  ## Run every test but those of test-foreign

test-foreign: .venv/.everything  ## Compare with programs of other people, which are installed for it (docs/testing.md)
	@$(BIN)/python -m pytest --tier foreign

fast-tests: .venv/.dev
	@$(PYTEST) -q --tier check

coverage: .venv/.dev  ## Measure the branch coverage of make check's tests, which may not fall; lines: build/coverage.html
	@$(PYTEST) -q --tier check --cov --cov-report=html

cloud-check: .venv/.everything  ## Deploy in a project of yours, try it, remove it [PROJECT=id REGION=… CONFIRM='…', for which it asks]
	@$(BIN)/python -m tests.system.cloud_check --project '$(PROJECT)' $(if $(REGION),--region '$(REGION)') --confirm '$(value CONFIRM)' --write docs/proved.md $(ARGS)

chaos: .venv/.local  ## Kill, fail and duplicate in local clouds: nothing may be lost or doubled [ARGS="--images 60"]
	@$(BIN)/python -m tests.system.chaos $(ARGS)

soak: .venv/.local  ## Run steady traffic, overload and a burst: nothing may grow, or be lost [MINUTES=30]
	@$(BIN)/python -m tests.system.soak --minutes $(MINUTES) $(ARGS)

small: .venv/.everything  ## Serve in 256 MiB and a tenth of a CPU: it starts, answers and is not killed [ARGS="--times 5"]
	@$(BIN)/python -m tests.system.small_places $(ARGS)

bench: .venv/.everything  ## Measure beside what people would use instead, and the limit [QUICK=1 ARGS="--rounds 5"]
	@$(BIN)/python -m tests.system.bench $(if $(QUICK),--quick) $(ARGS)

fuzz: .venv/.everything  ## Look for inputs that break a rule [MINUTES=30]
	@$(BIN)/python -m tests.system.fuzz --minutes $(MINUTES)

mutate: .venv/.everything  ## Plant mistakes, one at a time: do the fast tests notice? [CHAPTER=pipeline SAMPLE=20 NEAR=1 AGAIN=1]
	@$(BIN)/python -m tests.mutation $(if $(CHAPTER),--chapter "$(CHAPTER)") $(if $(SAMPLE),--sample "$(SAMPLE)") $(if $(NEAR),--near) $(if $(AGAIN),--again)

keras2: .venv/.everything  ## Import files that Keras 2 itself writes, in environments of its own (1 GB, made once)
	@$(BIN)/python -m tests.importing.keras_2

audit: .venv/.everything  ## Ask for known vulnerabilities of everything that is locked
	@$(BIN)/python -m tests.system.supply_chain audit

bom: .venv/.everything  ## Write the bill of materials of what ships into build/bom.json
	@$(BIN)/python -m tests.system.supply_chain bom

licences: .venv/.everything  ## Write docs/licences.md
	@$(BIN)/python -m tests.system.supply_chain licences

lint: .venv/.dev  ## Check format, lint, spelling and types
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet . && $(BIN)/codespell && $(BIN)/mypy

format: .venv/.dev  ## Write the format
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

setup: .venv/.everything  ## Install everything into .venv: serving, local cloud, training, tests

train: .venv/.everything  ## Train a model: make train DATA=folder NAME=flowers
	@$(BIN)/bucketlens train "$(DATA)" --name "$(NAME)"

lock: .venv/.everything  ## Write the requirements files from pyproject.toml [UPGRADE=1]
	@PATH="$(CURDIR)/$(BIN):$$PATH" UPGRADE=$(UPGRADE) sh shared/local/lock.sh

docs: .venv/.local  ## Write the tables of docs/, the pages of Terraform modules, and docs/cli.md
	@$(BIN)/python docs/write_tables.py
	@$(BIN)/python docs/write_modules.py
	@$(BIN)/python docs/write_cli.py

docs-site: .venv/.dev  ## Make the site of docs/ in build/site, and check its links
	@$(BIN)/python docs/site/build.py

clean:  ## Remove what was made here: .venv, the demo's data, the site, caches
	rm -rf .venv .bucketlens build .pytest_cache .mypy_cache .ruff_cache *.egg-info

.venv/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else \
	  f"This is Python {v[0]}.{v[1]}, expected 3.11 to 3.13; name another with: make PYTHON=python3.12")'
	@$(PYTHON) -m venv --clear .venv || { rm -rf .venv; echo "Python could not make the folder .venv here, for the \
	  reason above: mend it, or name another Python with: make PYTHON=python3.12" >&2; exit 1; }

.venv/.local: .venv/bin/python pyproject.toml shared/local/requirements.txt shared/local/uv.txt
	@echo "Installing the local cloud into .venv (once)"
	@$(INSTALL) shared/local/requirements.txt
	@PIP_CONFIG_FILE=/dev/null $(BIN)/python -m pip install --isolated --quiet --disable-pip-version-check \
	  --no-index --no-deps --no-build-isolation --editable . && touch $@

.venv/.dev: .venv/.local tests/requirements.txt
	@echo "Installing what checks and tests need into .venv, without TensorFlow (once)"
	@$(INSTALL) tests/requirements.txt && touch $@

.venv/.everything: .venv/.local requirements.txt
	@echo "Installing everything into .venv, TensorFlow too (once; about 2.5 GB)"
	@$(INSTALL) requirements.txt && touch $@ .venv/.dev
