#!/usr/bin/env bash
# Tells production of .release/image, by digest; there it waits for approval. With no topic it goes no further.
set -euo pipefail
if [[ -z $TOPIC ]]; then
  echo "_TOPIC is empty: $(cat .release/image) stays here"
  exit 0
fi
gcloud pubsub topics publish "$TOPIC" --message="{\"image\": \"$(cat .release/image)\", \"commit\": \"${COMMIT:-by-hand}\"}"
