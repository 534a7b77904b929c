"""The classifier: how a picture is fitted to the model, and how outputs become scores and labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from shared.bundles.bundle import Bundle
from shared.bundles.manifest import InputSpec, Manifest, Threshold
from shared.errors import InvalidBundle, Misconfigured
from shared.inference.classifier import Classifier, calibrate_scores, prepare
from shared.ports import Model
from tests.pictures import scene

LABELS = ("daisy", "rose", "tulip")
SPEC = InputSpec(8, 8, "uint8", 1.0, 0.0, "crop", "nearest")
BLACK, GREY, WHITE = 0, 100, 255


class FixedModel:
    """A model with the same outputs for every picture; it keeps the last batch."""

    def __init__(self, *outputs: float, shape: tuple[int, ...] = (1, 8, 8, 3), dtype: str = "uint8") -> None:
        self.input_shape, self.input_dtype, self.outputs = shape, dtype, len(outputs)
        self._result = np.array(outputs, np.float32)
        self.last_batch: npt.NDArray[Any] | None = None

    def run(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        self.last_batch = batch
        return self._result


def bundle(
    labels: Sequence[str] = LABELS,
    spec: InputSpec = SPEC,
    activation: str = "logits",
    temperature: float = 1.0,
    review_below: float = 0.5,
    threshold: Threshold | None = None,
) -> Bundle:
    manifest = Manifest(
        name="flowers",
        version="1",
        description="",
        runtime="litert",
        model_file="model.tflite",
        labels=tuple(labels),
        input=spec,
        activation=activation,
        temperature=temperature,
        review_below=review_below,
        metrics={},
        lineage={},
        files={},
        threshold=threshold,
    )
    return Bundle(Path("flowers_v1"), manifest, "d" * 64)


def classifier(*outputs: float, **choices: Any) -> Classifier:
    model: Model = FixedModel(*outputs)
    return Classifier(bundle(**choices), model)


def column_of(spec: InputSpec, pixels: npt.NDArray[np.uint8]) -> list[int]:
    """Return the left column of the model's input, from top to bottom."""
    return [int(value) for value in prepare(pixels, spec)[0, :, 0, 0]]


def bands(*levels: int, thickness: int = 4, across: int = 8) -> npt.NDArray[np.uint8]:
    """Return horizontal bands of grey levels, shape (thickness * bands, across, 3)."""
    rows = np.repeat(np.array(levels, np.uint8), thickness)
    return np.broadcast_to(rows[:, None, None], (len(rows), across, 3)).copy()


def test_prepare_returns_the_models_shape_and_dtype() -> None:
    batch = prepare(scene(), SPEC)
    assert (batch.shape, batch.dtype) == ((1, 8, 8, 3), np.dtype(np.uint8))
    wide = dataclasses.replace(SPEC, height_px=6, width_px=10)
    assert prepare(scene(), wide).shape == (1, 6, 10, 3)


def test_prepare_leaves_a_picture_of_the_right_size_unchanged() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    for fit in ("crop", "stretch", "pad"):
        for name in ("nearest", "bilinear", "bicubic", "lanczos"):
            spec = dataclasses.replace(SPEC, fit=fit, filter=name)
            np.testing.assert_array_equal(prepare(pixels, spec)[0], pixels)


def test_prepare_crops_to_the_centre_in_the_models_proportions() -> None:
    tall = bands(BLACK, GREY, GREY, WHITE)  # 16 x 8: the crop removes the outer quarters
    assert column_of(SPEC, tall) == [GREY] * 8
    wide = np.ascontiguousarray(tall.transpose(1, 0, 2))
    assert set(prepare(wide, SPEC).flat) == {GREY}


def test_prepare_stretches_the_whole_picture() -> None:
    spec = dataclasses.replace(SPEC, fit="stretch")
    assert column_of(spec, bands(BLACK, GREY, GREY, WHITE)) == [BLACK] * 2 + [GREY] * 4 + [WHITE] * 2


def test_prepare_pads_the_whole_picture_with_black() -> None:
    spec = dataclasses.replace(SPEC, fit="pad")
    batch = prepare(bands(GREY, GREY, GREY, WHITE), spec)[0, :, :, 0]
    assert batch[:, :2].max() == batch[:, 6:].max() == 0
    assert batch[:, 2].tolist() == batch[:, 5].tolist() == [GREY] * 6 + [WHITE] * 2


@pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (500, 1, 3), (3, 2, 3)])
def test_prepare_fits_the_smallest_and_thinnest_pictures(fit: str, shape: tuple[int, int, int]) -> None:
    batch = prepare(np.full(shape, GREY, np.uint8), dataclasses.replace(SPEC, fit=fit, filter="bilinear"))
    assert batch.shape == (1, 8, 8, 3)
    assert batch.max() == GREY


def test_prepare_returns_floats_as_pixels_times_scale_plus_offset() -> None:
    spec = dataclasses.replace(SPEC, dtype="float32", scale=1 / 127.5, offset=-1.0)
    batch = prepare(bands(0, 51, 204, 255, thickness=2), spec)
    assert batch.dtype == np.float32
    np.testing.assert_allclose(batch[0, ::2, 0, 0], [-1, -0.6, 0.6, 1], atol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "scale", "offset", "expected"),
    [
        ("uint8", 0.25, 0.0, [0, 0, 1, 64]),  # 0, 0.25, 0.75, 63.75
        ("uint8", 0.5, 0.0, [0, 0, 2, 128]),  # 0, 0.5, 1.5, 127.5: halves are rounded to even
        ("int8", 1.0, -128.0, [-128, -127, -125, 127]),
        ("int8", 0.25, -1.5, [-2, -1, -1, 62]),  # -1.5, -1.25, -0.75, 62.25
        ("uint8", 2.0, 0.0, [0, 2, 6, 255]),  # 510 is clipped
        ("int8", 1.0, -200.0, [-128, -128, -128, 55]),  # -200 is clipped
    ],
)
def test_prepare_rounds_and_clips_a_quantised_input(
    dtype: str, scale: float, offset: float, expected: list[int]
) -> None:
    spec = dataclasses.replace(SPEC, dtype=dtype, scale=scale, offset=offset)
    batch = prepare(bands(0, 1, 3, 255, thickness=2), spec)
    assert batch.dtype == np.dtype(dtype)
    assert batch[0, ::2, 0, 0].tolist() == expected


def test_classify_does_not_modify_the_pixels() -> None:
    pixels = scene()
    before = pixels.copy()
    classifier(1, 2, 3).classify(pixels)
    np.testing.assert_array_equal(pixels, before)


def test_classify_lists_labels_best_first_with_scores_of_sum_one() -> None:
    classification = classifier(0.5, 3.0, -1.0).classify(scene())
    assert [candidate.label for candidate in classification.candidates] == ["rose", "daisy", "tulip"]
    scores = [candidate.score for candidate in classification.candidates]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1, abs=1e-6)
    assert (classification.label, classification.score) == ("rose", scores[0])
    assert all(type(score) is float for score in scores)  # JSON has no NumPy numbers


def test_classify_scores_are_the_softmax_of_the_logits() -> None:
    classification = classifier(1.0, 2.0, 3.0).classify(scene())
    expected = np.exp([3.0, 2.0, 1.0]) / np.exp([1.0, 2.0, 3.0]).sum()
    assert [candidate.score for candidate in classification.candidates] == pytest.approx(list(expected), abs=1e-6)


def test_classify_keeps_the_bundles_order_of_equal_scores() -> None:
    classification = classifier(1.0, 1.0, 1.0).classify(scene())
    assert [candidate.label for candidate in classification.candidates] == list(LABELS)


def test_review_is_needed_below_the_limit_and_not_at_it() -> None:
    at = classifier(0.0, 0.0, labels=("a", "b"), review_below=0.5).classify(scene())
    below = classifier(0.0, 0.0, labels=("a", "b"), review_below=0.500001).classify(scene())
    assert (at.needs_review, below.needs_review) == (False, True)


@pytest.mark.parametrize(
    ("sick", "threshold", "label"),
    [(0.7, 0.8, "well"), (0.8, 0.7, "sick"), (0.3, 0.2, "sick"), (0.2, 0.3, "well"), (0.5, 0.5, "sick")],
)
def test_threshold_decides_the_label_not_the_better_score(sick: float, threshold: float, label: str) -> None:
    logits = (0.0, float(np.log(sick / (1 - sick))))
    classification = classifier(*logits, labels=("well", "sick"), threshold=Threshold("sick", threshold)).classify(
        scene()
    )

    assert classification.label == label == classification.candidates[0].label
    assert (
        classification.score
        == classification.candidates[0].score
        == pytest.approx(sick if label == "sick" else 1 - sick, abs=1e-6)
    )
    assert sum(candidate.score for candidate in classification.candidates) == pytest.approx(1, abs=1e-6)


def test_threshold_itself_is_positive_for_the_first_label_too() -> None:
    at = classifier(0.0, 0.0, labels=("bad", "good"), threshold=Threshold("bad", 0.5)).classify(scene())
    above = classifier(0.0, 0.0, labels=("bad", "good"), threshold=Threshold("bad", 0.500001)).classify(scene())

    assert (at.label, above.label) == ("bad", "good")


def test_review_limit_holds_for_both_labels_of_a_threshold() -> None:
    def needs_review(sick: float) -> bool:
        logits = (0.0, float(np.log(sick / (1 - sick))))
        choices: dict[str, Any] = {"labels": ("well", "sick"), "threshold": Threshold("sick", 0.7)}
        return classifier(*logits, review_below=0.9, **choices).classify(scene()).needs_review

    assert [needs_review(sick) for sick in (0.05, 0.3, 0.69, 0.71, 0.89, 0.95)] == [
        False,
        True,
        True,
        True,
        True,
        False,
    ]


def test_prepare_turns_pictures_grey_for_a_grey_bundle() -> None:
    spec = dataclasses.replace(SPEC, channels="L")
    red = np.full((8, 8, 3), (255, 0, 0), np.uint8)

    assert set(prepare(red, spec).flat) == {76}  # ITU-R 601: 0.299 of red
    np.testing.assert_array_equal(prepare(bands(BLACK, WHITE), spec), prepare(bands(BLACK, WHITE), SPEC))


def test_temperature_divides_the_logits() -> None:
    logits = np.array([4.0, 1.0, -2.0], np.float32)
    halves = (logits / 2).astype(np.float32)
    assert calibrate_scores(logits, "logits", 2.0) == pytest.approx(calibrate_scores(halves, "logits", 1.0), rel=1e-6)


def test_temperature_changes_scores_and_never_their_order() -> None:
    logits = np.array([2.0, 0.5, 1.0], np.float32)
    tops = [calibrate_scores(logits, "logits", temperature) for temperature in (0.25, 1.0, 4.0)]
    assert [int(scores.argmax()) for scores in tops] == [0, 0, 0]
    assert tops[0].max() > tops[1].max() > tops[2].max() > 1 / 3


def test_probabilities_are_unchanged_at_temperature_one() -> None:
    probabilities = np.array([0.7, 0.2, 0.1], np.float32)
    once = calibrate_scores(probabilities, "softmax", 1.0)
    np.testing.assert_allclose(once, probabilities, atol=1e-6)
    np.testing.assert_allclose(calibrate_scores(once, "softmax", 1.0), once, atol=1e-6)


def test_probabilities_are_calibrated_as_the_logits_behind_them() -> None:
    logits = np.array([3.0, 0.0, 1.0], np.float32)
    probabilities = calibrate_scores(logits, "logits", 1.0)
    np.testing.assert_allclose(
        calibrate_scores(probabilities, "softmax", 1.7), calibrate_scores(logits, "logits", 1.7), atol=1e-6
    )


@pytest.mark.parametrize("outputs", [(1e4, -1e4, 0.0), (-1e4, -1e4, -1e4), (np.finfo(np.float32).max, 0.0, 0.0)])
def test_scores_of_extreme_logits_are_probabilities(outputs: tuple[float, ...]) -> None:
    scores = calibrate_scores(np.array(outputs, np.float32), "logits", 1.0)
    assert np.isfinite(scores).all()
    assert scores.sum() == pytest.approx(1, abs=1e-6)


def test_scores_of_a_certain_model_are_probabilities() -> None:
    scores = calibrate_scores(np.array([1.0, 0.0, 0.0], np.float32), "softmax", 1.0)
    assert scores.dtype == np.float32
    assert scores[0] == pytest.approx(1)
    assert (scores >= 0).all()


def test_classifier_names_every_difference_from_the_manifest() -> None:
    model: Model = FixedModel(1.0, 2.0, shape=(1, 224, 224, 3), dtype="float32")
    with pytest.raises(InvalidBundle) as refused:
        Classifier(bundle(), model)
    assert refused.value.faults == (
        "the model takes shape (1, 224, 224, 3), expected (1, 8, 8, 3) as in the manifest",
        "the model takes float32, expected uint8 as in the manifest",
        "the model has 2 outputs, the manifest has 3 labels",
    )
    assert isinstance(refused.value, Misconfigured)
    assert "flowers_v1" in str(refused.value)


def test_warm_up_runs_an_inference_of_the_models_size() -> None:
    model = FixedModel(1.0, 2.0, 3.0)
    Classifier(bundle(), model).warm_up()
    assert model.last_batch is not None
    assert model.last_batch.shape == (1, 8, 8, 3)


@pytest.mark.parametrize("proportions", [(1, 1), (4, 3), (3, 4), (16, 9), (1, 30)])
def test_crop_of_any_size_stays_within_the_picture(proportions: tuple[int, int]) -> None:
    spec = InputSpec(224, 224, "uint8", 1.0, 0.0, "crop", "nearest")
    across, down = proportions
    for size in range(1, 400):
        pixels = np.zeros((max(1, size * down // 4), max(1, size * across // 4), 3), np.uint8)
        assert prepare(pixels, spec).shape == (1, 224, 224, 3)


@pytest.mark.parametrize("size", [(225, 225), (300, 225), (450, 450), (2400, 1800)])
def test_crop_handles_sizes_that_do_not_divide(size: tuple[int, int]) -> None:
    spec = InputSpec(224, 224, "uint8", 1.0, 0.0, "crop", "bicubic")
    assert prepare(np.zeros((size[1], size[0], 3), np.uint8), spec).shape == (1, 224, 224, 3)
