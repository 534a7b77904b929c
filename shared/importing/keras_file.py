"""Open Keras files: those of Keras 3 and of Keras 2, including Teachable Machine's."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from shared.errors import Misconfigured
from shared.importing.keras_2 import make_h5_readable, make_keras_readable
from shared.training.quiet import silence, tensorflow_for

HDF5 = b"\x89HDF\r\n\x1a\n"

HALF_PRECISION = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16")
"""Dtype policies of Keras: https://keras.io/api/mixed_precision/policy/"""

HINTS = {
    "TFOpLambda": "it has calculations between its layers as Keras 2 kept them (TFOpLambda)",
    "Lambda": "it has Lambda layers, which are code, and code inside a file is never run here",
    "Unknown layer": "it has layers of its author's own",
    "Could not locate": "it has layers or functions of its author's own",
}
ELSEWHERE = 'where it was made, type model.export("folder"), and import that SavedModel'


def open_keras(path: Path) -> Any:
    """Open a ``.keras`` or ``.h5`` file, whatever its name. Code inside it, such as a Lambda layer, is refused.

    Returns:
        The ``keras.Model``, not compiled.

    Raises:
        Misconfigured: TensorFlow is not installed, or the file cannot be opened; the message names the remedy.
    """
    keras = tensorflow_for(path.name).keras
    with tempfile.TemporaryDirectory() as scratch, path.open("rb") as file:
        is_hdf5 = file.read(len(HDF5)) == HDF5
        copy = Path(scratch) / ("model.h5" if is_hdf5 else "model.keras")
        shutil.copyfile(path, copy)
        (make_h5_readable if is_hdf5 else make_keras_readable)(copy, path.name)
        try:
            with silence():
                return _in_full_precision(keras.models.load_model(copy, compile=False, safe_mode=True))
        except Exception as error:  # layers may raise anything
            raise Misconfigured(f"the model {path.name}", [_hint(error)]) from error


def _in_full_precision(network: Any) -> Any:
    """Return a network with layers in half precision (such as mixed_float16) as a network in float32.

    LiteRT has no operations for half precision, and processors are no faster with it.
    """
    described = network.get_config() if hasattr(network, "layers") else None
    in_full = _with_float32(described)
    if in_full == described:
        return network
    whole = type(network).from_config(in_full)
    whole.set_weights(network.get_weights())
    return whole


def _with_float32(described: Any) -> Any:
    if isinstance(described, (list, tuple)):
        return type(described)(_with_float32(part) for part in described)
    if not isinstance(described, dict):
        return described
    changed = {key: _with_float32(value) for key, value in described.items()}
    dtype = changed.get("dtype")
    name = dtype.get("config", {}).get("name") if isinstance(dtype, dict) else dtype
    if name in HALF_PRECISION:
        changed["dtype"] = "float32"
    return changed


def _hint(error: Exception) -> str:
    message = str(error)
    for mark, hint in HINTS.items():
        if mark in message:
            return f"{hint}; {ELSEWHERE}"
    first = next((line.strip() for line in message.splitlines() if line.strip()), type(error).__name__)
    return f"it is not a Keras model that this Keras can open ({first:.200}); {ELSEWHERE}"
