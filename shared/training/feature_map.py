"""Add the last feature map of a .tflite model as a second output, so that a class activation map costs nothing.

The converter could only do so before it quantises, which would add an operator and change the file. So the finished
file is edited: new parts are appended, and a few offsets point to them (https://flatbuffers.dev/internals/: offsets are
relative, so a part that was built separately is valid at any position). All other bytes stay unchanged.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder

from shared.bundles.manifest import Explain

NAMES = Explain(feature_map="feature_map", class_weights="class_weights")
"""The tensors' names in an edited file."""

ALIGNMENT = 16
"""In bytes; the largest alignment that the schema requires of any part."""

TENSOR_NAME, OUTPUTS, SIGNATURE_OUTPUTS = 10, 8, 6
"""Offsets of fields in the vtables of a Tensor, a SubGraph and a SignatureDef."""

Built = Callable[[Builder], int]
"""Builds a part, and returns its offset in the builder."""


def with_feature_map(content: bytes) -> tuple[bytes, Explain | None]:
    """Make the input of the last global average pooling a second output; the logits stay the first output.

    Args:
        content: a .tflite file, which may have been edited already.

    Returns:
        The file, and the names of its tensors. The same file and None where the model does not end with an average
        over height and width (MEAN) and one layer of constant weights (FULLY_CONNECTED) on it.
    """
    model = schema.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    if model.SubgraphsLength() != 1 or (feature_map_and_weights := _head(model, graph)) is None:
        return content, None
    feature_map, weights = feature_map_and_weights
    outputs = graph.OutputsAsNumpy().tolist()
    if outputs[1:] == [feature_map]:
        return content, Explain(graph.Tensors(feature_map).Name().decode(), graph.Tensors(weights).Name().decode())
    if len(outputs) > 1:
        return content, None
    edited = _Edited(content)
    edited.point(graph, OUTPUTS, lambda builder: builder.CreateNumpyVector(np.array([*outputs, feature_map], np.int32)))
    for tensor, name in ((feature_map, NAMES.feature_map), (weights, NAMES.class_weights)):
        edited.point(graph.Tensors(tensor), TENSOR_NAME, _string(name))
    for index in range(model.SignatureDefsLength()):
        signature = model.SignatureDefs(index)
        named = [
            (output_map.Name(), output_map.TensorIndex())
            for output_map in _each(signature.Outputs, signature.OutputsLength())
        ]
        edited.point(signature, SIGNATURE_OUTPUTS, _tensor_maps([*named, (NAMES.feature_map, feature_map)]))
    return edited.content, NAMES


class _Edited:
    """A flatbuffer in which fields are pointed at new parts, which are appended."""

    def __init__(self, content: bytes) -> None:
        self._content = bytearray(content)

    @property
    def content(self) -> bytes:
        return bytes(self._content)

    def point(self, table: Any, field: int, build: Built) -> None:
        """Point an existing field at a new part."""
        position = table._tab.Pos + table._tab.Offset(field)
        builder = Builder()
        builder.Finish(build(builder))
        self._content += bytes(-len(self._content) % ALIGNMENT)
        (offset,) = struct.unpack_from("<I", piece := builder.Output())
        struct.pack_into("<I", self._content, position, len(self._content) + offset - position)
        self._content += piece


def _head(model: Any, graph: Any) -> tuple[int, int] | None:
    """Return the tensors of the feature map and of the weights; None where the head allows no activation map."""
    made_by = {operator.Outputs(0): operator for operator in _each(graph.Operators, graph.OperatorsLength())}
    head = _operator_before(model, made_by, graph.Outputs(0), "FULLY_CONNECTED")
    mean = None if head is None else _operator_before(model, made_by, head.Inputs(0), "MEAN")
    if head is None or mean is None:
        return None
    feature_map, weights, axes = mean.Inputs(0), head.Inputs(1), _numbers(model, graph.Tensors(mean.Inputs(1)))
    shape, channels = graph.Tensors(feature_map).ShapeAsNumpy(), graph.Tensors(weights).ShapeAsNumpy()[1]
    is_global = sorted(axes) == [1, 2] and len(shape) == 4 and shape[3] == channels
    return (feature_map, weights) if is_global and weights not in made_by else None


PASSED = ("DEQUANTIZE", "QUANTIZE", "RESHAPE", "SOFTMAX", "LOGISTIC")
"""Operators that may be after the layer or before it, since they do not mix labels or channels."""


def _operator_before(model: Any, made_by: dict[int, Any], tensor: int, name: str) -> Any:
    """Return the operator of a name that made a tensor, directly or through ``PASSED`` ones; None if none did."""
    while (operator := made_by.get(tensor)) is not None:
        code = model.OperatorCodes(operator.OpcodeIndex())
        kind = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if kind == getattr(schema.BuiltinOperator, name):
            return operator
        if kind not in [getattr(schema.BuiltinOperator, passed) for passed in PASSED]:
            return None
        tensor = operator.Inputs(0)
    return None


def _numbers(model: Any, tensor: Any) -> list[int]:
    """Return the int32 numbers of a constant; empty where the tensor is not a constant."""
    content = model.Buffers(tensor.Buffer()).DataAsNumpy()
    return [] if isinstance(content, int) else content.view(np.int32).tolist()


def _each(item: Callable[[int], Any], length: int) -> Iterator[Any]:
    return (item(index) for index in range(length))


def _string(text: str) -> Built:
    return lambda builder: builder.CreateString(text)


def _tensor_maps(outputs: list[tuple[str | bytes, int]]) -> Built:
    def build(builder: Builder) -> int:
        maps = []
        for name, tensor in outputs:
            text = builder.CreateString(name)
            schema.TensorMapStart(builder)
            schema.TensorMapAddName(builder, text)
            schema.TensorMapAddTensorIndex(builder, tensor)
            maps.append(schema.TensorMapEnd(builder))
        schema.SignatureDefStartOutputsVector(builder, len(maps))
        for output_map in reversed(maps):
            builder.PrependUOffsetTRelative(output_map)
        return int(builder.EndVector())

    return build
