"""Silence the messages of libraries, many from C++, on the terminal of a command."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def silence() -> Iterator[None]:
    """Discard all output to the terminal while the block runs; exceptions are still raised.

    It affects the whole process, so a server, whose other threads write log lines, must not use it.
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
