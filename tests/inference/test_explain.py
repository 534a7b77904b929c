"""A heatmap is where the flower is, for both methods and for each way of fitting the picture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from shared.bundles.bundle import Bundle
from shared.bundles.manifest import InputSpec, Threshold
from shared.errors import BadRequest
from shared.inference.classifier import Classifier
from shared.inference.explain import CELLS, _patches, explain, over_picture
from shared.ports import Activation
from tests.inference.pictures import CORNERS, centre_of, corner_of, flower_in

SPEC = InputSpec(40, 40, "uint8", 1.0, 0.0, "stretch", "bilinear")


class FeatureModel:
    """A model with a chosen feature map and class weights."""

    input_shape = (1, 40, 40, 3)
    input_dtype = "uint8"

    def __init__(self, features: npt.NDArray[np.float32], weights: npt.NDArray[np.float32]) -> None:
        self._features, self._weights = features, weights
        self.outputs = len(weights)

    def run(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        return np.asarray(self._features.mean(axis=(0, 1)) @ self._weights.T, np.float32)

    def activation(self, batch: npt.NDArray[Any]) -> Activation:
        return Activation(self.run(batch), self._features, self._weights)


class LeftBrightnessModel:
    """A model that uses only the left half of the picture: its brightness is the evidence for ``a``."""

    input_shape = (1, 40, 40, 3)
    input_dtype = "uint8"
    outputs = 2

    def run(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        return np.array([batch[0, :, :20].mean() / 64, 1.0], np.float32)


def made(flowers: Classifier, model: Any, labels: tuple[str, ...] = ("a", "b"), **changes: Any) -> Classifier:
    manifest = replace(flowers.bundle.manifest, labels=labels, input=SPEC, temperature=1.0, explain=None, **changes)
    return Classifier(Bundle(flowers.bundle.folder, manifest, "d" * 64), model)


@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.parametrize("label", ["sunflowers", "daisy", "dandelion"])
def test_class_activation_map_is_in_the_flowers_corner(flowers: Classifier, corner: str, label: str) -> None:
    explanation = explain(flowers, flower_in(corner, label))

    assert (explanation.method, explanation.label) == ("cam", label)
    assert corner_of(explanation.heat) == corner
    assert explanation.heat.max() == 1
    assert explanation.heat.min() >= 0


@pytest.mark.parametrize("corner", CORNERS)
def test_occlusion_is_in_the_flowers_corner(plain: Classifier, corner: str) -> None:
    explanation = explain(plain, flower_in(corner))

    assert (explanation.method, explanation.label) == ("occlusion", "sunflowers")
    assert corner_of(explanation.heat) == corner


@pytest.mark.parametrize("which", ["flowers", "plain"])
def test_explain_returns_the_classification_of_classify(request: pytest.FixtureRequest, which: str) -> None:
    classifier: Classifier = request.getfixturevalue(which)
    picture = flower_in("upper left", "tulips")

    assert explain(classifier, picture).classification == classifier.classify(picture)


def test_class_activation_map_is_the_logits_share_less_the_common_part(flowers: Classifier) -> None:
    features = np.zeros((2, 2, 2), np.float32)
    features[0, 0], features[1, 1] = (4, 0), (1, 2)
    weights = np.array([[3, 0], [1, 0]], np.float32)  # centred: 1 and -1 for the first channel

    of_a, of_b = (explain(made(flowers, FeatureModel(features, weights)), _grey(), label) for label in ("a", "b"))

    assert np.allclose(of_a.heat, np.array([[1, 0], [0, 0.25]]))
    assert np.array_equal(of_b.heat, np.zeros((2, 2)))  # no evidence for it


def test_class_activation_map_ignores_weights_that_all_labels_share(flowers: Classifier) -> None:
    random = np.random.default_rng(0)
    features, weights = random.random((7, 7, 16), np.float32), random.normal(size=(2, 16)).astype(np.float32)

    centred, moved_by_5 = (
        explain(made(flowers, FeatureModel(features, moved)), _grey(), "a") for moved in (weights, weights + 5)
    )

    assert np.allclose(centred.heat, moved_by_5.heat, atol=1e-4)


def test_class_activation_map_of_one_output_is_the_second_labels(flowers: Classifier) -> None:
    features = np.array([[[2.0], [-4.0]]], np.float32)
    model = FeatureModel(features, np.array([[1.0]], np.float32))

    first, second = (explain(made(flowers, model), _grey(), label).heat for label in ("a", "b"))

    assert first.tolist() == [[0, 1]]
    assert second.tolist() == [[1, 0]]


def test_explain_explains_the_label_that_the_threshold_decides(flowers: Classifier) -> None:
    """Not the label with the better score: ``b`` is predicted although ``a`` has more."""
    features = np.array([[[1.0, 0.0], [0.0, 0.5]]], np.float32)
    classifier = made(flowers, FeatureModel(features, np.eye(2, dtype=np.float32)), threshold=Threshold("b", 0.3))

    explanation = explain(classifier, _grey())

    assert explanation.label == "b"
    assert explanation.score < 0.5
    assert explanation.heat.tolist() == [[0, 1]]


def test_occlusion_shows_what_the_score_depends_on(flowers: Classifier) -> None:
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[:, :20] = 200
    explanation = explain(made(flowers, LeftBrightnessModel()), picture, "a")

    assert explanation.heat.shape == (CELLS, CELLS)
    assert explanation.heat[:, : CELLS // 2].min() > 0.2
    assert explanation.heat[:, CELLS // 2 + 1 :].max() == 0


def test_occlusion_reports_each_run_before_it_and_can_be_stopped(flowers: Classifier) -> None:
    runs: list[tuple[int, int]] = []

    def stop_at_five(done: int, total: int) -> None:
        runs.append((done, total))
        if done == 5:
            raise BadRequest("enough")

    with pytest.raises(BadRequest, match="enough"):
        explain(made(flowers, LeftBrightnessModel()), _grey(), on_run=stop_at_five)

    assert runs == [(done, CELLS * CELLS) for done in range(6)]


@pytest.mark.parametrize("size", [1, 3, 7])
def test_occlusion_explains_a_model_of_tiny_pictures(flowers: Classifier, size: int) -> None:
    spec = replace(SPEC, height_px=size, width_px=size)
    manifest = replace(flowers.bundle.manifest, labels=("a", "b"), input=spec, explain=None)
    tiny = Classifier(Bundle(flowers.bundle.folder, manifest, "d" * 64), _BrightnessModel(size))

    assert explain(tiny, _grey(), "a").heat.shape == (CELLS, CELLS)


class _BrightnessModel:
    input_dtype = "uint8"
    outputs = 2

    def __init__(self, size: int) -> None:
        self.input_shape = (1, size, size, 3)

    def run(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        return np.array([batch.mean() / 100, 0], np.float32)


def test_occlusion_covers_a_grey_model_with_channels_first(flowers: Classifier) -> None:
    class ChannelsFirstModel(_BrightnessModel):
        def __init__(self) -> None:
            self.input_shape = (1, 1, 40, 40)
            self.input_dtype = "float32"

        def run(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
            assert (batch.shape, batch.dtype) == ((1, 1, 40, 40), np.dtype(np.float32))
            return np.array([batch[0, 0, :, :20].mean() * 4, 1], np.float32)

    spec = replace(SPEC, dtype="float32", scale=1 / 255, channels="L", depth=1, layout="NCHW")
    manifest = replace(flowers.bundle.manifest, labels=("a", "b"), input=spec, explain=None)
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[:, :20] = 200

    explanation = explain(
        Classifier(Bundle(flowers.bundle.folder, manifest, "d" * 64), ChannelsFirstModel()), picture, "a"
    )

    assert explanation.heat[:, : CELLS // 2].min() > 0
    assert explanation.heat[:, CELLS // 2 + 1 :].max() == 0


def test_explain_refuses_an_unknown_label_and_names_the_known(flowers: Classifier) -> None:
    with pytest.raises(BadRequest, match="The label is 'cat', expected one of: daisy, dandelion"):
        explain(flowers, _grey(), "cat")


def test_occlusion_patch_is_a_cell_and_half_a_cell_around_it() -> None:
    spec = replace(SPEC, height_px=8 * CELLS, width_px=16 * CELLS)
    patches = list(_patches(spec))
    assert len(patches) == CELLS * CELLS
    for index, (rows, columns) in enumerate(patches):
        row, column = divmod(index, CELLS)
        assert (rows.start, rows.stop) == (max(0, 8 * row - 4), 8 * row + 12)
        assert (columns.start, columns.stop) == (max(0, 16 * column - 8), 16 * column + 24)


# ---- Heatmaps over the picture


def corner_map(row: int, column: int) -> npt.NDArray[np.float32]:
    heat = np.zeros((8, 8), np.float32)
    heat[row, column] = 1
    return heat


def fitted(fit: str, height_px: int = 80, width_px: int = 80) -> InputSpec:
    return replace(SPEC, fit=fit, height_px=height_px, width_px=width_px)


@pytest.mark.parametrize("size", [(400, 400), (800, 400), (400, 800), (1000, 10)])
@pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
def test_over_picture_has_the_pictures_proportions(fit: str, size: tuple[int, int]) -> None:
    heat = over_picture(corner_map(3, 3), fitted(fit), size, 50)

    assert max(heat.shape) == 50
    assert heat.shape == (max(1, round(50 * size[1] / max(size))), max(1, round(50 * size[0] / max(size))))


def test_over_picture_undoes_stretching() -> None:
    heat = over_picture(corner_map(0, 7), fitted("stretch"), (800, 400), 64)

    assert centre_of(heat) == pytest.approx((1 / 16, 15 / 16), abs=0.04)


def test_over_picture_is_zero_outside_a_crop() -> None:
    heat = over_picture(np.ones((8, 8), np.float32), fitted("crop"), (800, 400), 64)

    assert heat.shape == (32, 64)
    assert heat[:, 16:48].min() == 1
    assert heat[:, :16].max() == heat[:, 48:].max() == 0
    # the map's last column ends with the crop, at three quarters
    of_corner = over_picture(corner_map(0, 7), fitted("crop"), (800, 400), 64)
    assert centre_of(of_corner) == pytest.approx((1 / 16, 0.75 - 1 / 32), abs=0.04)


def test_over_picture_leaves_out_the_padding() -> None:
    """A wide picture fills the middle half of a square input, so the map's third row is the picture's upper edge."""
    heat = over_picture(corner_map(2, 0), fitted("pad"), (800, 400), 64)

    assert heat.shape == (32, 64)
    assert centre_of(heat) == pytest.approx((1 / 8, 1 / 16), abs=0.05)
    assert over_picture(corner_map(0, 0), fitted("pad"), (800, 400), 64).max() < 0.05


@pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
@pytest.mark.parametrize("corner", CORNERS)
def test_over_picture_finds_the_flower_in_a_wide_picture(flowers: Classifier, corner: str, fit: str) -> None:
    manifest = flowers.bundle.manifest
    spec = replace(manifest.input, fit=fit)
    classifier = Classifier(replace(flowers.bundle, manifest=replace(manifest, input=spec)), flowers.model)
    picture = flower_in(corner, "daisy", (640, 448))

    explanation = explain(classifier, picture)

    assert corner_of(over_picture(explanation.heat, spec, (640, 448), 56)) == corner


def _grey() -> npt.NDArray[np.uint8]:
    return np.full((40, 40, 3), 128, np.uint8)
