#!/usr/bin/env bash
# Deploys .release/image to the job: it has no traffic to split, and runs what serves.
set -euo pipefail
gcloud run jobs update classify-backlog --project="$PROJECT" --region="$REGION" \
  --image="$(cat .release/image)" --update-labels="commit=${COMMIT:-by-hand}"
