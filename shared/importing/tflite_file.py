"""Read the facts in a .tflite file, by the schema that comes with LiteRT."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.adapters.runtimes.litert import FEATURE_MAP, LiteRTModel
from shared.bundles.manifest import DTYPES
from shared.errors import InvalidBundle, Misconfigured
from shared.importing.facts import Facts, activation_of, output_shape_fault, scaling_of_step
from shared.importing.scaling import Quantisation, Scaling, normalised, scaling_of_range
from shared.importing.tflite_metadata import Metadata, metadata_of
from shared.training.quiet import silence

PASSED_OVER = ("QUANTIZE", "DEQUANTIZE", "CAST", "TRANSPOSE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "PAD")
"""Operations that leave the numbers as they are, before the first arithmetic."""
AT_THE_END = ("QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE", "CAST")
METADATA = b"TFLITE_METADATA"
SELECT = re.compile(
    r"(?:unresolved custom op|op resolver for custom op|Select TensorFlow op\(s\)).{0,3}?:? ?(\w[\w-]*)"
)


def read_tflite(path: Path) -> Facts:
    """Return the facts in a .tflite file.

    Raises:
        Misconfigured: LiteRT cannot run the model, or its input is not one picture of a fixed size.
    """
    opened = _opened(path)
    content = path.read_bytes()
    graph = _Graph(content)
    if any(size == -1 for size in graph.signature[1:]):
        fault = f"its input's size is left open, shape {graph.signature}; convert it again for pictures of one size"
        raise Misconfigured(f"the model {path.name}", [fault])
    if odd := output_shape_fault(opened.output_shape):
        raise Misconfigured(f"the model {path.name}", [odd])
    dtype, metadata = opened.input_dtype, metadata_of(content, graph.metadata)
    if dtype not in DTYPES:
        fault = f"it takes {dtype}, expected {', '.join(DTYPES)}; convert it again with one of these as its input"
        raise Misconfigured(f"the model {path.name}", [fault])
    quantisation = graph.quantisation if dtype in ("uint8", "int8") else None
    scaling, scaling_from = _scaling(graph, metadata, quantisation, dtype)
    return Facts(
        shape=opened.input_shape,
        dtype=dtype,
        outputs=opened.outputs,
        activation=activation_of(graph.last_operation()),
        scaling=scaling,
        scaling_from=scaling_from,
        labels=metadata.labels,
        quantisation=quantisation,
    )


def input_quantisation(path: Path) -> Quantisation | None:
    """Return the quantisation of a .tflite file's input; None where it is not quantised."""
    return _Graph(path.read_bytes()).quantisation


def _opened(path: Path) -> LiteRTModel:
    try:
        with silence():  # LiteRT prints a line once in each process
            return LiteRTModel(path)
    except InvalidBundle as error:
        faults = list(error.faults)
        if missing := SELECT.search(str(error.__cause__)):
            faults = [
                f"it needs the operation {missing[1]}, which LiteRT has not; convert it again with "
                "TFLITE_BUILTINS only, or import the Keras file or SavedModel that it was made of"
            ]
        raise Misconfigured(f"the model {path.name}", faults) from error


def _scaling(
    graph: _Graph, metadata: Metadata, quantisation: Quantisation | None, dtype: str
) -> tuple[Scaling | None, str]:
    """Return the scaling by the most certain fact: the first operation, a quantised input's range, or the metadata."""
    if scaling := graph.first_scaling():
        return scaling, "the graph's first operation"
    if quantisation and (scaling := scaling_of_range(quantisation, dtype)):
        return scaling, "the range of its quantised input"
    if metadata.means and metadata.deviations:
        return normalised(metadata.means, metadata.deviations), "the file's metadata"
    return None, ""


class _Graph:
    """The first subgraph of a model that LiteRT has opened."""

    def __init__(self, content: bytes) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self._model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
        self._names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
        self._graph = self._model.subgraphs[0]
        self._input = self._graph.inputs[0]

    @property
    def signature(self) -> tuple[int, ...]:
        """The input's shape, -1 for open sizes."""
        tensor = self._graph.tensors[self._input]
        shape = tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature
        return tuple(int(size) for size in shape)

    @property
    def quantisation(self) -> Quantisation | None:
        """The input's quantisation."""
        quantisation = self._graph.tensors[self._input].quantization
        if quantisation is None or quantisation.scale is None or len(quantisation.scale) != 1:
            return None
        return Quantisation(float(quantisation.scale[0]), int(quantisation.zeroPoint[0]))

    @property
    def metadata(self) -> bytes | None:
        """The buffer that holds the metadata."""
        for entry in self._model.metadata or []:
            if entry.name == METADATA:
                return bytes(self._model.buffers[entry.buffer].data)
        return None

    def first_scaling(self) -> Scaling | None:
        """Follow the input to the first arithmetic on it."""
        tensor = self._input
        while operators := [operator for operator in self._graph.operators if tensor in operator.inputs]:
            operator = operators[0]
            name = self._name(operator)
            if len(operators) == 1 and name in PASSED_OVER:
                tensor = operator.outputs[0]
                continue
            others = [index for index in operator.inputs if index != tensor]
            constants = self._constant(others[0]) if len(others) == 1 else None
            return None if constants is None else scaling_of_step(name, constants.reshape(-1))
        return None

    def last_operation(self) -> str:
        """Return the name of the operation that makes the output, past those that only change its form."""
        tensors = self._graph.tensors
        tensor = next(index for index in self._graph.outputs if tensors[index].name != FEATURE_MAP.encode())
        while operators := [operator for operator in self._graph.operators if tensor in operator.outputs]:
            name = self._name(operators[0])
            if name not in AT_THE_END:
                return name
            tensor = operators[0].inputs[0]
        return ""

    def _name(self, operator: Any) -> str:
        code = self._model.operatorCodes[operator.opcodeIndex]
        return str(self._names.get(max(code.builtinCode, code.deprecatedBuiltinCode), ""))

    def _constant(self, index: int) -> npt.NDArray[np.float64] | None:
        """Return the numbers of a constant tensor; None for a computed tensor, or one of another type."""
        tensor = self._graph.tensors[index]
        data = self._model.buffers[tensor.buffer].data
        dtype = {0: np.float32, 1: np.float16, 3: np.uint8, 9: np.int8}.get(tensor.type)
        if data is None or dtype is None:
            return None
        values = np.frombuffer(bytes(data), dtype).astype(np.float64)
        quantisation = tensor.quantization
        if quantisation is None or quantisation.scale is None or len(quantisation.scale) != 1:
            return values
        scaled: npt.NDArray[np.float64] = (values - int(quantisation.zeroPoint[0])) * float(quantisation.scale[0])
        return scaled
