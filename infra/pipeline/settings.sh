#!/usr/bin/env bash
# Stops the build before anything is built if the trigger left out what later steps need.
set -euo pipefail
: "${GOLDEN_SET:?_GOLDEN_SET is not set: without labelled pictures nobody knows whether the model still works. Say golden_set in the pipeline variable of this environment, gs://BUCKET/FOLDER}"
: "${REGISTRY:?_REGISTRY is not set, expected REGION-docker.pkg.dev/PROJECT/bucketlens}"
: "${REGION:?_REGION is not set}"
: "${UPLOAD_BUCKET:?_UPLOAD_BUCKET is not set}"
[[ $GOLDEN_SET == gs://* ]] || {
  echo "_GOLDEN_SET is $GOLDEN_SET, expected gs://BUCKET/FOLDER" >&2
  exit 1
}
