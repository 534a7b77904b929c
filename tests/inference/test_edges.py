"""Where a picture is fitted, covered or mapped back: to the pixel, also where it is tall, thin or tiny."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from shared.bundles.bundle import Bundle
from shared.bundles.manifest import InputSpec
from shared.inference.classifier import Classifier, calibrate_scores, prepare
from shared.inference.explain import _patches, explain, over_picture

SPEC = InputSpec(40, 40, "uint8", 1.0, 0.0, "stretch", "bilinear")


class Noting:
    """A model that keeps what it was given, and says that brightness speaks for the first label."""

    input_shape = (1, 40, 40, 3)
    input_dtype = "uint8"
    outputs = 2

    def __init__(self) -> None:
        self.given: list[npt.NDArray[Any]] = []

    def run(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        self.given.append(batch[0].copy())
        return np.array([batch.mean() / 64, 1.0], np.float32)


def padded(size: tuple[int, int]) -> npt.NDArray[Any]:
    """Return which pixels of a padded white picture of a width and height are white."""
    white = np.full((size[1], size[0], 3), 255, np.uint8)
    return np.asarray(prepare(white, replace(SPEC, fit="pad"))[0, ..., 0] > 127)


def test_padding_is_above_and_below_a_wide_picture_and_beside_a_tall_one() -> None:
    wide, tall = padded((200, 100)), padded((100, 200))
    assert wide[10:30].all()
    assert not wide[:10].any()
    assert not wide[30:].any()
    assert np.array_equal(tall, wide.T)


def test_probability_above_one_counts_as_one() -> None:
    beyond, certain = (calibrate_scores(np.array([one, 0.5], np.float32), "softmax", 1.0) for one in (1.5, 1.0))
    assert beyond.tolist() == certain.tolist()


@pytest.mark.parametrize("length", [1, 2])
def test_first_patch_of_a_tiny_input_covers_one_pixel(length: int) -> None:
    rows, columns = next(_patches(replace(SPEC, height_px=length, width_px=length)))
    assert (rows, columns) == (slice(0, 1), slice(0, 1))


def test_occlusion_has_eight_by_eight_cells_and_covers_nothing_but_its_patch(flowers: Classifier) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    manifest = replace(flowers.bundle.manifest, labels=("a", "b"), input=SPEC, temperature=1.0, explain=None)
    model = Noting()
    found = explain(Classifier(Bundle(flowers.bundle.folder, manifest, "d" * 64), model), picture)
    assert found.heat.shape == (8, 8)
    whole, *covered = model.given
    assert np.array_equal(whole, picture)
    assert len(covered) == 64
    mean = picture.mean(axis=(0, 1)).round().astype(np.uint8)
    for given, (rows, columns) in zip(covered, _patches(SPEC), strict=True):
        expected = picture.copy()
        expected[rows, columns] = mean
        assert np.array_equal(given, expected)


# ---- From the model's input back to the picture


def halves(axis: int) -> npt.NDArray[np.float32]:
    """Return a map that is hot in its first half along an axis."""
    heat = np.zeros((8, 8), np.float32)
    heat[(slice(0, 4), slice(None)) if axis == 0 else (slice(None), slice(0, 4))] = 1
    return heat


def spot(row: int, column: int) -> npt.NDArray[np.float32]:
    heat = np.zeros((8, 8), np.float32)
    heat[row, column] = 1
    return heat


def centre(heat: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Return where the centre of a map's heat is, each 0 to 1."""
    rows, columns = ((np.arange(length) + 0.5) / length for length in heat.shape)
    return float((heat.sum(axis=1) * rows).sum() / heat.sum()), float((heat.sum(axis=0) * columns).sum() / heat.sum())


def test_map_of_a_tall_picture_covers_its_centre_where_it_was_cropped() -> None:
    heat = over_picture(np.ones((8, 8), np.float32), replace(SPEC, fit="crop"), (400, 800), 64)
    assert heat.shape == (64, 32)
    assert heat[16:48].min() == 1
    assert heat[:16].max() == heat[48:].max() == 0
    of_corner = over_picture(spot(7, 0), replace(SPEC, fit="crop"), (400, 800), 64)
    assert centre(of_corner) == pytest.approx((0.75 - 1 / 32, 1 / 16), abs=0.04)


@pytest.mark.parametrize(
    ("size", "row", "column", "expected"),
    [
        ((800, 400), 2, 0, (1 / 8, 1 / 16)),
        ((800, 400), 5, 7, (7 / 8, 15 / 16)),
        ((400, 800), 0, 2, (1 / 16, 1 / 8)),
        ((400, 800), 7, 5, (15 / 16, 7 / 8)),
    ],
)
def test_map_of_a_padded_picture_is_without_the_padding(
    size: tuple[int, int], row: int, column: int, expected: tuple[float, float]
) -> None:
    heat = over_picture(spot(row, column), replace(SPEC, fit="pad"), size, 64)
    assert centre(heat) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize(("size", "axis"), [((1000, 10), 0), ((10, 1000), 1)])
def test_map_of_a_thin_cropped_picture_is_the_mean_across_it(size: tuple[int, int], axis: int) -> None:
    heat = over_picture(halves(axis), replace(SPEC, fit="crop"), size, 50)
    assert min(heat.shape) == 1
    assert heat.ravel()[25] == pytest.approx(0.5, abs=0.1)


def test_map_is_never_above_one_where_resizing_overshoots() -> None:
    heat = over_picture(halves(0), replace(SPEC, fit="stretch"), (400, 400), 64)
    assert (heat.min(), heat.max()) == (0, 1)
