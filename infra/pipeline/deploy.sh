#!/usr/bin/env bash
# Deploys .release/image to both services and to the job, moves all traffic to it, and notes which revisions serve.
set -euo pipefail
image=$(cat .release/image)
where=(--project="$PROJECT" --region="$REGION")

for service in classify-upload classify-request; do
  # A first deployment may find traffic pinned to a revision by a release, so it is moved explicitly.
  gcloud run services update "$service" "${where[@]}" --image="$image" --update-labels="commit=${COMMIT:-by-hand}"
  gcloud run services update-traffic "$service" "${where[@]}" --to-latest
  gcloud run services describe "$service" "${where[@]}" --format='value(status.latestReadyRevisionName)' >".release/$service.revision"
  echo "$service: $(cat ".release/$service.revision")"
done
gcloud run services describe classify-request "${where[@]}" --format='value(status.url)' >.release/classify-request.url
bash infra/pipeline/job.sh
