"""The scaling of a model's pixels: the common conventions, by name, by numbers, and from a file."""

from __future__ import annotations

import math
from dataclasses import dataclass

from shared.bundles.manifest import Numbers


@dataclass(frozen=True, slots=True)
class Scaling:
    """A model takes ``pixel * scale + offset``, pixels from 0 to 255, as real numbers."""

    scale: Numbers
    offset: Numbers
    channels: str = "RGB"
    """``RGB`` or ``BGR``."""


@dataclass(frozen=True, slots=True)
class Quantisation:
    """A quantisation of real numbers: ``real = (whole - zero) * step``."""

    step: float
    zero: int


def _as_numbers(values: tuple[float, ...]) -> Numbers:
    if len(values) == 1:
        return values[0]
    first, second, third = values
    return (first, second, third)


def normalised(means: tuple[float, ...], deviations: tuple[float, ...], white: float = 255.0) -> Scaling:
    """Return the scaling ``(pixel - mean) / deviation``, of pixels from 0 to ``white``; one number each, or three."""
    scales = tuple(white / 255.0 / deviation for deviation in deviations)
    offsets = tuple(-mean / deviation for mean, deviation in zip(means, deviations, strict=True))
    return Scaling(_as_numbers(scales), _as_numbers(offsets))


PIXELS = Scaling(1.0, 0.0)
UNIT = Scaling(1 / 255, 0.0)
SIGNED = Scaling(1 / 127.5, -1.0)
IMAGENET = normalised((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), white=1.0)
"""https://pytorch.org/vision/stable/models.html"""
CAFFE = Scaling((1.0, 1.0, 1.0), (-103.939, -116.779, -123.68), "BGR")
"""Mode ``caffe`` of https://github.com/keras-team/keras/blob/master/keras/src/applications/imagenet_utils.py"""

NAMED = {"0..255": PIXELS, "0..1": UNIT, "-1..1": SIGNED, "imagenet": IMAGENET, "caffe": CAFFE}

RANGES = {"0..255": (0.0, 255.0), "0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0)}
NEAR = 0.02
"""Largest distance between the ends of a quantised input and those of a convention, as a share of its range."""

QUESTION = (
    "how its pixels were scaled in training cannot be seen in the file; look for rescale=, Rescaling or "
    "preprocess_input where it was trained, and add one of --scaling 0..255 (pixels as they are; EfficientNet of "
    "Keras), 0..1 (rescale=1/255), -1..1 (x / 127.5 - 1: MobileNet, Inception, Xception), imagenet (mean and deviation "
    "of PyTorch's models), caffe (VGG16, VGG19 and ResNet50 of Keras) or MEAN,STD in numbers"
)


def scaling_from(text: str) -> Scaling:
    """Read the value of ``--scaling``: a name of ``NAMED``, ``MEAN,STD``, or three means and three deviations.

    Means and deviations of at most 1 are of pixels from 0 to 1, others of pixels from 0 to 255.

    Raises:
        ValueError: the text is none of these; the message is what was expected.
    """
    if text.lower() in NAMED:
        return NAMED[text.lower()]
    try:
        numbers = [float(part) for part in text.replace("/", ",").split(",")]
    except ValueError:
        numbers = []
    half = len(numbers) // 2
    means, deviations = tuple(numbers[:half]), tuple(numbers[half:])
    if len(numbers) not in (2, 6) or not all(map(math.isfinite, numbers)) or min(deviations) <= 0:
        raise ValueError(f"one of {', '.join(NAMED)}, MEAN,STD or three means and three deviations above 0")
    if (means, deviations) == ((0.0,), (1.0,)):
        raise ValueError("0..255 or 0..1: a mean of 0 and a deviation of 1 could be either")
    return normalised(means, deviations, white=1.0 if max(*means, *deviations) <= 1 else 255.0)


def scaling_name(scaling: Scaling) -> str:
    """Return a scaling's name, or its numbers as a sentence."""
    for name, known in NAMED.items():
        if known == scaling:
            return name
    return f"pixel * {scaling.scale} + {scaling.offset}, {scaling.channels}"


def scaling_of_range(quantisation: Quantisation, dtype: str) -> Scaling | None:
    """Return the convention whose range a quantised input covers; None without one."""
    low, high = (0, 255) if dtype == "uint8" else (-128, 127)
    ends = [(whole - quantisation.zero) * quantisation.step for whole in (low, high)]
    for name, span in RANGES.items():
        tolerance = NEAR * (span[1] - span[0])
        if all(abs(end - other) <= tolerance for end, other in zip(ends, span, strict=True)):
            return NAMED[name]
    return None


def in_steps(scaling: Scaling, quantisation: Quantisation, dtype: str) -> tuple[Numbers, Numbers]:
    """Return scale and offset from pixels to a quantised input's whole numbers.

    Where the result is within one step of the pixel itself, or of the pixel less 128 in int8, it becomes exactly that.
    """
    whole = [
        (scale / quantisation.step, offset / quantisation.step + quantisation.zero)
        for scale, offset in zip(_as_tuple(scaling.scale), _as_tuple(scaling.offset), strict=True)
    ]
    plain = 0.0 if dtype == "uint8" else -128.0
    if all(abs(offset - plain) < 1 and abs(255 * scale + offset - plain - 255) < 1 for scale, offset in whole):
        return 1.0, plain
    return _as_numbers(tuple(scale for scale, _ in whole)), _as_numbers(tuple(offset for _, offset in whole))


def _as_tuple(numbers: Numbers) -> tuple[float, ...]:
    return numbers if isinstance(numbers, tuple) else (numbers,)
