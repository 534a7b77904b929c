#!/bin/sh
# Writes each contestant's lock from its .in file: sh tests/system/bench/contestants/lock.sh
set -eu
for asked in tests/system/bench/contestants/*.in; do
    uv pip compile "$asked" --universal --python-version 3.11 --quiet --generate-hashes --no-annotate \
        --output-file "${asked%.in}.txt"
done
