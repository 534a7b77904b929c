"""Programs that come with the test extra, as wheels."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.environments import Impossible


def program(name: str) -> str:
    """Return where a program is: beside the Python that runs, else on PATH.

    Raises:
        Impossible: it is nowhere.
    """
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        raise Impossible(f"{name} is not installed; it comes with `make setup`")
    return found
