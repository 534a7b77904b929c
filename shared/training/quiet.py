"""Import TensorFlow without its messages on the terminal."""

from __future__ import annotations

import logging
import os
from typing import Any

from shared.errors import Misconfigured
from shared.training.silence import silence as silence  # training and conversion import it from here


def tensorflow_for(what: str) -> Any:
    """Import TensorFlow, which takes some seconds, without its greeting.

    Args:
        what: the feature that needs it, for the error.

    Raises:
        Misconfigured: TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it on import
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        with silence():  # some messages come before the log level is read
            import tensorflow
    except ImportError as error:
        fault = f"{what} needs TensorFlow, which is not installed here; pip install -r requirements.txt, or import a "
        raise Misconfigured("the import", [fault + ".tflite file, which needs none"]) from error
    return tensorflow
