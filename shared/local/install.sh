#!/bin/sh
# Installs a lock file into a virtual environment as it stands, nothing resolved: install.sh PYTHON LOCK
#
# uv is several times as fast as pip, and comes first, by a lock of its own. pip does it where uv cannot run or fetch,
# and where pip is told of an index or a proxy that uv has not heard of: it may be all that can be reached from here.
set -eu
python=$1
lock=$2
here=$(dirname "$0")

# A person's own constraints or --user would change what is installed.
export PIP_CONSTRAINT=/dev/null PIP_USER=0
by_pip() {
    "$python" -m pip install --quiet --no-compile --disable-pip-version-check \
        --no-deps --require-hashes --only-binary :all: --requirement "$1"
}
by_uv() {
    "$python" -m uv pip install --quiet --python "$python" --no-deps --require-hashes --only-binary :all: --requirement "$1"
}
only_pip_knows_the_index() {
    [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ] &&
        "$python" -m pip config list 2>/dev/null | grep -Eq '\.(index.url|no-index|proxy|client-cert)='
}

if ! only_pip_knows_the_index && by_pip "$here/uv.txt"; then
    by_uv "$lock" && exit
    echo 'uv did not install it, as it says above; pip tries' >&2
fi
if ! by_pip "$lock"; then
    echo "$lock was not installed, for the reason above: see that a package index can be reached" \
        '(behind a proxy set HTTPS_PROXY, for a mirror set PIP_INDEX_URL) and run the same command again.' >&2
    exit 1
fi
