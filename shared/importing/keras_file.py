"""Opens what Keras saved: its own files of today, and the .h5 files of Keras 2, Teachable Machine's among them."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from shared.errors import Misconfigured
from shared.training.quiet import silence, tensorflow_for

ONLY_IN_KERAS_2 = {"DepthwiseConv2D": "groups", "DepthwiseConv1D": "groups", "Conv2DTranspose": "groups"}
"""What Keras 2 writes, always 1, and Keras 3 refuses: https://github.com/keras-team/keras/issues/19441."""

HDF5 = b"\x89HDF\r\n\x1a\n"

HINTS = {
    "TFOpLambda": "it has calculations between its layers as Keras 2 kept them (TFOpLambda)",
    "Lambda": "it has Lambda layers, which are code, and code inside a file is never run here",
    "Unknown layer": "it has layers of its maker's own",
    "Could not locate": "it has layers or functions of its maker's own",
}
ELSEWHERE = 'where it was made, type model.export("folder"), and import that SavedModel'


def open_keras(path: Path) -> Any:
    """Open a ``.keras`` or ``.h5`` file, whatever its name. Code inside it, such as a Lambda layer, is refused.

    Returns:
        The ``keras.Model``, not compiled.

    Raises:
        Misconfigured: TensorFlow is not installed, or the file cannot be opened; the sentence says what to do.
    """
    keras = tensorflow_for(path.name).keras
    with tempfile.TemporaryDirectory() as scratch, path.open("rb") as file:
        is_hdf5 = file.read(len(HDF5)) == HDF5
        copy = Path(scratch) / ("model.h5" if is_hdf5 else "model.keras")
        shutil.copyfile(path, copy)
        if is_hdf5:
            _make_readable(copy, path.name)
        try:
            with silence():
                return keras.models.load_model(copy, compile=False, safe_mode=True)
        except Exception as error:  # Keras raises whatever its layers raise
            raise Misconfigured(f"the model {path.name}", [_hint(error)]) from error


def _make_readable(path: Path, name: str) -> None:
    """Rewrite the description of layers in an .h5 file of Keras 2 as Keras 3 wants it; weights stay as they are."""
    import h5py

    try:
        with h5py.File(path, "r+") as file:
            described, version = file.attrs.get("model_config"), str(file.attrs.get("keras_version", "2"))
            if described is None:
                fault = "it holds weights only, not the layers they belong to; save the whole model with model.save"
                raise Misconfigured(f"the model {name}", [fault])
            text = described if isinstance(described, str) else described.decode("utf-8")
            if version.startswith(("1", "2")):
                file.attrs["model_config"] = json.dumps(_as_keras_3(json.loads(text)))
    except (OSError, ValueError) as error:
        raise Misconfigured(f"the model {name}", ["it is damaged: it begins as HDF5 and cannot be read"]) from error


def _as_keras_3(described: Any) -> Any:
    if isinstance(described, list):
        return [_as_keras_3(one) for one in described]
    if not isinstance(described, dict):
        return described
    result = {key: _as_keras_3(value) for key, value in described.items()}
    kind, config = result.get("class_name"), result.get("config")
    if isinstance(kind, str) and isinstance(config, dict):
        # modules are those of Keras 2; without them Keras 3 looks the name up among its own
        for key in ("module", "registered_name", "build_config"):
            result.pop(key, None)
        config.pop(ONLY_IN_KERAS_2.get(kind, ""), None)
    for key in ("input_layers", "output_layers"):
        # a list of one would make Keras 3 hand a list from one nested model to the next
        if isinstance(places := result.get(key), list) and len(places) == 1 and isinstance(places[0], list):
            result[key] = places[0]
    return result


def _hint(error: Exception) -> str:
    said = str(error)
    for mark, hint in HINTS.items():
        if mark in said:
            return f"{hint}; {ELSEWHERE}"
    first = next((line.strip() for line in said.splitlines() if line.strip()), type(error).__name__)
    return f"it is no Keras model that this Keras can open ({first:.200}); {ELSEWHERE}"
