"""Find a Python that stands in for the base image: one of this machine, of the version that the image's tag names."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.system.image.dockerfile import NotUnderstood

QUESTION = "import json, sys; print(json.dumps([sys.base_prefix, list(sys.version_info[:2])]))"


@dataclass(frozen=True)
class Base:
    """A Python without an environment."""

    prefix: Path
    version: str
    """Such as ``3.13``."""
    is_of_the_tag: bool
    """Whether it has the version that the image names; otherwise it is the Python that runs these tests."""

    @property
    def path(self) -> str:
        """PATH of the base image, with this Python first."""
        return os.pathsep.join([str(self.prefix / "bin"), "/usr/local/bin", "/usr/bin", "/bin"])


def base_for(image: str) -> Base:
    """Return the Python that stands in for ``python:3.13-slim…``; none is ever downloaded."""
    tag = re.match(r"(?:[\w.-]+/)*python:(\d+\.\d+)\S*-slim", image)
    if not tag:
        raise NotUnderstood(f"the base image is {image!r}, expected a slim Python of a named version")
    version = tag[1]
    for command in (sys.executable, shutil.which(f"python{version}")):
        candidate = _ask(command, version) if command else None
        if candidate and candidate.version == version:
            return candidate
    running = _ask(sys.executable, version)
    assert running is not None
    return Base(running.prefix, running.version, is_of_the_tag=False)


def _ask(command: str, requested: str) -> Base | None:
    # pyenv's python3.13 runs only if PYENV_VERSION names it; without pyenv the variable has no effect.
    environ = {**os.environ, "PYENV_VERSION": requested}
    done = subprocess.run([command, "-c", QUESTION], env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    prefix, version = json.loads(done.stdout)
    return Base(Path(prefix), f"{version[0]}.{version[1]}", is_of_the_tag=True)
