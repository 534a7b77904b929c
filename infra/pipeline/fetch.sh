#!/usr/bin/env bash
# Fetches the commit that a webhook named, if it is one of the last 500 of the branch that it named; without a commit, the
# branch's newest. GIT_TOKEN, where there is one, reads a private repository.
set -euo pipefail
if [[ ! $REF =~ ^refs/heads/[A-Za-z0-9._/-]+$ ]]; then
  echo "_REF is \"$REF\", expected refs/heads/BRANCH" >&2
  exit 1
fi
if [[ ! ${COMMIT:-} =~ ^([0-9a-f]{40})?$ ]]; then
  echo "_COMMIT is \"$COMMIT\", expected 40 hex digits" >&2
  exit 1
fi
git init --quiet .
if [[ -n ${GIT_TOKEN:-} ]]; then
  # shellcheck disable=SC2016  # the helper reads the token when git asks, so that it is written nowhere
  git config credential.helper '!f() { echo username=oauth2; echo "password=$GIT_TOKEN"; }; f'
fi
git fetch --quiet --depth=500 "$REMOTE" "$REF"
if [[ -n ${COMMIT:-} ]] && ! git merge-base --is-ancestor "$COMMIT" FETCH_HEAD; then
  echo "$COMMIT is none of the last 500 commits of $REF" >&2
  exit 1
fi
git checkout --quiet "${COMMIT:-FETCH_HEAD}"
git log -1 --format='%H %s'
