#!/bin/sh
# Writes the requirements files from pyproject.toml: `make lock`.
set -eu
FIRST='functions-framework tensorflow-cpu tensorflow pillow numpy google-cloud-storage google-cloud-bigquery google-cloud-logging pytest'
compile() { uv pip compile pyproject.toml --universal --python-version 3.11 --quiet --no-header "$@"; }

all=$(compile --all-extras --no-annotate)
{
    echo '# Everything, pinned: serves, runs the local cloud, trains and tests. Written by `make lock` from pyproject.toml.'
    for name in $FIRST; do echo "$all" | grep -E "^$name==" || true; done
    echo
    echo '# What the project adds, and what all of it depends on.'
    echo "$all" | grep -vE "^($(echo "$FIRST" | tr ' ' '|'))=="
} >requirements.txt.new
mv requirements.txt.new requirements.txt

{
    echo '# What a deployed function needs, with hashes. Written by `make lock` from pyproject.toml.'
    compile --constraint requirements.txt --generate-hashes --no-annotate
} >functions/requirements.txt
{
    echo '# What the image serving-tensorflow needs, with hashes. Written by `make lock` from pyproject.toml.'
    grep -E '^tensorflow(-cpu)?==' requirements.txt |
        compile - --constraint requirements.txt --generate-hashes --no-annotate
} >functions/requirements-tensorflow.txt
{
    echo '# What the image training needs, with hashes. Written by `make lock` from pyproject.toml.'
    grep -E '^(click|psutil|rich|scikit-learn)==' requirements.txt |
        compile - --extra train --constraint requirements.txt --generate-hashes --no-annotate
} >functions/requirements-training.txt
{
    echo '# What the local cloud and the command line need: no TensorFlow. Written by `make lock` from pyproject.toml.'
    compile --constraint requirements.txt --extra local --no-annotate
} >shared/local/requirements.txt
