"""Keeps TensorFlow's chatter off the terminal."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared.errors import Misconfigured


def tensorflow_for(what: str) -> Any:
    """Import TensorFlow, which takes some seconds, without its greeting.

    Args:
        what: needs it, for the sentence where it is not installed.

    Raises:
        Misconfigured: it is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported, or it is too late
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        with silence():  # some of its greeting comes before any log level is read
            import tensorflow
    except ImportError as error:
        fault = f"{what} needs TensorFlow, which is not installed here; pip install -r requirements.txt, or import a "
        raise Misconfigured("the import", [fault + ".tflite file, which needs none"]) from error
    return tensorflow


@contextmanager
def silence() -> Iterator[None]:
    """Keep what is written meanwhile, much of it from C++, off the terminal; what fails is raised all the same."""
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
