#!/usr/bin/env bash
# Deploys .release/serving to both services and moves all traffic to it. Notes which revisions serve, and tags those that
# served before as `previous`, which is where a rollback goes.
set -euo pipefail
image=$(cat .release/serving)
where=(--project="$PROJECT" --region="$REGION")

for service in classify-upload classify-request; do
  before=$(gcloud run services describe "$service" "${where[@]}" --flatten='status.traffic[]' \
    --format='value(status.traffic.percent,status.traffic.revisionName)' | sort --numeric-sort --reverse | sed -n '1s/.*\t//p')
  gcloud run services update "$service" "${where[@]}" --image="$image" --update-labels="commit=${COMMIT:-by-hand}"
  # A release may have pinned traffic to a revision, so it is moved explicitly.
  gcloud run services update-traffic "$service" "${where[@]}" --to-latest --set-tags="previous=$before"
  gcloud run services describe "$service" "${where[@]}" --format='value(status.latestReadyRevisionName)' >".release/$service.revision"
  echo "$service: $(cat ".release/$service.revision"), before it $before"
done
gcloud run services describe classify-request "${where[@]}" --format='value(status.url)' >.release/classify-request.url
