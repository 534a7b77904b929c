#!/bin/sh
# Writes the requirements files from pyproject.toml, with hashes: `make lock`. What is locked stays as it is where it can;
# UPGRADE=1 takes the newest versions instead.
set -eu
FIRST='functions-framework tensorflow-cpu tensorflow pillow numpy google-cloud-storage google-cloud-bigquery google-cloud-logging pytest'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Later releases refuse Python 3.11 and above, which uv does not mind and pip does.
echo 'backports-strenum<1.3' >"$work/bounds.txt"
compile() {
    uv pip compile "$@" --universal --python-version 3.11 --quiet --no-header --no-annotate --generate-hashes \
        --constraint "$work/bounds.txt"
}

# A package and its hashes on one line, so that lines can be chosen and put in order; and apart again.
joined() { awk '{ sub(/^ +/, ""); if (sub(/ *\\$/, "")) printf "%s ", $0; else print }'; }
apart() { awk '{ gsub(/ --hash=/, " \\\n    --hash="); print }'; }

grep -v '^-' requirements.txt >"$work/whole.txt"
compile pyproject.toml --all-extras ${UPGRADE:+--upgrade} --output-file "$work/whole.txt" >/dev/null
all=$(joined <"$work/whole.txt")
pinned() { echo "$all" | sed 's/ --hash=.*//' | grep -E "^($1)=="; }
part() { compile "$@" --constraint "$work/whole.txt"; }

{
    echo '# What a deployed function needs, with hashes. Written by `make lock` from pyproject.toml.'
    part pyproject.toml
} >functions/requirements.txt
{
    echo '# What the image serving-tensorflow needs, with hashes. Written by `make lock` from pyproject.toml.'
    pinned 'tensorflow(-cpu)?' | part pyproject.toml -
} >functions/requirements-tensorflow.txt
{
    echo '# What the image operations needs, with hashes. Written by `make lock` from pyproject.toml.'
    part pyproject.toml --extra operations
} >functions/requirements-operations.txt
{
    echo '# What the image training needs, with hashes. Written by `make lock` from pyproject.toml.'
    pinned 'aiohttp|click|psutil|rich|scikit-learn' | part pyproject.toml - --extra train
} >functions/requirements-training.txt
{
    echo '# What the local cloud and the command line need: no TensorFlow. Written by `make lock` from pyproject.toml.'
    part pyproject.toml --extra local
} >shared/local/requirements.txt
{
    echo '# What the tests need that need no TensorFlow, and `make check`. Written by `make lock` from pyproject.toml.'
    part pyproject.toml --extra local --extra test
} >tests/requirements.txt
{
    echo '# What installs the other lock files: see install.sh. Written by `make lock` from pyproject.toml.'
    pinned uv | part -
} >shared/local/uv.txt
{
    echo '# Everything, pinned: serves, runs the local cloud, trains and tests. Written by `make lock` from pyproject.toml.'
    echo '# Type: pip install --no-deps -r requirements.txt'
    echo '# Without --no-deps, pip before 23.3 forgets the pin of a package whose extras are asked for, but not this one:'
    echo '--constraint tests/requirements.txt'
    for name in $FIRST; do echo "$all" | grep -E "^$name==" || true; done | apart
    echo
    echo '# What the project adds, and what all of it depends on.'
    echo "$all" | grep -vE "^($(echo "$FIRST" | tr ' ' '|'))==" | apart
} >"$work/requirements.txt"
mv "$work/requirements.txt" requirements.txt
