"""A final softmax or sigmoid, cut off before the conversion to int8.

In int8 a probability is one of 256 steps, so that a score of 0.998 and one of 1 are the same, and small ones are 0.
Logits have no such end; the softmax is computed when serving calibrates them.
"""

from __future__ import annotations

from typing import Any

from shared.training.quiet import tensorflow_for

CUT = {"softmax": "Softmax", "sigmoid": "Sigmoid"}
"""Activation of a manifest to the operation that computes it."""
PASSED_OVER = ("Identity", "NoOp")


def without_activation(frozen: Any, activation: str, outputs: int) -> Any | None:
    """Return a frozen function that ends before its last activation; None where it cannot be cut off.

    Several sigmoids stay: what serving makes of them are no logits.

    Args:
        frozen: a concrete function of one picture whose variables are constants; stays as it is.
        activation: of the manifest.
        outputs: how many numbers it returns.
    """
    nodes = {node.name: node for node in frozen.graph.as_graph_def().node}
    node = nodes[frozen.outputs[0].op.name]
    while node.op in PASSED_OVER and node.input:
        node = nodes[node.input[0].split(":")[0]]
    if node.op != CUT.get(activation) or (activation == "sigmoid" and outputs != 1):
        return None
    before = node.input[0] if ":" in node.input[0] else f"{node.input[0]}:0"
    if frozen.graph.get_tensor_by_name(before).shape != frozen.outputs[0].shape:
        return None
    tensorflow = tensorflow_for("it")
    graph = frozen.graph.as_graph_def()
    wrapped = tensorflow.compat.v1.wrap_function(lambda: tensorflow.compat.v1.import_graph_def(graph, name=""), [])
    return wrapped.prune([one.name for one in frozen.inputs], [before])
