#!/bin/sh
# Writes the requirements files from pyproject.toml, with hashes: `make lock`.
set -eu
FIRST='functions-framework tensorflow-cpu tensorflow pillow numpy google-cloud-storage google-cloud-bigquery google-cloud-logging pytest'
compile() { uv pip compile pyproject.toml --universal --python-version 3.11 --quiet --no-header --no-annotate "$@"; }

# A package and its hashes on one line, so that lines can be chosen and put in order; and apart again.
joined() { awk '{ sub(/^ +/, ""); if (sub(/ *\\$/, "")) printf "%s ", $0; else print }'; }
apart() { awk '{ gsub(/ --hash=/, " \\\n    --hash="); print }'; }

all=$(compile --all-extras --generate-hashes | joined)
{
    echo '# Everything, pinned: serves, runs the local cloud, trains and tests. Written by `make lock` from pyproject.toml.'
    for name in $FIRST; do echo "$all" | grep -E "^$name==" || true; done | apart
    echo
    echo '# What the project adds, and what all of it depends on.'
    echo "$all" | grep -vE "^($(echo "$FIRST" | tr ' ' '|'))==" | apart
} >requirements.txt.new
mv requirements.txt.new requirements.txt
pinned() { joined <requirements.txt | sed 's/ --hash=.*//' | grep -E "^($1)=="; }

{
    echo '# What a deployed function needs, with hashes. Written by `make lock` from pyproject.toml.'
    compile --constraint requirements.txt --generate-hashes
} >functions/requirements.txt
{
    echo '# What the image serving-tensorflow needs, with hashes. Written by `make lock` from pyproject.toml.'
    pinned 'tensorflow(-cpu)?' | compile - --constraint requirements.txt --generate-hashes
} >functions/requirements-tensorflow.txt
{
    echo '# What the image training needs, with hashes. Written by `make lock` from pyproject.toml.'
    pinned 'click|psutil|rich|scikit-learn' | compile - --extra train --constraint requirements.txt --generate-hashes
} >functions/requirements-training.txt
{
    echo '# What the local cloud and the command line need: no TensorFlow. Written by `make lock` from pyproject.toml.'
    compile --constraint requirements.txt --extra local --generate-hashes
} >shared/local/requirements.txt
{
    echo '# What the tests need that need no TensorFlow, and `make check`. Written by `make lock` from pyproject.toml.'
    compile --constraint requirements.txt --extra local --extra test --generate-hashes
} >tests/requirements.txt
