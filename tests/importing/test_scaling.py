"""The conventions of scaling: by name, by numbers, and from a quantised input's range."""

from __future__ import annotations

import pytest

from shared.bundles.manifest import Numbers
from shared.importing.facts import scaling_of_step
from shared.importing.labels import labels_in
from shared.importing.scaling import (
    CAFFE,
    IMAGENET,
    PIXELS,
    SIGNED,
    UNIT,
    Quantisation,
    Scaling,
    in_steps,
    scaling_from,
    scaling_name,
    scaling_of_range,
)


def of(scaling: Scaling, pixel: float) -> list[float]:
    scales, offsets = (
        (number if isinstance(number, tuple) else (number,)) for number in (scaling.scale, scaling.offset)
    )
    return [pixel * scale + offset for scale, offset in zip(scales, offsets, strict=True)]


@pytest.mark.parametrize(
    ("text", "black", "white"),
    [
        ("0..255", [0], [255]),
        ("0..1", [0], [1]),
        ("-1..1", [-1], [1]),
        ("127.5,127.5", [-1], [1]),
        ("0,255", [0], [1]),
        ("0.5,0.5", [-1], [1]),
        ("IMAGENET", [-2.1179, -2.0357, -1.8044], [2.2489, 2.4286, 2.64]),
        ("0.485,0.456,0.406,0.229,0.224,0.225", [-2.1179, -2.0357, -1.8044], [2.2489, 2.4286, 2.64]),
        ("123.675,116.28,103.53/58.395,57.12,57.375", [-2.1179, -2.0357, -1.8044], [2.2489, 2.4286, 2.64]),
        ("caffe", [-103.939, -116.779, -123.68], [151.061, 138.221, 131.32]),
    ],
)
def test_scaling_leads_from_pixels_to_the_numbers_of_training(
    text: str, black: list[float], white: list[float]
) -> None:
    scaling = scaling_from(text)
    assert of(scaling, 0) == pytest.approx(black, abs=1e-4)
    assert of(scaling, 255) == pytest.approx(white, abs=1e-4)


@pytest.mark.parametrize("text", ["", "0..2", "1,2,3", "1,0", "0,1", "a,b", "nan,1", "1,inf"])
def test_scaling_of_an_invalid_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"0\.\.255"):
        scaling_from(text)


def test_scaling_conventions_have_names() -> None:
    names = [scaling_name(scaling) for scaling in (PIXELS, UNIT, SIGNED, IMAGENET, CAFFE)]
    assert names == ["0..255", "0..1", "-1..1", "imagenet", "caffe"]
    assert "pixel * 2.0" in scaling_name(Scaling(2.0, 0.0))


@pytest.mark.parametrize(
    ("dtype", "step", "zero", "expected"),
    [
        ("uint8", 1 / 255, 0, UNIT),
        ("int8", 1 / 255, -128, UNIT),
        ("uint8", 0.0078125, 128, SIGNED),
        ("int8", 1.0, -128, PIXELS),
        ("int8", 0.0186, -14, None),
    ],
)
def test_scaling_is_known_from_a_quantised_inputs_range(
    dtype: str, step: float, zero: int, expected: Scaling | None
) -> None:
    assert scaling_of_range(Quantisation(step, zero), dtype) == expected


@pytest.mark.parametrize(
    ("scaling", "dtype", "step", "zero", "scale", "offset"),
    [
        (UNIT, "uint8", 1 / 255, 0, 1.0, 0.0),
        (SIGNED, "int8", 1 / 127.5, 0, 1.0, -128.0),
        (SIGNED, "uint8", 1 / 127.5, 128, 1.0, 0.0),
        (UNIT, "int8", 1 / 127.5, 0, 0.5, 0.0),
        (Scaling((1.0, 2.0, 3.0), (0.0, -1.0, -2.0)), "int8", 2.0, 5, (0.5, 1.0, 1.5), (5.0, 4.5, 4.0)),
    ],
)
def test_scaling_in_steps_of_a_quantised_input(
    scaling: Scaling, dtype: str, step: float, zero: int, scale: Numbers, offset: Numbers
) -> None:
    scale_and_offset = in_steps(scaling, Quantisation(step, zero), dtype)
    assert scale_and_offset[0] == pytest.approx(scale)
    assert scale_and_offset[1] == pytest.approx(offset)


@pytest.mark.parametrize(
    ("operation", "constants", "is_pixels"),
    [
        ("Mul", [1 / 255], True),
        ("RealDiv", [127.5], True),
        ("SUB", [120, 110, 100], True),
        ("AddV2", [-103.9, -116.8, -123.7], True),
        ("Mul", [2.0], False),
        ("SUB", [0.5], False),
        ("SUB", [120, 0.1, 100], False),
        ("Conv2D", [0.001], False),
        ("Mul", [], False),
    ],
)
def test_scaling_of_the_first_operation_is_pixels_or_unknown(
    operation: str, constants: list[float], is_pixels: bool
) -> None:
    assert (scaling_of_step(operation, constants) == PIXELS) is is_pixels


def test_labels_lose_their_numbers_where_these_count_from_zero() -> None:
    assert labels_in("0 daisy\n1 rose bush\n") == ("daisy", "rose bush")
    assert labels_in("0: daisy\n1: rose\n") == ("daisy", "rose")
    assert labels_in("7 up\ncola\n") == ("7 up", "cola")
    assert labels_in("1 daisy\n2 rose\n") == ("1 daisy", "2 rose")
    assert labels_in("\n daisy \n\nrose\n") == ("daisy", "rose")
