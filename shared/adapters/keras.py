"""Run a Keras model or a SavedModel in TensorFlow, for layers that LiteRT does not have.

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


def load_keras(path: Path) -> TensorFlowModel:
    """Open a ``.keras`` or ``.h5`` file; code inside the file, such as a Lambda layer, is refused.

    Raises:
        InvalidBundle: TensorFlow is not installed, or the file is not a model with one image input and one output.
    """
    tensorflow = _tensorflow(path)
    try:
        model = tensorflow.keras.models.load_model(path, compile=False, safe_mode=True)
        [image], [scores] = model.inputs, model.outputs
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise _unusable(path, "it is not a Keras model with one input and one output; save it again") from error
    shape, dtype = (1, *image.shape[1:]), str(np.dtype(image.dtype))
    traced = tensorflow.function(
        lambda batch: model(batch, training=False), input_signature=[tensorflow.TensorSpec(shape, dtype)]
    )
    return TensorFlowModel(traced, shape, dtype, int(scores.shape[-1]))


def load_saved_model(path: Path) -> TensorFlowModel:
    """Open a SavedModel folder by its signature ``serving_default``.

    Raises:
        InvalidBundle: TensorFlow is not installed, or the folder has no such signature with one input and one output.
    """
    tensorflow = _tensorflow(path)
    try:
        loaded = tensorflow.saved_model.load(str(path))
        signature = loaded.signatures["serving_default"]
        [(name, image)] = signature.structured_input_signature[1].items()
        [(output, scores)] = signature.structured_outputs.items()
    except (OSError, ValueError, KeyError) as error:
        raise _unusable(path, "it has no signature serving_default with one input and one output") from error

    def run(batch: Any) -> Any:
        keep = loaded  # a signature does not keep its variables alive
        return keep.signatures["serving_default"](**{name: tensorflow.constant(batch)})[output]

    shape = (1, *(int(size) for size in image.shape[1:]))
    return TensorFlowModel(run, shape, image.dtype.name, int(scores.shape[-1]))


def _tensorflow(path: Path) -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's greeting would be among our log lines
    try:
        import tensorflow
    except ImportError as error:
        raise _unusable(path, "its runtime needs TensorFlow, which is not installed here") from error
    return tensorflow


def _unusable(path: Path, fault: str) -> InvalidBundle:
    return InvalidBundle(f"the model {path.name}", [fault])
