"""Cut off a final softmax or sigmoid before the conversion to int8.

In int8 a probability is one of 256 steps, so scores of 0.998 and 1 are the same, and small scores are 0. Logits have no
such limit; serving computes the softmax when it calibrates them.
"""

from __future__ import annotations

from typing import Any

from shared.training.quiet import tensorflow_for

CUT = {"softmax": "Softmax", "sigmoid": "Sigmoid"}
"""Activation of a manifest to the operation that computes it."""
PASSED_OVER = ("Identity", "NoOp")


def without_activation(frozen: Any, activation: str, outputs: int) -> Any | None:
    """Return a frozen function that ends before its last activation; None where it cannot be cut off.

    Several sigmoids stay, since serving does not turn their logits into scores.

    Args:
        frozen: a concrete function of one picture whose variables are constants; is not modified.
        activation: the manifest's activation.
        outputs: number of outputs.
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
    return wrapped.prune([tensor.name for tensor in frozen.inputs], [before])
