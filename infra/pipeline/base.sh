#!/usr/bin/env bash
# Writes the base image, by digest, into .release/base. The first build copies it into our registry, later ones take that
# copy, and RENEW=yes copies the newest: what is built does not change because somebody moved a tag.
set -euo pipefail
tag=$(sed -n 's/^ARG PYTHON=//p' functions/Dockerfile)
ours="$REGISTRY/base:${tag##*:}"
if [[ ${RENEW:-} == yes ]] || ! docker pull --quiet "$ours"; then
  docker pull --quiet "$tag"
  docker tag "$tag" "$ours"
  docker push --quiet "$ours"
fi
mkdir -p .release
docker inspect --format='{{range .RepoDigests}}{{println .}}{{end}}' "$ours" |
  grep --fixed-strings --max-count=1 "$REGISTRY/base@sha256:" | tee .release/base
