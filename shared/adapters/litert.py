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

from shared.errors import InvalidBundle


class LiteRTModel:
    """A pool of interpreters over one copy of the model's bytes. ``run`` may be called from several threads at once.

    The first interpreter is made here, so that a bad file is found at start; the others when they are first needed.

    Args:
        path: the .tflite file.
        threads: how many calls may run at once; further ones wait.

    Raises:
        InvalidBundle: the file cannot be read, is no .tflite model, or has more than one input or output.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        try:
            self._content = path.read_bytes()
            first = _interpreter(self._content)
        except (OSError, ValueError, RuntimeError) as error:
            raise InvalidBundle(
                f"the model {path.name}", ["it is no .tflite file that this LiteRT can run; export it again"]
            ) from error
        inputs, outputs = first.get_input_details(), first.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            counts = f"it has {len(inputs)} inputs and {len(outputs)} outputs, expected one of each"
            raise InvalidBundle(f"the model {path.name}", [counts])
        self._input, self._output = inputs[0], outputs[0]
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
        numbers: npt.NDArray[np.float32] = values.astype(np.float32)
        scale, zero = self._output["quantization"]
        return (numbers - np.float32(zero)) * np.float32(scale) if scale else numbers

    @contextmanager
    def _interpreter(self) -> Iterator[Any]:
        interpreter = self._idle.get()
        try:
            if interpreter is None:
                interpreter = _interpreter(self._content)
            yield interpreter
        finally:
            self._idle.put(interpreter)


def _interpreter(content: bytes) -> Any:
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter
