#!/usr/bin/env bash
# Makes .venv, in which later steps find the command line: tools.sh [REQUIREMENTS].
set -euo pipefail
python -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement "${1:-shared/local/requirements.txt}"
