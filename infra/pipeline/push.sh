#!/usr/bin/env bash
# Pushes the image that was built, and notes its digest: from here on it has no other name.
set -euo pipefail
docker push --quiet "$IMAGE:$TAG"
digest=$(docker inspect --format='{{range .RepoDigests}}{{println .}}{{end}}' "$IMAGE:$TAG" | grep --fixed-strings --max-count=1 "$IMAGE@sha256:")
mkdir -p .release
echo "$digest" | tee .release/image
