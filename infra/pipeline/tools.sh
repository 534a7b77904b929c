#!/usr/bin/env bash
# Makes .venv, in which later steps find the command line: tools.sh [REQUIREMENTS].
set -euo pipefail
python -m venv .venv
sh shared/local/install.sh .venv/bin/python "${1:-shared/local/requirements.txt}"
