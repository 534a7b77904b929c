#!/usr/bin/env bash
# Gives the candidates a share of the traffic, waits, compares, and promotes them; rolls both back if one is worse, or if
# anything goes wrong on the way. Fails unless they were promoted.
set -euo pipefail
services=(classify-upload classify-request)
release() { .venv/bin/python -m shared.cli release "$@" --project="$PROJECT" --region="$REGION" --dataset="$DATASET"; }

roll_back() {
  trap - ERR
  local failed=0
  for service in "${services[@]}"; do
    release rollback --service="$service" || failed=1
  done
  ((failed)) && echo "A rollback failed: docs/runbook.md, \"By hand\"" >&2
  echo "Not promoted: $(cat .release/image)" >&2
  exit 1
}
trap roll_back ERR TERM

for service in "${services[@]}"; do
  release canary --service="$service" --percent="$PERCENT"
done
echo "Watching for $MINUTES minutes"
sleep "${MINUTES}m"
for service in "${services[@]}"; do
  release check --service="$service"
done
for service in "${services[@]}"; do
  release promote --service="$service"
done
echo "Promoted: $(cat .release/image)"
