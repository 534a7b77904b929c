"""The manifest's input and output parts decide what the model gets, and how its outputs become scores."""

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
from shared.inference.classifier import Classifier, calibrate_scores, prepare

SPEC = InputSpec(6, 10, "float32", 1.0, 0.0, "stretch", "nearest")
COLOUR = (200, 100, 50)
GREY = 124  # of COLOUR, by ITU-R 601


def picture() -> npt.NDArray[np.uint8]:
    return np.broadcast_to(np.array(COLOUR, np.uint8), (12, 20, 3)).copy()


def manifest(
    spec: InputSpec = SPEC, activation: str = "sigmoid", labels: tuple[str, ...] = ("dark", "bright")
) -> Manifest:
    return Manifest("m", "1", "", "litert", "model.tflite", labels, spec, activation, 1.0, 0.0, {}, {}, {})


def manifest_and_faults(document: dict[str, Any]) -> tuple[Manifest, list[str]]:
    faults: list[str] = []
    read_back = manifest_from(document, faults)
    return read_back, [fault for fault in faults if "digest" not in fault]


class FixedModel:
    """A model of any input that always returns the same outputs."""

    def __init__(self, spec: InputSpec, *outputs: float) -> None:
        self.input_shape, self.input_dtype, self.outputs = spec.shape, spec.dtype, len(outputs)
        self._result = np.array(outputs, np.float32)

    def run(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        assert (batch.shape, str(batch.dtype)) == (self.input_shape, self.input_dtype)
        assert batch.flags.c_contiguous
        return self._result


def classifier(spec: InputSpec, *outputs: float, **choices: Any) -> Classifier:
    changed = dataclasses.replace(manifest(spec), **choices)
    return Classifier(Bundle(Path("m_v1"), changed, "d" * 64), FixedModel(spec, *outputs))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_model_input_has_its_shape_dtype_and_contiguous_memory(dtype: str, depth: int, layout: str) -> None:
    channels = "L" if depth == 1 else "RGB"
    spec = dataclasses.replace(SPEC, dtype=dtype, depth=depth, layout=layout, channels=channels, offset=-1.0)
    assert classifier(spec, 0.9).classify(picture()).label == "bright"


def test_prepare_puts_channels_first() -> None:
    first = prepare(picture(), dataclasses.replace(SPEC, layout="NCHW"))
    assert first.shape == (1, 3, 6, 10)
    assert [int(first[0, channel, 2, 3]) for channel in range(3)] == list(COLOUR)


def test_prepare_returns_luminance_for_one_channel() -> None:
    for fit in ("stretch", "crop", "pad"):
        grey = prepare(picture(), dataclasses.replace(SPEC, dtype="uint8", depth=1, channels="L", fit=fit))
        assert grey.shape == (1, 6, 10, 1)
        assert int(grey[0, 3, 5, 0]) == GREY


def test_prepare_handles_bgr_and_a_scale_per_channel() -> None:
    spec = dataclasses.replace(SPEC, channels="BGR", scale=(1.0, 2.0, 3.0), offset=(0.0, -1.0, -2.0))
    assert prepare(picture(), spec)[0, 0, 0].tolist() == [50, 2 * 100 - 1, 3 * 200 - 2]


def test_prepare_rounds_and_clips_int8() -> None:
    spec = dataclasses.replace(SPEC, dtype="int8", scale=1.5, offset=-128.0)
    assert prepare(picture(), spec)[0, 0, 0].tolist() == [127, 22, -53]
    plain = dataclasses.replace(SPEC, dtype="int8", offset=-128.0)
    assert prepare(picture(), plain)[0, 0, 0].tolist() == [72, -28, -78]
    broken = dataclasses.replace(SPEC, dtype="int8", scale=0.297)  # 59.4, 29.7, 14.85
    assert prepare(picture(), broken)[0, 0, 0].tolist() == [59, 30, 15]


@pytest.mark.parametrize(("activation", "output"), [("sigmoid", 0.8), ("logits", float(np.log(4)))])
def test_single_output_is_the_second_labels_score(activation: str, output: float) -> None:
    classification = classifier(SPEC, output, activation=activation).classify(picture())
    assert [candidate.label for candidate in classification.candidates] == ["bright", "dark"]
    assert [candidate.score for candidate in classification.candidates] == pytest.approx([0.8, 0.2])


def test_single_output_is_decided_by_the_threshold() -> None:
    threshold = Threshold("bright", 0.9)
    assert classifier(SPEC, 0.8, threshold=threshold).classify(picture()).label == "dark"
    assert classifier(SPEC, 0.95, threshold=threshold).classify(picture()).label == "bright"


def test_single_output_is_scaled_by_the_temperature() -> None:
    tempered = calibrate_scores(np.array([0.9], np.float32), "sigmoid", 2.0, 2)
    assert tempered.tolist() == pytest.approx([0.25, 0.75])


@pytest.mark.parametrize("output", [0.0, 1.0])
def test_single_certain_sigmoid_is_a_finite_score(output: float) -> None:
    scores = calibrate_scores(np.array([output], np.float32), "sigmoid", 1.0, 2)
    assert np.isfinite(scores).all()
    assert scores.tolist() == pytest.approx([1 - output, output])


def test_sigmoids_of_several_labels_are_scaled_to_sum_one() -> None:
    scores = calibrate_scores(np.array([0.9, 0.6, 0.3], np.float32), "sigmoid", 1.0, 3)
    assert scores.tolist() == pytest.approx([0.5, 1 / 3, 1 / 6])


@pytest.mark.parametrize(
    ("activation", "labels", "sentence"),
    [("softmax", ("a", "b"), "always 1"), ("sigmoid", ("a", "b", "c"), "1 outputs, the manifest has 3 labels")],
)
def test_single_output_needs_two_labels_and_no_softmax(activation: str, labels: tuple[str, ...], sentence: str) -> None:
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
def test_manifest_input_is_read_as_it_was_written(spec: InputSpec) -> None:
    written = json.loads(json.dumps(manifest(spec).as_json()))
    read_back, faults = manifest_and_faults(written)
    assert faults == []
    assert read_back.input == spec


def test_shipped_bundles_lack_the_newer_input_fields() -> None:
    for path in MODELS.glob("*/manifest.json"):
        document = json.loads(path.read_text("utf-8"))
        assert {"depth", "layout"} & set(document["input"]) == set()
        read_back, _ = manifest_and_faults(document)
        assert (read_back.input.depth, read_back.input.layout, read_back.input.takes_pixels) == (3, "NHWC", True)


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
def test_manifest_input_faults_are_named(field: str, value: Any, sentence: str) -> None:
    document = manifest().as_json()
    document["input"][field] = value
    _, faults = manifest_and_faults(document)
    assert [fault for fault in faults if sentence in fault]
