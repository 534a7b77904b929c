#!/usr/bin/env bash
# Lints, checks types and runs every test, with the packages that are locked. What needs terraform or a browser is skipped
# here, as the tests say; continuous integration runs it.
set -euo pipefail
bash infra/pipeline/tools.sh requirements.txt
.venv/bin/ruff format --check .
.venv/bin/ruff check .
.venv/bin/mypy
.venv/bin/python -m pytest -q
