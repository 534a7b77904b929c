#!/usr/bin/env bash
# Lints, checks types and runs what `make test` runs, with the packages that are locked; continuous integration runs the
# rest (docs/testing.md).
set -euo pipefail
bash infra/pipeline/tools.sh requirements.txt
.venv/bin/ruff format --check .
.venv/bin/ruff check .
.venv/bin/mypy
.venv/bin/python -m pytest --numprocesses 2 --dist loadscope --tier check --tier test
