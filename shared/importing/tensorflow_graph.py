"""Read a Keras model or a SavedModel as a frozen function of one picture, with the facts in its graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shared.adapters.tensorflow_model import TensorFlowModel
from shared.errors import Misconfigured
from shared.importing.channels_last import computes_channels_first, with_channels_last
from shared.importing.facts import Facts, activation_of, output_shape_fault, scaling_of_step
from shared.importing.keras_file import open_keras
from shared.importing.scaling import Scaling
from shared.importing.side_effects import random_fault, refuse_checkpoint_operations, refuse_file_operations
from shared.training.quiet import silence, tensorflow_for

PASSED_OVER = (
    "Identity",
    "Cast",
    "Transpose",
    "StopGradient",
    "ResizeBilinear",
    "ResizeNearestNeighbor",
    "Pad",
    "PadV2",
)
AT_THE_END = ("Identity", "Cast", "Reshape", "Squeeze", "NoOp")
KEPT = ("Identity", "Cast", "ReadVariableOp")
"""Operations between a constant and its use."""


@dataclass(frozen=True, slots=True)
class Original:
    """The original model, ready to run and to convert."""

    facts: Facts
    frozen: Any
    """A concrete function of one picture whose variables are constants."""
    network: Any = None
    """The ``keras.Model``; None for a SavedModel."""
    is_rewritten: bool = False
    """Whether layers with channels first, which TensorFlow runs on GPUs only, were rewritten to channels last."""

    @property
    def model(self) -> TensorFlowModel:
        """The original as a model that can serve."""
        frozen, dtype = self.frozen, self.facts.dtype
        tensorflow = tensorflow_for("it")

        def run(batch: Any) -> Any:
            try:
                [output] = frozen(tensorflow.constant(batch, dtype))
            except tensorflow.errors.OpError as error:
                fault = f"it cannot be run here ({error.message.strip().splitlines()[-1]:.200})"
                raise Misconfigured("the model", [fault]) from error
            return output

        return TensorFlowModel(run, self.facts.shape, dtype, self.facts.outputs)

    def save(self, path: Path) -> None:
        """Write the network as a ``.keras`` file that takes pictures of one size."""
        keras = tensorflow_for("it").keras
        network = self.network
        if None in network.inputs[0].shape[1:]:
            pictures = keras.Input(self.facts.shape[1:], dtype=self.facts.dtype)
            network = keras.Model(pictures, network(pictures))
        with silence():
            network.save(path)


def read_keras(path: Path, size: tuple[int, int] | None) -> Original:
    """Open a Keras file.

    Args:
        path: ``.keras`` or ``.h5``.
        size: height and width, for a network that takes any size.

    Raises:
        Misconfigured: it cannot be opened, or its input or output is not one picture or one row of numbers.
    """
    network = open_keras(path)
    try:
        inputs, outputs = list(network.inputs), list(network.outputs)
    except (AttributeError, ValueError, TypeError):
        inputs, outputs = [], []
    if len(inputs) != 1 or len(outputs) != 1:
        counts = f"it has {len(inputs)} inputs and {len(outputs)} outputs, expected one of each"
        raise Misconfigured(f"the model {path.name}", [counts])
    dtype = str(np.dtype(inputs[0].dtype))
    return _original(
        path, lambda batch: network(batch, training=False), tuple(inputs[0].shape), dtype, size, network=network
    )


def read_saved_model(path: Path, size: tuple[int, int] | None) -> Original:
    """Open a SavedModel folder by its signature ``serving_default``, or its only signature.

    Args:
        path: the folder with ``saved_model.pb``.
        size: height and width, for a network that takes any size.

    Raises:
        Misconfigured: it cannot be opened, or has no signature with one picture in and one row of numbers out.
    """
    tensorflow = tensorflow_for(path.name)
    refuse_file_operations(path)
    try:
        with silence():
            loaded = tensorflow.saved_model.load(str(path))
    except Exception as error:  # TensorFlow raises whatever its parsers raise
        raise Misconfigured(
            f"the model {path.name}", ["it is not a SavedModel that can be opened; export it again"]
        ) from error
    signatures = dict(loaded.signatures)
    signature = signatures.get("serving_default") or (next(iter(signatures.values())) if len(signatures) == 1 else None)
    if signature is None:
        fault = f"it has no signature serving_default; it has {', '.join(signatures) or 'none'}"
        raise Misconfigured(f"the model {path.name}", [f"{fault}; export it again with model.export"])
    inputs, outputs = signature.structured_input_signature[1], signature.structured_outputs
    if len(inputs) != 1 or len(outputs) != 1:
        counts = f"serving_default has {len(inputs)} inputs and {len(outputs)} outputs, expected one of each"
        raise Misconfigured(f"the model {path.name}", [counts])
    refuse_checkpoint_operations(path, signature.graph.as_graph_def())
    [(name, image)], [output] = inputs.items(), outputs

    def call(batch: Any) -> Any:
        keep = loaded  # a signature does not keep its variables alive
        return signature(**{name: batch})[output] if keep else None

    shape = tuple(image.shape) if image.shape.rank is not None else ()
    return _original(path, call, shape, image.dtype.name, size)


def _original(
    path: Path,
    call: Callable[[Any], Any],
    shape: tuple[int | None, ...],
    dtype: str,
    size: tuple[int, int] | None,
    network: Any = None,
) -> Original:
    fixed = _fixed(path, shape, dtype, size)
    frozen = _frozen(path, call, fixed, dtype)
    if is_rewritten := computes_channels_first(frozen):
        frozen = with_channels_last(frozen)
    [output] = frozen.outputs
    if output.shape.rank != 2 or output.shape[0] != 1 or output.shape[1] is None:
        fault = output_shape_fault(output.shape) or f"it returns shape {tuple(output.shape)}, expected (1, labels)"
        raise Misconfigured(f"the model {path.name}", [fault])
    graph = _Graph(frozen)
    scaling = graph.first_scaling()
    facts = Facts(
        shape=fixed,
        dtype=dtype,
        outputs=int(output.shape[1]),
        activation=activation_of(graph.last_operation()),
        scaling=scaling,
        scaling_from="a layer inside the model" if scaling else "",
    )
    return Original(facts, frozen, network, is_rewritten)


def _fixed(
    path: Path, shape: tuple[int | None, ...], dtype: str, size: tuple[int, int] | None
) -> tuple[int, int, int, int]:
    """Return the input's shape for one picture, with ``size`` where the network takes any size."""
    if len(shape) != 4 or dtype not in ("float32", "uint8"):
        fault = f"it takes {dtype} of shape {shape}, expected float32 or uint8 pictures: (n, height, width, channels)"
        raise Misconfigured(f"the model {path.name}", [fault])
    if shape[0] not in (None, 1):
        fault = f"it takes {shape[0]} pictures at once, expected one or any number; save it with that"
        raise Misconfigured(f"the model {path.name}", [fault])
    axes = (2, 3) if shape[1] in (1, 3) and shape[3] not in (1, 3) else (1, 2)
    sizes = [1, *shape[1:]]
    for axis, length in zip(axes, size or (None, None), strict=True):
        if sizes[axis] is None:
            sizes[axis] = length
    if None in sizes:
        fault = f"it takes pictures of any size, shape {shape}; add --size HEIGHTxWIDTH as it was trained"
        raise Misconfigured(f"the model {path.name}", [fault])
    count, first, second, third = (int(length or 0) for length in sizes)
    return count, first, second, third


def _frozen(path: Path, call: Callable[[Any], Any], shape: tuple[int, ...], dtype: str) -> Any:
    tensorflow = tensorflow_for(path.name)
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    concrete = None
    try:
        with silence():
            function = tensorflow.function(call, input_signature=[tensorflow.TensorSpec(shape, dtype)])
            concrete = function.get_concrete_function()
            frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=False)
    except Exception as error:  # a layer that does not fit the shape may raise anything
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        drawn = None if concrete is None else random_fault(concrete.graph.as_graph_def())
        fault = drawn or f"it does not run on one picture of shape {shape} ({first:.200})"
        raise Misconfigured(f"the model {path.name}", [fault]) from error
    if drawn := random_fault(frozen.graph.as_graph_def()):
        raise Misconfigured(f"the model {path.name}", [drawn])
    return frozen


class _Graph:
    """The graph of a frozen function, from the picture to the outputs."""

    def __init__(self, frozen: Any) -> None:
        self._nodes = {node.name: node for node in frozen.graph.as_graph_def().node}
        self._input = frozen.inputs[0].op.name
        self._output = frozen.outputs[0].op.name

    def first_scaling(self) -> Scaling | None:
        """Follow the input to the first arithmetic on it."""
        name = self._input
        while followers := [node for node in self._nodes.values() if name in self._sources(node)]:
            node = followers[0]
            if len(followers) == 1 and node.op in PASSED_OVER:
                name = node.name
                continue
            others = [source for source in self._sources(node) if source != name]
            constants = self._constant(others[0]) if len(others) == 1 else None
            return None if constants is None else scaling_of_step(node.op, constants)
        return None

    def last_operation(self) -> str:
        """Return the name of the operation that makes the output, past those that only change its form."""
        name = self._output
        while (node := self._nodes[name]).op in AT_THE_END and self._sources(node):
            name = self._sources(node)[0]
        return str(node.op)

    def _sources(self, node: Any) -> list[str]:
        return [name.split(":")[0] for name in node.input if not name.startswith("^")]

    def _constant(self, name: str) -> Iterable[float] | None:
        while (node := self._nodes[name]).op in KEPT:
            name = self._sources(node)[0]
        if node.op != "Const":
            return None
        values = tensorflow_for("it").make_ndarray(node.attr["value"].tensor)
        return list(np.asarray(values, np.float64).reshape(-1)) if values.dtype.kind in "fiu" else None
