#!/usr/bin/env bash
# Gives .release/serving a share of the traffic on both services, compares its rows with those of what serves, and promotes
# it; rolls both services back if it is worse, or if anything goes wrong on the way. Where too few images came to tell, the
# golden set decides, asked of the revision on trial by its own URL and recorded nowhere; without one it keeps its share,
# and somebody decides. Fails unless it was promoted.
set -euo pipefail
image=$(cat .release/serving)
release() {
  python -m shared.cli release "$@" --project="$PROJECT" --region="$REGION" --dataset="$DATASET" \
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

release canary --image="$image" --percent="$PERCENT" ${COMMIT:+--commit="$COMMIT"} || {
  [[ $? != 2 ]] || is_moved=no # it serves already, or something else is on trial, which is not ours to end
  exit 1
}
# The two sides seldom see the same picture, so that labels are compared where they do; the golden set compared them before.
verdict=0
release check --wait="$((MINUTES * 60))" --min-images="$IMAGES" --min-shared=0 || verdict=$?
if [[ $verdict == 3 && -n $GOLDEN_SET && -n $TRIAL_URL ]]; then
  # The upload function cannot be asked so: it takes events only. It is the same image with the same model.
  python -m shared.cli smoke --golden-only --project="$PROJECT" --dataset="$DATASET" --url="$TRIAL_URL" \
    --audience="$AUDIENCE" --caller="$CALLER" --golden-set="$GOLDEN_SET"
elif [[ $verdict == 3 ]]; then
  is_moved=no
  echo "Too few images to tell, and no golden set to ask: $image keeps its $PERCENT %. Look at it: bucketlens release check; then: bucketlens release promote, or rollback" >&2
  exit 1
elif [[ $verdict != 0 ]]; then
  exit 1
fi
release promote
is_promoted=yes
echo "Promoted: $image"
