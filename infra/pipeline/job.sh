#!/usr/bin/env bash
# Deploys .release/serving to the job: it has no traffic to split, and runs what serves.
set -euo pipefail
gcloud run jobs update classify-backlog --project="$PROJECT" --region="$REGION" \
  --image="$(cat .release/serving)" --update-labels="commit=${COMMIT:-by-hand}"
