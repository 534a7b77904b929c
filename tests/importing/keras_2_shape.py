"""Files as Keras 2 writes them, made from Keras 3: the same weights, the description in the older shape."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

MODULES = {"Functional": "keras.src.engine.functional", "Sequential": "keras.src.engine.sequential"}
EXTRA: dict[str, dict[str, Any]] = {
    "SeparableConv2D": {"groups": 1, "kernel_initializer": None, "kernel_regularizer": None, "kernel_constraint": None},
    "DepthwiseConv2D": {"groups": 1},
    "RandomFlip": {"rng_type": "stateful"},
}
"""What Keras 3 does not know any more."""


def write_as_keras_2(source: Path, target: Path, version: str = "2.15.0") -> None:
    """Rewrite a ``.keras`` file of Keras 3 into the shape of Keras 2's."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        new.writestr("metadata.json", json.dumps({"keras_version": version, "date_saved": "2023-11-30@12:00:00"}))
        new.writestr("config.json", json.dumps(_older(json.loads(old.read("config.json")))))
        new.writestr("model.weights.h5", old.read("model.weights.h5"))


def _older(layer: dict[str, Any]) -> dict[str, Any]:
    kind, config = str(layer["class_name"]), dict(layer["config"])
    config["dtype"] = "float32"
    if "batch_shape" in config:
        config["batch_input_shape"] = config.pop("batch_shape")
        config.pop("optional", None)
    if "layers" in config:
        nested = {layer["config"]["name"] for layer in config["layers"] if layer["class_name"] in MODULES}
        config["layers"] = [
            {**_older(layer), "name": layer["config"]["name"], "inbound_nodes": _calls(layer, nested)}
            if kind == "Functional"
            else _older(layer)
            for layer in config["layers"]
        ]
        config.pop("dtype")
        for key in ("input_layers", "output_layers"):
            if key in config:
                config[key] = [config[key]] if isinstance(config[key][0], str) else config[key]
    older = {
        "module": MODULES.get(kind, "keras.layers"),
        "class_name": kind,
        "config": {**config, **EXTRA.get(kind, {})},
    }
    return older | {"registered_name": kind if kind == "Functional" else None, "build_config": {"input_shape": []}}


def _calls(layer: dict[str, Any], nested: set[str]) -> list[Any]:
    """Keras 2 writes a call as a list of places, and counts the making of a nested model as its first call."""
    return [
        [[name, call + (name in nested), output, {}] for name, call, output in _places(node["args"])]
        for node in layer["inbound_nodes"]
    ]


def _places(part: Any) -> list[list[Any]]:
    if isinstance(part, dict):
        return [part["config"]["keras_history"]]
    return [position for layer in part for position in _places(layer)]
