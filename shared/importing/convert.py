"""Convert a frozen TensorFlow function to a .tflite file: int8, half precision, or unchanged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.bundles.manifest import InputSpec
from shared.errors import Misconfigured
from shared.inference.classifier import prepare
from shared.training.quiet import silence, tensorflow_for
from shared.types import Pixels

PRECISIONS = ("int8", "float16", "float32")

IN_HALF = (
    "the model computes in half precision (mixed_float16 or mixed_bfloat16), for which LiteRT has no operations; "
    'import its .keras or .h5 file instead, which is made float32 here, or export it with the policy "float32"'
)
HALF_TYPES = (19, 14)
"""``DT_HALF`` and ``DT_BFLOAT16`` of https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/types.proto"""


def converted(frozen: Any, precision: str, spec: InputSpec, samples: Sequence[Pixels]) -> bytes:
    """Return the content of a .tflite file. In int8 its input is bytes.

    Args:
        frozen: a concrete function of one picture, its variables constants.
        precision: one of ``PRECISIONS``.
        spec: the input of ``frozen``.
        samples: for int8, pictures on which the ranges of activations are measured.

    Raises:
        Misconfigured: LiteRT lacks operations of the model; the message names the remedy.
    """
    tensorflow = tensorflow_for("the conversion")
    converter = tensorflow.lite.TFLiteConverter.from_concrete_functions([frozen], tensorflow.Module())
    if precision == "float16":
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tensorflow.float16]
    elif precision == "int8":
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: _examples(spec, samples)
        converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tensorflow.uint8
        converter.inference_output_type = tensorflow.float32
    try:
        with silence():
            return bytes(converter.convert())
    except Exception as error:  # the converter raises whatever its passes raise
        advice = IN_HALF if _computes_in_half(frozen) else _advice(str(error), precision)
        raise Misconfigured("the conversion", [advice]) from error


def _examples(spec: InputSpec, samples: Sequence[Pixels]) -> Iterator[list[npt.NDArray[Any]]]:
    # the ends of the range first, so that the input is quantised in steps of one grey level
    ramp = np.linspace(0, 255, spec.height_px * spec.width_px).round().astype(np.uint8)
    for turned in (ramp, ramp[::-1]):
        picture = np.repeat(turned.reshape(spec.height_px, spec.width_px, 1), 3, axis=2)
        yield [prepare(picture, spec)]
    for pixels in samples:
        yield [prepare(pixels, spec)]


def _computes_in_half(frozen: Any) -> bool:
    nodes = frozen.graph.as_graph_def().node
    return any(node.op != "Cast" and "T" in node.attr and node.attr["T"].type in HALF_TYPES for node in nodes)


def _advice(message: str, precision: str) -> str:
    operations = sorted(
        {line.split("'")[1] for line in message.splitlines() if "op is neither" in line and "'" in line}
    )
    named = f" ({', '.join(operations)})" if operations else ""
    smaller = "--precision float32, or " if precision == "int8" else ""
    return (
        f"the model has operations that LiteRT lacks in {precision}{named}; add {smaller}--runtime keep, which "
        "serves it as it is with TensorFlow, from the image serving-tensorflow"
    )
