#!/usr/bin/env bash
# Builds what serves, what judges it, and what the pipeline itself runs on, from the base image that .release/base names.
set -euo pipefail
export DOCKER_BUILDKIT=1
for target in serving operations pipeline; do
  docker build --file=functions/Dockerfile --target="$target" --build-arg="PYTHON=$(cat .release/base)" \
    --tag="$REGISTRY/$target:$TAG" .
done
