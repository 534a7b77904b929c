#!/usr/bin/env bash
# Gives .release/image a share of the traffic on both services, compares its rows with those of what serves, and promotes
# it; rolls both services back if it is worse, if too few images came to tell, or if anything goes wrong on the way. Fails
# unless it was promoted.
set -euo pipefail
image=$(cat .release/image)
release() {
  .venv/bin/python -m shared.cli release "$@" --project="$PROJECT" --region="$REGION" --dataset="$DATASET" \
    --service=classify-upload --service=classify-request
}

is_moved=yes
is_promoted=no
finish() {
  [[ $is_promoted == no ]] || return 0
  if [[ $is_moved == yes ]]; then
    release rollback || echo "The rollback failed; by hand: docs/runbook.md" >&2
  fi
  echo "Not promoted: $image" >&2
  exit 1
}
trap finish EXIT # also after a failure inside a function, a cancelled build, a time limit
trap 'exit 1' INT TERM

release canary --image="$image" --percent="$PERCENT" || {
  [[ $? != 2 ]] || is_moved=no # it serves already, or something else is on trial, which is not ours to end
  exit 1
}
# The two sides seldom see the same picture, so that labels are compared where they do; the golden set compared them before.
release check --wait="$((MINUTES * 60))" --min-images="$IMAGES" --min-shared=0
release promote
is_promoted=yes
echo "Promoted: $image"
