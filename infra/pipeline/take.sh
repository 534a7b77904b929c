#!/usr/bin/env bash
# Copies what was handed over into this project's registry as it is, and notes its name here. The digest does not change.
set -euo pipefail
if [[ ! $HANDED =~ ^([a-z0-9./_-]+)@(sha256:[0-9a-f]{64})$ ]]; then
  echo "_HANDED is \"$HANDED\", expected an image by digest: …/bucketlens/serving@sha256:… with 64 hex digits" >&2
  exit 1
fi
from=${BASH_REMATCH[1]} digest=${BASH_REMATCH[2]} here="$REGISTRY/serving"
if [[ $from != "$SOURCE/serving" ]]; then
  echo "_HANDED is from $from, expected $SOURCE/serving: nothing else is taken" >&2
  exit 1
fi
if [[ $from != "$here" ]]; then
  gcloud container images add-tag --quiet "$HANDED" "$here:$TAG"
fi
# Fails if there is no such image here, so also if the copy were another one.
gcloud artifacts docker images describe "$here@$digest" --format='value(image_summary.digest)'
mkdir -p .release
echo "$here@$digest" | tee .release/serving
