"""Keeps what libraries write by themselves, much of it from C++, off the terminal of a command."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def silence() -> Iterator[None]:
    """Keep what is written meanwhile off the terminal; what fails is raised all the same.

    It is for the whole process, so a server, whose other threads may have something to say, does not use it.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    try:
        with Path(os.devnull).open("wb") as nowhere, warnings.catch_warnings(action="ignore"):
            for descriptor in kept:
                os.dup2(nowhere.fileno(), descriptor)
            yield
            sys.stdout.flush()
            sys.stderr.flush()
    finally:
        for descriptor, copy in kept.items():
            os.dup2(copy, descriptor)
            os.close(copy)
