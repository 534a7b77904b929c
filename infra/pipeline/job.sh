#!/usr/bin/env bash
# Deploys .release/serving to the sweep, and .release/operations to the monitor where there is one: jobs have no traffic to
# split, and run what serves.
set -euo pipefail
update() {
  gcloud run jobs update "$1" --project="$PROJECT" --region="$REGION" --image="$2" --update-labels="commit=${COMMIT:-by-hand}"
}
update classify-backlog "$(cat .release/serving)"
if [[ $MONITOR == yes ]]; then
  update monitor "$(cat .release/operations)"
fi
