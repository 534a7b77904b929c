"""Find programs that are installed with the test extra, as wheels."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.environments import Impossible


def program(name: str) -> str:
    """Return the path of a program: next to the running Python, else on PATH.

    Raises:
        Impossible: it is in neither.
    """
    beside = Path(sys.executable).with_name(name)
    path = str(beside) if beside.exists() else shutil.which(name)
    if not path:
        raise Impossible(f"{name} is not installed; it comes with `make setup`")
    return path
