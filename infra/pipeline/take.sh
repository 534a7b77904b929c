#!/usr/bin/env bash
# Copies what was handed over into this project's registry as it is, and notes its names here. The digests do not change.
set -euo pipefail
mkdir -p .release
take() { # the substitution's name, its value, the image's name
  if [[ ! $2 =~ ^([a-z0-9./_-]+)@(sha256:[0-9a-f]{64})$ ]]; then
    echo "$1 is \"$2\", expected an image by digest: …/bucketlens/$3@sha256:… with 64 hex digits" >&2
    exit 1
  fi
  local from=${BASH_REMATCH[1]} digest=${BASH_REMATCH[2]} here="$REGISTRY/$3"
  if [[ $from != "$SOURCE/$3" ]]; then
    echo "$1 is from $from, expected $SOURCE/$3: nothing else is taken" >&2
    exit 1
  fi
  if [[ $from != "$here" ]]; then
    gcloud container images add-tag --quiet "$2" "$here:$TAG"
  fi
  # Fails if there is no such image here, so also if the copy were another one.
  gcloud artifacts docker images describe "$here@$digest" --format='value(image_summary.digest)'
  echo "$here@$digest" | tee ".release/$3"
}
take _HANDED "$HANDED" serving
take _OPERATIONS "$OPERATIONS" operations
