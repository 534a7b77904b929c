"""Run a .tflite model with a pool of interpreters, because an interpreter serves only one thread at a time."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from shared.bundles.bundle import Bundle
from shared.bundles.manifest import Explain
from shared.errors import InvalidBundle
from shared.ports import Activation, Features

FEATURE_MAP = "feature_map"
"""An output that ``shared.training.feature_map`` adds, which holds no scores."""


def open_model(bundle: Bundle, threads: int) -> LiteRTModel:
    """Open the bundle's model; ``threads`` inferences may run at the same time.

    Raises:
        InvalidBundle: as ``LiteRTModel``.
    """
    return LiteRTModel(bundle.model_path, threads, bundle.manifest.explain)


class LiteRTModel:
    """A pool of interpreters over one copy of the model's bytes; ``run`` is thread-safe.

    The first interpreter is created by the constructor, so that a bad file fails at start; the others on first use.

    Args:
        path: the .tflite file.
        threads: number of calls that may run at the same time; further calls wait.
        explain: the tensors of class activation maps, if any.

    Raises:
        InvalidBundle: the file cannot be read, is not a .tflite model, lacks a tensor that ``explain`` names, or has
            more than one input, or more than one output in addition to the feature map.
    """

    def __init__(self, path: Path, threads: int = 1, explain: Explain | None = None) -> None:
        try:
            self._content = path.read_bytes()
            first = _interpreter(self._content)
        except (OSError, ValueError, RuntimeError) as error:
            raise InvalidBundle(
                f"the model {path.name}", ["it is not a .tflite file that this LiteRT can run; export it again"]
            ) from error
        inputs, every_output = first.get_input_details(), first.get_output_details()
        feature_map = FEATURE_MAP if explain is None else explain.feature_map
        outputs = [output for output in every_output if output["name"] != feature_map]
        if len(inputs) != 1 or len(outputs) != 1:
            extra = "" if explain is None else f" in addition to {feature_map!r}, which explain names"
            counts = f"it has {len(inputs)} inputs and {len(every_output)} outputs, expected one of each{extra}"
            raise InvalidBundle(f"the model {path.name}", [counts])
        self._input, self._output = inputs[0], outputs[0]
        self._feature_map: dict[str, Any] | None = None
        self._class_weights: npt.NDArray[np.float32] | None = None
        if explain is not None:
            self._feature_map, self._class_weights = _tensors_of(first, explain, self.outputs, path)
        # last in, first out: the memory of the most recently used interpreter is still in the cache; None: not made yet
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        for _ in range(threads - 1):
            self._idle.put(None)
        self._idle.put(first)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(1, height, width, 3) for a picture."""
        return tuple(int(size) for size in self._input["shape"])

    @property
    def input_dtype(self) -> str:
        """``uint8``, ``float32``, or another dtype that the model takes."""
        return str(np.dtype(self._input["dtype"]))

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Usually (1, labels) for a picture."""
        return tuple(int(size) for size in self._output["shape"])

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return int(np.prod(self._output["shape"]))

    def run(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the outputs of one picture, dequantised, shape (outputs,), float32.

        Args:
            batch: shape ``input_shape``, dtype ``input_dtype``.
        """
        with self._interpreter() as interpreter:
            interpreter.set_tensor(self._input["index"], batch)
            interpreter.invoke()
            values = interpreter.get_tensor(self._output["index"]).reshape(-1)  # a copy
        return _dequantised(values, self._output)

    def activation(self, batch: npt.NDArray[Any]) -> Activation | None:
        """Return the outputs of one picture, as ``run`` does, and the last feature map of the same inference.

        None where the model does not output its feature map.
        """
        if self._feature_map is None or self._class_weights is None:
            return None
        with self._interpreter() as interpreter:
            interpreter.set_tensor(self._input["index"], batch)
            interpreter.invoke()
            values = interpreter.get_tensor(self._output["index"]).reshape(-1)
            features = interpreter.get_tensor(self._feature_map["index"])[0]
        return Activation(
            _dequantised(values, self._output), _dequantised(features, self._feature_map), self._class_weights
        )

    def features(self, batch: npt.NDArray[Any]) -> Features | None:
        """Return the outputs of one picture, as ``run`` does, and the mean of the feature map of the same inference.

        The mean is taken of the stored integers: a map has fifty times as many numbers to dequantise.
        """
        if self._feature_map is None:
            return None
        with self._interpreter() as interpreter:
            interpreter.set_tensor(self._input["index"], batch)
            interpreter.invoke()
            values = interpreter.get_tensor(self._output["index"]).reshape(-1)
            feature_map = interpreter.get_tensor(self._feature_map["index"])
        pooled = feature_map.reshape(-1, feature_map.shape[-1]).mean(axis=0, dtype=np.float32)
        return Features(_dequantised(values, self._output), _dequantised(pooled, self._feature_map))

    @contextmanager
    def _interpreter(self) -> Iterator[Any]:
        interpreter = self._idle.get()
        try:
            if interpreter is None:
                interpreter = _interpreter(self._content)
            yield interpreter
        finally:
            self._idle.put(interpreter)


def _tensors_of(
    interpreter: Any, explain: Explain, count: int, path: Path
) -> tuple[dict[str, Any], npt.NDArray[np.float32]]:
    """Return the details of the feature map's tensor, and the class weights, which never change."""
    outputs = {output["name"]: output for output in interpreter.get_output_details()}
    tensors = {tensor["name"]: tensor for tensor in interpreter.get_tensor_details()}
    feature_map, weights = outputs.get(explain.feature_map), tensors.get(explain.class_weights)
    if feature_map is None or weights is None:
        missing = [
            *([f"it has no output {explain.feature_map!r}"] if feature_map is None else []),
            *([f"it has no tensor {explain.class_weights!r}"] if weights is None else []),
        ]
        raise InvalidBundle(f"the model {path.name}", [f"{fault}, which explain names" for fault in missing])
    map_shape, weights_shape = tuple(feature_map["shape"]), tuple(weights["shape"])
    if len(map_shape) != 4 or weights_shape != (count, map_shape[3]):
        fault = f"explain names tensors of shapes {_text(map_shape)} and {_text(weights_shape)}"
        expected = f"expected (1, height, width, channels) and ({count}, channels)"
        raise InvalidBundle(f"the model {path.name}", [f"{fault}, {expected}"])
    return feature_map, _dequantised(interpreter.get_tensor(weights["index"]), weights)


def _text(shape: tuple[int, ...]) -> str:
    return f"({', '.join(str(int(size)) for size in shape)})"


def _dequantised(values: npt.NDArray[Any], tensor: Any) -> npt.NDArray[np.float32]:
    """Return ``(value - zero) * scale`` for a tensor's values, with one scale for all or one for each channel.

    https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec
    """
    numbers: npt.NDArray[np.float32] = values.astype(np.float32)
    scale, zero = tensor["quantization"]
    if scale:
        return (numbers - np.float32(zero)) * np.float32(scale)
    parameters = tensor["quantization_parameters"]
    if not len(parameters["scales"]):
        return numbers
    shape = [1] * numbers.ndim
    shape[parameters["quantized_dimension"]] = -1
    zeros, scales = (parameters[name].astype(np.float32).reshape(shape) for name in ("zero_points", "scales"))
    dequantised: npt.NDArray[np.float32] = (numbers - zeros) * scales
    return dequantised


def _interpreter(content: bytes) -> Any:
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter
