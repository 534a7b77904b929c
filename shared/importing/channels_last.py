"""Rewrite layers with channels first, which TensorFlow runs on GPUs only, to compute with channels last."""

from __future__ import annotations

from typing import Any

from shared.training.quiet import tensorflow_for

TO_LAST, TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)
INT32 = 3
"""``DT_INT32`` of https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/types.proto"""

BY_DIMENSION = ("strides", "ksize", "dilations")
"""Attributes with a number for each dimension."""


def computes_channels_first(frozen: Any) -> bool:
    """Return whether an operation of a frozen function has channels first."""
    return any(_is_first(node) for node in frozen.graph.as_graph_def().node)


def with_channels_last(frozen: Any) -> Any:
    """Return the function with each such operation between two transpositions; its input and output stay.

    Args:
        frozen: a concrete function whose variables are constants.
    """
    tensorflow = tensorflow_for("it")
    before = frozen.graph.as_graph_def()
    after = type(before)(versions=before.versions, library=before.library)
    for name, order in (("to_channels_last", TO_LAST), ("to_channels_first", TO_FIRST)):
        constant = after.node.add(name=name, op="Const")
        constant.attr["dtype"].type = INT32
        constant.attr["value"].tensor.CopyFrom(tensorflow.make_tensor_proto(order, tensorflow.int32))
    for node in before.node:
        if not _is_first(node):
            after.node.add().CopyFrom(node)
            continue
        turned = after.node.add()
        turned.CopyFrom(node)
        turned.attr["data_format"].s = b"NHWC"
        if frozen.graph.get_tensor_by_name(f"{node.name}:0").shape.rank != 4:
            continue  # a bias of one row of numbers, the same in both orders
        turned.name = f"{node.name}/channels_last"
        turned.input[0] = _transposed(after, f"{node.name}/input", node.input[0], "to_channels_last", node)
        _transposed(after, node.name, turned.name, "to_channels_first", node)
        _reorder(turned)
    wrapped = tensorflow.compat.v1.wrap_function(lambda: tensorflow.compat.v1.import_graph_def(after, name=""), [])
    return wrapped.prune([tensor.name for tensor in frozen.inputs], [tensor.name for tensor in frozen.outputs])


def _is_first(node: Any) -> bool:
    return "data_format" in node.attr and node.attr["data_format"].s == b"NCHW"


def _transposed(graph: Any, name: str, source: str, order: str, like: Any) -> str:
    node = graph.node.add(name=name, op="Transpose", input=[source, order])
    node.attr["T"].CopyFrom(like.attr["T"])
    node.attr["Tperm"].type = INT32
    return name


def _reorder(node: Any) -> None:
    """Put attributes with a value for each dimension into the other order."""
    for name in BY_DIMENSION:
        if name in node.attr and len(numbers := list(node.attr[name].list.i)) == 4:
            node.attr[name].list.i[:] = [numbers[axis] for axis in TO_LAST]
    if "explicit_paddings" in node.attr and len(pairs := list(node.attr["explicit_paddings"].list.i)) == 8:
        node.attr["explicit_paddings"].list.i[:] = [pairs[2 * axis + side] for axis in TO_LAST for side in (0, 1)]
