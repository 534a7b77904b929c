#!/usr/bin/env bash
# Pushes the images that were built, and notes their digests: from here on they have no other names.
set -euo pipefail
mkdir -p .release
for target in serving operations pipeline; do
  docker push --quiet "$REGISTRY/$target:$TAG"
  docker inspect --format='{{range .RepoDigests}}{{println .}}{{end}}' "$REGISTRY/$target:$TAG" |
    grep --fixed-strings --max-count=1 "$REGISTRY/$target@sha256:" | tee ".release/$target"
done
