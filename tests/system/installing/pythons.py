"""Make interpreters of this machine's Pythons, each with the pip that a test needs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.environments import Recipe, environment, interpreter

PIPS = Path(__file__).with_name("pips")
"""Lock files of pip: 22.3, the oldest that knows ``--python``; 23.2.1, which comes with Python 3.11 and 3.12; and 26.3,
the newest on 2026-11-30."""

COMBINATIONS = [
    ("3.11", "22.3"),
    *((python, pip) for python in ("3.11", "3.12", "3.13") for pip in ("23.2.1", "26.3")),
]
"""Versions of Python without the modules that pip before 23.2 imports."""


def with_pip(version: str, pip: str, folder: Path) -> Path:
    """Make an environment of a Python with a pip in a new folder; return its interpreter.

    Raises:
        Impossible: there is no such Python here, or no network to fetch that pip for the first time.
    """
    fetched = environment(Recipe(PIPS / f"pip-{pip}.txt"))
    subprocess.run([interpreter(version), "-m", "venv", "--without-pip", str(folder)], check=True)
    [own_packages] = folder.glob("lib/python3*/site-packages")
    [fetched_packages] = fetched.folder.glob("lib/python3*/site-packages")
    for package in fetched_packages.glob("pip*"):
        shutil.copytree(package, own_packages / package.name)
    return folder / "bin" / "python"
