"""A heat map lies where the flower is, whichever way it was made and however the picture was fitted."""

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


class Sees:
    """A model of which everything is known, the feature map too."""

    input_shape = (1, 40, 40, 3)
    input_dtype = "uint8"

    def __init__(self, features: npt.NDArray[np.float32], weights: npt.NDArray[np.float32]) -> None:
        self._features, self._weights = features, weights
        self.outputs = len(weights)

    def run(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        return np.asarray(self._features.mean(axis=(0, 1)) @ self._weights.T, np.float32)

    def activation(self, batch: npt.NDArray[Any]) -> Activation:
        return Activation(self.run(batch), self._features, self._weights)


class Bright:
    """A model that looks at one half of the picture alone: how bright its left is speaks for ``a``."""

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
def test_the_class_activation_map_lies_in_the_corner_that_the_flower_is_in(
    flowers: Classifier, corner: str, label: str
) -> None:
    found = explain(flowers, flower_in(corner, label))

    assert (found.method, found.label) == ("cam", label)
    assert corner_of(found.heat) == corner
    assert found.heat.max() == 1
    assert found.heat.min() >= 0


@pytest.mark.parametrize("corner", CORNERS)
def test_an_occlusion_finds_the_corner_without_the_feature_map(plain: Classifier, corner: str) -> None:
    found = explain(plain, flower_in(corner))

    assert (found.method, found.label) == ("occlusion", "sunflowers")
    assert corner_of(found.heat) == corner


@pytest.mark.parametrize("which", ["flowers", "plain"])
def test_what_is_said_is_what_classify_says(request: pytest.FixtureRequest, which: str) -> None:
    classifier: Classifier = request.getfixturevalue(which)
    picture = flower_in("upper left", "tulips")

    assert explain(classifier, picture).classification == classifier.classify(picture)


def test_the_map_of_a_label_is_its_share_of_the_logit_less_what_all_labels_have(flowers: Classifier) -> None:
    features = np.zeros((2, 2, 2), np.float32)
    features[0, 0], features[1, 1] = (4, 0), (1, 2)
    weights = np.array([[3, 0], [1, 0]], np.float32)  # centred: 1 and -1 for the first channel

    of_a, of_b = (explain(made(flowers, Sees(features, weights)), _grey(), label) for label in ("a", "b"))

    assert np.allclose(of_a.heat, np.array([[1, 0], [0, 0.25]]))
    assert np.array_equal(of_b.heat, np.zeros((2, 2)))  # nothing speaks for it


def test_weights_that_all_labels_share_change_nothing(flowers: Classifier) -> None:
    random = np.random.default_rng(0)
    features, weights = random.random((7, 7, 16), np.float32), random.normal(size=(2, 16)).astype(np.float32)

    one, other = (explain(made(flowers, Sees(features, moved)), _grey(), "a") for moved in (weights, weights + 5))

    assert np.allclose(one.heat, other.heat, atol=1e-4)


def test_one_output_is_the_second_label_and_speaks_against_the_first(flowers: Classifier) -> None:
    features = np.array([[[2.0], [-4.0]]], np.float32)
    model = Sees(features, np.array([[1.0]], np.float32))

    first, second = (explain(made(flowers, model), _grey(), label).heat for label in ("a", "b"))

    assert first.tolist() == [[0, 1]]
    assert second.tolist() == [[1, 0]]


def test_with_a_threshold_the_label_that_is_given_is_explained(flowers: Classifier) -> None:
    """Not the better score: ``b`` is given where ``a`` has more."""
    features = np.array([[[1.0, 0.0], [0.0, 0.5]]], np.float32)
    classifier = made(flowers, Sees(features, np.eye(2, dtype=np.float32)), threshold=Threshold("b", 0.3))

    found = explain(classifier, _grey())

    assert found.label == "b"
    assert found.score < 0.5
    assert found.heat.tolist() == [[0, 1]]


def test_an_occlusion_shows_what_the_score_depends_on(flowers: Classifier) -> None:
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[:, :20] = 200
    found = explain(made(flowers, Bright()), picture, "a")

    assert found.heat.shape == (CELLS, CELLS)
    assert found.heat[:, : CELLS // 2].min() > 0.2
    assert found.heat[:, CELLS // 2 + 1 :].max() == 0


def test_an_occlusion_tells_of_each_run_before_it_and_can_be_stopped(flowers: Classifier) -> None:
    told: list[tuple[int, int]] = []

    def stop_at_five(done: int, total: int) -> None:
        told.append((done, total))
        if done == 5:
            raise BadRequest("enough")

    with pytest.raises(BadRequest, match="enough"):
        explain(made(flowers, Bright()), _grey(), on_run=stop_at_five)

    assert told == [(done, CELLS * CELLS) for done in range(6)]


@pytest.mark.parametrize("size", [1, 3, 7])
def test_a_model_that_takes_tiny_pictures_is_explained_too(flowers: Classifier, size: int) -> None:
    spec = replace(SPEC, height_px=size, width_px=size)
    manifest = replace(flowers.bundle.manifest, labels=("a", "b"), input=spec, explain=None)
    tiny = Classifier(Bundle(flowers.bundle.folder, manifest, "d" * 64), _Any(size))

    assert explain(tiny, _grey(), "a").heat.shape == (CELLS, CELLS)


class _Any:
    input_dtype = "uint8"
    outputs = 2

    def __init__(self, size: int) -> None:
        self.input_shape = (1, size, size, 3)

    def run(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        return np.array([batch.mean() / 100, 0], np.float32)


def test_a_model_of_channels_first_and_of_grey_is_covered_in_its_own_layout(flowers: Classifier) -> None:
    class First(_Any):
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

    found = explain(Classifier(Bundle(flowers.bundle.folder, manifest, "d" * 64), First()), picture, "a")

    assert found.heat[:, : CELLS // 2].min() > 0
    assert found.heat[:, CELLS // 2 + 1 :].max() == 0


def test_a_label_that_the_model_has_not_is_refused_and_the_others_named(flowers: Classifier) -> None:
    with pytest.raises(BadRequest, match="The label is 'cat', expected one of: daisy, dandelion"):
        explain(flowers, _grey(), "cat")


def test_a_patch_is_its_cell_and_half_a_cell_around_it_as_far_as_the_picture_goes() -> None:
    spec = replace(SPEC, height_px=8 * CELLS, width_px=16 * CELLS)
    patches = list(_patches(spec))
    assert len(patches) == CELLS * CELLS
    for index, (rows, columns) in enumerate(patches):
        row, column = divmod(index, CELLS)
        assert (rows.start, rows.stop) == (max(0, 8 * row - 4), 8 * row + 12)
        assert (columns.start, columns.stop) == (max(0, 16 * column - 8), 16 * column + 24)


# ---- From the model's input back to the picture


def corner_map(row: int, column: int) -> npt.NDArray[np.float32]:
    heat = np.zeros((8, 8), np.float32)
    heat[row, column] = 1
    return heat


def fitted(fit: str, height_px: int = 80, width_px: int = 80) -> InputSpec:
    return replace(SPEC, fit=fit, height_px=height_px, width_px=width_px)


@pytest.mark.parametrize("size", [(400, 400), (800, 400), (400, 800), (1000, 10)])
@pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
def test_a_map_has_the_pictures_proportions(fit: str, size: tuple[int, int]) -> None:
    heat = over_picture(corner_map(3, 3), fitted(fit), size, 50)

    assert max(heat.shape) == 50
    assert heat.shape == (max(1, round(50 * size[1] / max(size))), max(1, round(50 * size[0] / max(size))))


def test_stretched_the_map_is_stretched_back() -> None:
    heat = over_picture(corner_map(0, 7), fitted("stretch"), (800, 400), 64)

    assert centre_of(heat) == pytest.approx((1 / 16, 15 / 16), abs=0.04)


def test_cropped_the_map_covers_the_centre_and_is_nothing_beside_it() -> None:
    heat = over_picture(np.ones((8, 8), np.float32), fitted("crop"), (800, 400), 64)

    assert heat.shape == (32, 64)
    assert heat[:, 16:48].min() == 1
    assert heat[:, :16].max() == heat[:, 48:].max() == 0
    # the map's last column ends where the crop does, at three quarters
    of_corner = over_picture(corner_map(0, 7), fitted("crop"), (800, 400), 64)
    assert centre_of(of_corner) == pytest.approx((1 / 16, 0.75 - 1 / 32), abs=0.04)


def test_padded_the_padding_is_left_out() -> None:
    """A wide picture lies in the middle half of a square input, so the map's third row is the picture's upper edge."""
    heat = over_picture(corner_map(2, 0), fitted("pad"), (800, 400), 64)

    assert heat.shape == (32, 64)
    assert centre_of(heat) == pytest.approx((1 / 8, 1 / 16), abs=0.05)
    assert over_picture(corner_map(0, 0), fitted("pad"), (800, 400), 64).max() < 0.05


@pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
@pytest.mark.parametrize("corner", CORNERS)
def test_however_pictures_are_fitted_the_map_finds_the_flower_in_a_wide_one(
    flowers: Classifier, corner: str, fit: str
) -> None:
    manifest = flowers.bundle.manifest
    spec = replace(manifest.input, fit=fit)
    classifier = Classifier(replace(flowers.bundle, manifest=replace(manifest, input=spec)), flowers.model)
    picture = flower_in(corner, "daisy", (640, 448))

    found = explain(classifier, picture)

    assert corner_of(over_picture(found.heat, spec, (640, 448), 56)) == corner


def _grey() -> npt.NDArray[np.uint8]:
    return np.full((40, 40, 3), 128, np.uint8)
