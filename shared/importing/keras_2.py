"""Rewrite files of Keras 2 for Keras 3: the description of the layers; weights stay unchanged.

Keras 2 keeps the description in an .h5 file's attribute ``model_config``, and in a .keras file's ``config.json``.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

from shared.errors import Misconfigured

ONLY_IN_KERAS_2 = {
    r"DepthwiseConv.*|Conv.*Transpose": ("groups",),
    r"SeparableConv.*": ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    r"SpatialDropout.*": ("trainable", "noise_shape"),
    r"MultiHeadAttention": ("query_shape", "key_shape", "value_shape", "softmax_robust_masking"),
    r"LSTM|GRU|SimpleRNN|ConvLSTM.*": ("time_major",),
    r"Random.*": ("rng_type",),
}
"""By class, the keys that Keras 2 writes and Keras 3 refuses; they do not change what a layer computes.

Such as https://github.com/keras-team/keras/issues/19441; found by passing every layer of Keras 2.15 and of tf_keras
2.21 to Keras 3.15.
"""
NETWORKS = ("Functional", "Sequential", "Model")

TOP: dict[str, dict[str, Any]] = {
    "Functional": {"module": "keras.src.models.functional", "registered_name": "Functional"},
    "Sequential": {"module": "keras", "registered_name": None},
}
"""Keys that Keras 3 requires of the outermost model only; it looks up names inside among its own."""

CONFIG, METADATA = "config.json", "metadata.json"
LARGEST_DESCRIPTION_BYTES = 64 * 2**20
"""Limit of a model's description; that of EfficientNetB7 takes half a megabyte."""


def make_h5_readable(path: Path, name: str) -> None:
    """Rewrite the description in an .h5 file, if Keras 2 wrote it.

    Args:
        path: the file, which is changed.
        name: the model's name, for messages.

    Raises:
        Misconfigured: the file is damaged, or holds weights only.
    """
    import h5py

    try:
        with h5py.File(path, "r+") as file:
            described, version = file.attrs.get("model_config"), str(file.attrs.get("keras_version", "2"))
            if described is None:
                fault = "it holds weights only, not the layers they belong to; save the whole model with model.save"
                raise Misconfigured(f"the model {name}", [fault])
            text = described if isinstance(described, str) else described.decode("utf-8")
            if _is_of_keras_2(version):
                file.attrs["model_config"] = json.dumps(as_keras_3(json.loads(text)))
    except (OSError, ValueError) as error:
        raise Misconfigured(f"the model {name}", ["it is damaged: it begins as HDF5 and cannot be read"]) from error


def make_keras_readable(path: Path, name: str) -> None:
    """Rewrite the description in a .keras file, if Keras 2 wrote it.

    Args:
        path: the file, which is changed.
        name: the model's name, for messages.

    Raises:
        Misconfigured: the file is damaged.
    """
    rewritten_path = path.with_name("rewritten.keras")
    try:
        with zipfile.ZipFile(path) as archive:
            if not _is_of_keras_2(str(_json_in(archive, METADATA).get("keras_version", ""))):
                return
            described = _json_in(archive, CONFIG)
            kind = described["class_name"]
            # without its compile_config, an optimizer and a loss, which serving does not need
            config = {**TOP.get(kind, {}), "class_name": kind, "config": as_keras_3(described)["config"]}
            with zipfile.ZipFile(rewritten_path, "w") as rewritten:
                rewritten.writestr(CONFIG, json.dumps(config))
                for entry in archive.infolist():
                    if entry.filename != CONFIG:
                        with archive.open(entry) as old, rewritten.open(entry.filename, "w", force_zip64=True) as new:
                            shutil.copyfileobj(old, new)
    except (
        zipfile.BadZipFile,
        OSError,
        ValueError,
        KeyError,
        RuntimeError,
        NotImplementedError,
        AttributeError,
        TypeError,
    ) as error:
        fault = "it is damaged: it begins as a .keras file and cannot be read"
        raise Misconfigured(f"the model {name}", [fault]) from error
    rewritten_path.replace(path)


def as_keras_3(described: Any) -> Any:
    """Return a description of Keras 2's as Keras 3 reads it: of a model, a layer, or a part of one."""
    if isinstance(described, list):
        return [as_keras_3(entry) for entry in described]
    if not isinstance(described, dict):
        return described
    result = {key: as_keras_3(value) for key, value in described.items()}
    kind, config = result.get("class_name"), result.get("config")
    if isinstance(kind, str) and isinstance(config, dict):
        # modules are those of Keras 2; without them Keras 3 looks the name up among its own
        for key in ("module", "registered_name", "build_config"):
            result.pop(key, None)
        for pattern, keys in ONLY_IN_KERAS_2.items():
            if re.fullmatch(pattern, kind):
                result["config"] = config = {key: value for key, value in config.items() if key not in keys}
    if isinstance(layers := result.get("layers"), list):
        _count_calls_from_0(result, {layer.get("name") for layer in layers if _begins_with_a_call(layer)})
    for key in ("input_layers", "output_layers"):
        # with a list of one, Keras 3 would pass a list from one nested model to the next
        if isinstance(positions := result.get(key), list) and len(positions) == 1 and isinstance(positions[0], list):
            result[key] = positions[0]
    return result


def _begins_with_a_call(layer: Any) -> bool:
    """Return whether Keras 2 counted the creation of a nested model, whose input is known, as its first call."""
    config = layer.get("config") if isinstance(layer, dict) and layer.get("class_name") in NETWORKS else None
    inner = config.get("layers") if isinstance(config, dict) else None
    first = inner[0] if isinstance(inner, list) and inner else None
    return isinstance(first, dict) and first.get("class_name") == "InputLayer"


def _count_calls_from_0(config: dict[str, Any], nested: set[Any]) -> None:
    """Lower the call by 1 in each position ``[layer, call, output]`` that names one of ``nested``."""

    def decremented(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: decremented(value) for key, value in part.items()}
        if not isinstance(part, list):
            return part
        match part:
            case [str(name), int(call), int(), *_] if name in nested and call > 0:
                return [name, call - 1, *map(decremented, part[2:])]
        return [decremented(entry) for entry in part]

    for layer in config["layers"]:
        if isinstance(layer, dict) and "inbound_nodes" in layer:
            layer["inbound_nodes"] = decremented(layer["inbound_nodes"])
    for key in ("input_layers", "output_layers"):
        if key in config:
            config[key] = decremented(config[key])


def _is_of_keras_2(version: str) -> bool:
    return version.startswith(("1", "2"))


def _json_in(archive: zipfile.ZipFile, name: str) -> Any:
    if archive.getinfo(name).file_size > LARGEST_DESCRIPTION_BYTES:
        raise ValueError(f"{name} is larger than {LARGEST_DESCRIPTION_BYTES} bytes")
    return json.loads(archive.read(name))
