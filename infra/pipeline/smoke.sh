#!/usr/bin/env bash
# Asks the revisions that were just deployed to do their work; fails if one does not, or does it badly.
set -euo pipefail
.venv/bin/python -m shared.cli smoke \
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
  --max-error-rate="$MAX_ERROR_RATE"
