#!/usr/bin/env bash
# Asks the revisions that were just deployed to do their work. If one does not, or does it badly, those that served before
# serve again, and the build fails.
set -euo pipefail
python -m shared.cli smoke \
  --project="$PROJECT" \
  --dataset="$DATASET" \
  --bucket="gs://$UPLOAD_BUCKET" \
  --url="${URL:-$(cat .release/classify-request.url)}" \
  --caller="$CALLER" \
  --golden-set="$GOLDEN_SET" \
  --upload-revision="$(cat .release/classify-upload.revision)" \
  --request-revision="$(cat .release/classify-request.revision)" \
  --min-accuracy="$MIN_ACCURACY" \
  --max-p95-ms="$MAX_P95_MS" \
  --max-error-rate="$MAX_ERROR_RATE" || {
  python -m shared.cli release rollback --project="$PROJECT" --region="$REGION" --dataset="$DATASET" \
    --service=classify-upload --service=classify-request || echo "The rollback failed; by hand: docs/runbook.md" >&2
  exit 1
}
