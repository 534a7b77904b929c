"""Runs a .tflite model: one interpreter for each caller at a time, because an interpreter serves one thread only."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from shared.bundles.manifest import Explain
from shared.errors import InvalidBundle
from shared.ports import Activation

FEATURE_MAP = "feature_map"
"""An output that ``shared.training.feature_map`` adds, and that is no answer of the model."""


class LiteRTModel:
    """A pool of interpreters over one copy of the model's bytes. ``run`` may be called from several threads at once.

    The first interpreter is made here, so that a bad file is found at start; the others when they are first needed.

    Args:
        path: the .tflite file.
        threads: how many calls may run at once; further ones wait.
        explain: the tensors that class activation maps are made of, if any.

    Raises:
        InvalidBundle: the file cannot be read, is no .tflite model, has not the tensors that ``explain`` names, or has
            more than one input, or more than one output beside the feature map.
    """

    def __init__(self, path: Path, threads: int = 1, explain: Explain | None = None) -> None:
        try:
            self._content = path.read_bytes()
            first = _interpreter(self._content)
        except (OSError, ValueError, RuntimeError) as error:
            raise InvalidBundle(
                f"the model {path.name}", ["it is no .tflite file that this LiteRT can run; export it again"]
            ) from error
        inputs, every_output = first.get_input_details(), first.get_output_details()
        feature_map = FEATURE_MAP if explain is None else explain.feature_map
        outputs = [output for output in every_output if output["name"] != feature_map]
        if len(inputs) != 1 or len(outputs) != 1:
            beside = "" if explain is None else f" beside {feature_map!r}, which explain names"
            counts = f"it has {len(inputs)} inputs and {len(every_output)} outputs, expected one of each{beside}"
            raise InvalidBundle(f"the model {path.name}", [counts])
        self._input, self._output = inputs[0], outputs[0]
        self._feature_map: dict[str, Any] | None = None
        self._class_weights: npt.NDArray[np.float32] | None = None
        if explain is not None:
            self._feature_map, self._class_weights = _tensors_of(first, explain, self.outputs, path)
        # the most recently used interpreter is on top, its memory still in the cache; None: not made yet
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
        """``uint8``, ``float32``, or whatever else the model takes."""
        return str(np.dtype(self._input["dtype"]))

    @property
    def output_shape(self) -> tuple[int, ...]:
        """(1, labels) for a picture, as a rule."""
        return tuple(int(size) for size in self._output["shape"])

    @property
    def outputs(self) -> int:
        """How many numbers come back."""
        return int(np.prod(self._output["shape"]))

    def run(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the outputs of one picture, shape (outputs,), float32; quantised ones as the numbers they stand for.

        Args:
            batch: shape ``input_shape``, dtype ``input_dtype``.
        """
        with self._interpreter() as interpreter:
            interpreter.set_tensor(self._input["index"], batch)
            interpreter.invoke()
            values = interpreter.get_tensor(self._output["index"]).reshape(-1)  # a copy
        return _dequantised(values, self._output)

    def activation(self, batch: npt.NDArray[Any]) -> Activation | None:
        """Return the outputs of one picture as ``run`` does, and of the same inference the last feature map.

        None where the model does not give out its feature map.
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
    """Return where the feature map is read, and the weights, which never change."""
    outputs = {output["name"]: output for output in interpreter.get_output_details()}
    tensors = {tensor["name"]: tensor for tensor in interpreter.get_tensor_details()}
    feature_map, weights = outputs.get(explain.feature_map), tensors.get(explain.class_weights)
    if feature_map is None or weights is None:
        missing = [
            *([f"it has no output {explain.feature_map!r}"] if feature_map is None else []),
            *([f"it has no tensor {explain.class_weights!r}"] if weights is None else []),
        ]
        raise InvalidBundle(f"the model {path.name}", [f"{one}, which explain names" for one in missing])
    of_map, of_weights = tuple(feature_map["shape"]), tuple(weights["shape"])
    if len(of_map) != 4 or of_weights != (count, of_map[3]):
        fault = f"explain names tensors of shapes {_text(of_map)} and {_text(of_weights)}"
        expected = f"expected (1, height, width, channels) and ({count}, channels)"
        raise InvalidBundle(f"the model {path.name}", [f"{fault}, {expected}"])
    return feature_map, _dequantised(interpreter.get_tensor(weights["index"]), weights)


def _text(shape: tuple[int, ...]) -> str:
    return f"({', '.join(str(int(size)) for size in shape)})"


def _dequantised(values: npt.NDArray[Any], tensor: Any) -> npt.NDArray[np.float32]:
    """The numbers that a tensor's values stand for: ``(value - zero) * scale``, with one scale or one a channel.

    https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec
    """
    numbers: npt.NDArray[np.float32] = values.astype(np.float32)
    scale, zero = tensor["quantization"]
    if scale:
        return (numbers - np.float32(zero)) * np.float32(scale)
    of = tensor["quantization_parameters"]
    if not len(of["scales"]):
        return numbers
    along = [1] * numbers.ndim
    along[of["quantized_dimension"]] = -1
    zeros, scales = (of[name].astype(np.float32).reshape(along) for name in ("zero_points", "scales"))
    dequantised: npt.NDArray[np.float32] = (numbers - zeros) * scales
    return dequantised


def _interpreter(content: bytes) -> Any:
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter
