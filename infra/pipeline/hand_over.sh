#!/usr/bin/env bash
# Tells production of the images, by digest; there they wait for approval. With no topic they go no further.
set -euo pipefail
if [[ -z $TOPIC ]]; then
  echo "_TOPIC is empty: $(cat .release/serving) stays here"
  exit 0
fi
gcloud pubsub topics publish "$TOPIC" --message="{\"image\": \"$(cat .release/serving)\", \"operations\": \"$(cat .release/operations)\", \"tools\": \"$(cat .release/pipeline)\", \"commit\": \"${COMMIT:-by-hand}\"}"
