"""What a manifest says of a model's input and output is what the model sees, and what becomes of its numbers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from shared.bundles.bundle import Bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import InputSpec, Manifest, Threshold, manifest_from
from shared.errors import InvalidBundle
from shared.inference.classifier import Classifier, calibrated, prepare

SPEC = InputSpec(6, 10, "float32", 1.0, 0.0, "stretch", "nearest")
COLOUR = (200, 100, 50)
GREY = 124  # of COLOUR, by ITU-R 601


def picture() -> npt.NDArray[np.uint8]:
    return np.broadcast_to(np.array(COLOUR, np.uint8), (12, 20, 3)).copy()


def manifest(
    spec: InputSpec = SPEC, activation: str = "sigmoid", labels: tuple[str, ...] = ("dark", "bright")
) -> Manifest:
    return Manifest("m", "1", "", "litert", "model.tflite", labels, spec, activation, 1.0, 0.0, {}, {}, {})


def parsed(document: dict[str, Any]) -> tuple[Manifest, list[str]]:
    faults: list[str] = []
    found = manifest_from(document, faults)
    return found, [fault for fault in faults if "digest" not in fault]


class Says:
    """A model of any input that always says the same."""

    def __init__(self, spec: InputSpec, *outputs: float) -> None:
        self.input_shape, self.input_dtype, self.outputs = spec.shape, spec.dtype, len(outputs)
        self._says = np.array(outputs, np.float32)

    def run(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        assert (batch.shape, str(batch.dtype)) == (self.input_shape, self.input_dtype)
        assert batch.flags.c_contiguous
        return self._says


def classifier(spec: InputSpec, *outputs: float, **choices: Any) -> Classifier:
    one = dataclasses.replace(manifest(spec), **choices)
    return Classifier(Bundle(Path("m_v1"), one, "d" * 64), Says(spec, *outputs))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_a_model_gets_its_shape_its_type_and_one_block_of_memory(dtype: str, depth: int, layout: str) -> None:
    channels = "L" if depth == 1 else "RGB"
    spec = dataclasses.replace(SPEC, dtype=dtype, depth=depth, layout=layout, channels=channels, offset=-1.0)
    assert classifier(spec, 0.9).classify(picture()).label == "bright"


def test_channels_first_are_the_same_numbers_elsewhere() -> None:
    first = prepare(picture(), dataclasses.replace(SPEC, layout="NCHW"))
    assert first.shape == (1, 3, 6, 10)
    assert [int(first[0, channel, 2, 3]) for channel in range(3)] == list(COLOUR)


def test_one_channel_is_the_pictures_luminance() -> None:
    for fit in ("stretch", "crop", "pad"):
        grey = prepare(picture(), dataclasses.replace(SPEC, dtype="uint8", depth=1, channels="L", fit=fit))
        assert grey.shape == (1, 6, 10, 1)
        assert int(grey[0, 3, 5, 0]) == GREY


def test_blue_may_come_first_and_each_channel_have_its_own_scale() -> None:
    spec = dataclasses.replace(SPEC, channels="BGR", scale=(1.0, 2.0, 3.0), offset=(0.0, -1.0, -2.0))
    assert prepare(picture(), spec)[0, 0, 0].tolist() == [50, 2 * 100 - 1, 3 * 200 - 2]


def test_whole_numbers_are_rounded_and_kept_within_their_range() -> None:
    spec = dataclasses.replace(SPEC, dtype="int8", scale=1.5, offset=-128.0)
    assert prepare(picture(), spec)[0, 0, 0].tolist() == [127, 22, -53]
    plain = dataclasses.replace(SPEC, dtype="int8", offset=-128.0)
    assert prepare(picture(), plain)[0, 0, 0].tolist() == [72, -28, -78]
    broken = dataclasses.replace(SPEC, dtype="int8", scale=0.297)  # 59.4, 29.7, 14.85
    assert prepare(picture(), broken)[0, 0, 0].tolist() == [59, 30, 15]


@pytest.mark.parametrize(("activation", "output"), [("sigmoid", 0.8), ("logits", float(np.log(4)))])
def test_one_output_is_the_second_labels_and_the_first_has_what_is_left(activation: str, output: float) -> None:
    said = classifier(SPEC, output, activation=activation).classify(picture())
    assert [one.label for one in said.candidates] == ["bright", "dark"]
    assert [one.score for one in said.candidates] == pytest.approx([0.8, 0.2])


def test_the_threshold_of_one_output_decides() -> None:
    threshold = Threshold("bright", 0.9)
    assert classifier(SPEC, 0.8, threshold=threshold).classify(picture()).label == "dark"
    assert classifier(SPEC, 0.95, threshold=threshold).classify(picture()).label == "bright"


def test_temperature_tempers_one_output_too() -> None:
    tempered = calibrated(np.array([0.9], np.float32), "sigmoid", 2.0, 2)
    assert tempered.tolist() == pytest.approx([0.25, 0.75])


@pytest.mark.parametrize("output", [0.0, 1.0])
def test_a_certain_sigmoid_is_a_score_all_the_same(output: float) -> None:
    scores = calibrated(np.array([output], np.float32), "sigmoid", 1.0, 2)
    assert np.isfinite(scores).all()
    assert scores.tolist() == pytest.approx([1 - output, output])


def test_several_sigmoids_add_up_to_one_in_their_order() -> None:
    scores = calibrated(np.array([0.9, 0.6, 0.3], np.float32), "sigmoid", 1.0, 3)
    assert scores.tolist() == pytest.approx([0.5, 1 / 3, 1 / 6])


@pytest.mark.parametrize(
    ("activation", "labels", "sentence"),
    [("softmax", ("a", "b"), "always 1"), ("sigmoid", ("a", "b", "c"), "1 outputs, the manifest has 3 labels")],
)
def test_one_output_needs_two_labels_and_no_softmax(activation: str, labels: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(InvalidBundle, match=sentence):
        classifier(SPEC, 0.5, activation=activation, labels=labels)


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        dataclasses.replace(SPEC, layout="NCHW", dtype="int8"),
        dataclasses.replace(SPEC, depth=1, channels="L"),
        dataclasses.replace(SPEC, channels="BGR", scale=(1.0, 2.0, 3.0), offset=(0.0, 0.5, -1.0)),
    ],
)
def test_what_is_written_is_read_again(spec: InputSpec) -> None:
    written = json.loads(json.dumps(manifest(spec).as_json()))
    found, faults = parsed(written)
    assert faults == []
    assert found.input == spec


def test_the_bundles_that_ship_say_nothing_of_the_newer_fields() -> None:
    for path in MODELS.glob("*/manifest.json"):
        document = json.loads(path.read_text("utf-8"))
        assert {"depth", "layout"} & set(document["input"]) == set()
        found, _ = parsed(document)
        assert (found.input.depth, found.input.layout, found.input.takes_pixels) == (3, "NHWC", True)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("depth", 2, "input.depth is 2"),
        ("depth", 1, "expected 'L'"),
        ("layout", "CHW", "input.layout is 'CHW'"),
        ("channels", "GBR", "input.channels is 'GBR'"),
        ("dtype", "int16", "input.dtype is 'int16'"),
        ("scale", [1, 2], "a list of three"),
        ("offset", [1, 2, "3"], "a list of three"),
        ("scale", [1, 2, True], "a list of three"),
    ],
)
def test_a_fault_of_the_input_is_named(field: str, value: Any, sentence: str) -> None:
    document = manifest().as_json()
    document["input"][field] = value
    _, faults = parsed(document)
    assert [fault for fault in faults if sentence in fault]
