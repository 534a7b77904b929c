#!/usr/bin/env bash
# Makes a revision of .release/image in both services, tagged `candidate`, which gets no traffic yet.
set -euo pipefail
image=$(cat .release/image)
for service in classify-upload classify-request; do
  gcloud run services update "$service" --project="$PROJECT" --region="$REGION" \
    --image="$image" --no-traffic --tag=candidate --update-labels="commit=${COMMIT:-by-hand}"
done
