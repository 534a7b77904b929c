"""The facts in a model's file, of any kind, and those from the first and last steps of its graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.importing.scaling import PIXELS, Quantisation, Scaling

SOFTMAX = frozenset({"softmax"})
SIGMOID = frozenset({"sigmoid", "logistic"})
LOGITS = frozenset(
    {"matmul", "batchmatmulv2", "biasadd", "addv2", "add", "fully_connected", "batch_matmul", "conv_2d", "conv2d"}
    | {"mean", "average_pool_2d", "avgpool", "log_softmax", "logsoftmax"}
)
"""Last operations of TensorFlow's and of LiteRT's graphs, in small letters."""

MULTIPLIES = frozenset({"mul"})
DIVIDES = frozenset({"div", "realdiv"})
SUBTRACTS = frozenset({"sub"})
ADDS = frozenset({"add", "addv2"})

LARGEST_FACTOR, SMALLEST_DIVISOR, SMALLEST_MEAN = 0.04, 25.0, 20.0
"""For pixels from 0 to 255; the numbers for pixels from 0 to 1 are far from these."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts in a model's file; None for what it does not contain."""

    shape: tuple[int, ...]
    """The input's shape, with 1 as its first size."""
    dtype: str
    outputs: int
    activation: str | None = None
    """``softmax``, ``sigmoid`` or ``logits``."""
    scaling: Scaling | None = None
    scaling_from: str = ""
    """Where the scaling is known from, for people."""
    labels: tuple[str, ...] | None = None
    quantisation: Quantisation | None = None
    """The input's quantisation."""


def activation_of(last_operation: str) -> str | None:
    """Return a model's activation, by the name of its last operation."""
    name = last_operation.lower()
    for activation, operations in (("softmax", SOFTMAX), ("sigmoid", SIGMOID), ("logits", LOGITS)):
        if name in operations:
            return activation
    return None


def output_shape_fault(shape: Sequence[int | None]) -> str | None:
    """Return the fault of an output's shape for one picture; None where it has a number for each label."""
    if None not in shape and sum(size != 1 for size in shape) <= 1:
        return None
    return (
        f"it returns shape {tuple(shape)} for one picture, expected one row of numbers, one for each label: models "
        "that find objects (YOLO, SSD), outlines or depth cannot be imported, those that classify can"
    )


def scaling_of_step(operation: str, constants: Iterable[float]) -> Scaling | None:
    """Return the scaling of pixels from 0 to 255 if the first arithmetic on the input only makes sense for those.

    Args:
        operation: the graph's operation, such as ``Mul``.
        constants: the numbers that it applies to the input.
    """
    name, numbers = operation.lower(), [float(number) for number in constants]
    if not numbers:
        return None
    scales = name in MULTIPLIES and all(0 < number <= LARGEST_FACTOR for number in numbers)
    divides = name in DIVIDES and all(number >= SMALLEST_DIVISOR for number in numbers)
    centres = (name in SUBTRACTS and all(number >= SMALLEST_MEAN for number in numbers)) or (
        name in ADDS and all(number <= -SMALLEST_MEAN for number in numbers)
    )
    return PIXELS if scales or divides or centres else None
