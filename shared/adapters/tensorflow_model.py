"""Run a traced function of TensorFlow as a model: what the runtimes keras and saved_model share.

TensorFlow does not survive a fork, so ``Service`` builds such a model in the worker and never at import. TensorFlow is
not in functions/requirements.txt; these runtimes have a container image of their own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.errors import InvalidBundle


class TensorFlowModel:
    """``ports.Model`` on a traced function. ``run`` may be called from several threads at the same time."""

    def __init__(self, function: Callable[[Any], Any], input_shape: tuple[int, ...], dtype: str, outputs: int) -> None:
        self._function = function
        self._input_shape = input_shape
        self._dtype = dtype
        self._outputs = outputs

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(1, height, width, 3) for a picture."""
        return self._input_shape

    @property
    def input_dtype(self) -> str:
        """``uint8`` or ``float32``."""
        return self._dtype

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return self._outputs

    def run(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the outputs of one picture, shape (outputs,), float32."""
        return np.asarray(self._function(batch), dtype=np.float32).reshape(-1)


def load_tensorflow(path: Path) -> Any:
    """Import TensorFlow.

    Raises:
        InvalidBundle: of the model at ``path``: TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's greeting would be among our log lines
    try:
        import tensorflow
    except ImportError as error:
        raise unusable(path, "its runtime needs TensorFlow, which is not installed here") from error
    return tensorflow


def unusable(path: Path, fault: str) -> InvalidBundle:
    """Return the error of a model file that cannot be used, with what is wrong with it."""
    return InvalidBundle(f"the model {path.name}", [fault])
