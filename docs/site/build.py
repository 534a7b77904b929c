"""Build the site of docs/ into build/site, in an environment of its own, without a network: ``make docs-site``.

python docs/site/build.py [FOLDER]
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE)]

from check import Site  # noqa: E402  # found only now

from tests.environments import Impossible, Recipe, environment  # noqa: E402

OFFLINE = """
import socket, sys

def refuse(*_):
    raise OSError("the site is built without a network")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from mkdocs.__main__ import cli
cli()
"""


def build(folder: Path) -> list[str]:
    """Build the site and return its faults, a sentence each.

    Args:
        folder: is replaced.

    Raises:
        Impossible: the environment cannot be made here; the message says what is missing.
    """
    made = environment(Recipe(HERE / "mkdocs.txt"))
    command = (made.python, "-c", OFFLINE, "build", "--quiet", "--strict", "--config-file", HERE / "mkdocs.yml")
    done = subprocess.run(
        [*map(str, command), "--site-dir", str(folder.resolve())],
        cwd=ROOT,
        env={**made.variables, "NO_MKDOCS_2_WARNING": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    messages = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return messages or ["mkdocs failed"] if done.returncode else Site(folder).faults()


def main() -> None:
    """Build, and exit with 1 if there are faults."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "site"
    try:
        faults = build(folder)
    except Impossible as error:
        sys.exit(f"The site cannot be built here: {error}")
    if faults:
        sys.exit("\n".join(faults))
    print(f"The site is in {folder}; with search: python3 -m http.server --bind 127.0.0.1 --directory {folder}")


if __name__ == "__main__":
    main()
