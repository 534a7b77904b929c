"""Image statistics of drawn pictures: each number is what its formula gives, and answers to what it is named after."""

from __future__ import annotations

import colorsys
from dataclasses import astuple

import numpy as np
import PIL.Image
import PIL.ImageFilter
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.images.small_copy import small_copy
from shared.signals.statistics import LONG_EDGE_PX, ImageStatistics, statistics_of
from shared.types import Pixels


def plain(red: int, green: int, blue: int, height: int = 12, width: int = 16) -> Pixels:
    return np.full((height, width, 3), (red, green, blue), np.uint8)


def stripes(dark: int, bright: int, width_px: int = 1) -> Pixels:
    columns = np.where(np.arange(32) // width_px % 2, bright, dark).astype(np.uint8)
    return np.repeat(np.repeat(columns[np.newaxis, :, np.newaxis], 24, 0), 3, 2)


def scene(seed: int = 3) -> PIL.Image.Image:
    """Blocks of random colours."""
    blocks = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
    return PIL.Image.fromarray(blocks).resize((320, 240), PIL.Image.Resampling.NEAREST)


def measured(picture: PIL.Image.Image) -> ImageStatistics:
    return statistics_of(small_copy(np.asarray(picture), LONG_EDGE_PX))


@pytest.mark.parametrize(("level", "brightness"), [(0, 0.0), (51, 0.2), (255, 1.0)])
def test_brightness_is_mean_luma_and_a_plain_grey_has_nothing_else(level: int, brightness: float) -> None:
    statistics = statistics_of(plain(level, level, level))

    assert statistics.brightness == pytest.approx(brightness)
    assert astuple(statistics)[1:] == pytest.approx((0, 0, 0, 0), abs=1e-6)


@pytest.mark.parametrize(
    ("colour", "luma"), [((255, 0, 0), 0.299), ((0, 255, 0), 0.587), ((0, 0, 255), 0.114)], ids=["red", "green", "blue"]
)
def test_brightness_weighs_colours_as_bt_601_does(colour: tuple[int, int, int], luma: float) -> None:
    assert statistics_of(plain(*colour)).brightness == pytest.approx(luma, abs=1e-6)


def test_contrast_is_the_standard_deviation_of_luma() -> None:
    assert statistics_of(stripes(0, 255)).contrast == pytest.approx(0.5)
    assert statistics_of(stripes(51, 102)).contrast == pytest.approx(0.1)


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    """Of columns of 0 and 255 the Laplacian is 510 and -510 in turns."""
    assert statistics_of(stripes(0, 255)).sharpness == pytest.approx(510**2)
    ramp = np.repeat(np.repeat(np.arange(0, 96, 3).astype(np.uint8)[np.newaxis, :, np.newaxis], 24, 0), 3, 2)
    assert statistics_of(ramp).sharpness == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (9, 2)])
def test_sharpness_of_a_picture_without_an_inner_pixel_is_0(shape: tuple[int, int]) -> None:
    assert statistics_of(plain(1, 2, 3, *shape)).sharpness == 0


@given(colour=st.tuples(*[st.integers(0, 255)] * 3))
@settings(max_examples=50, deadline=None)
def test_saturation_is_that_of_hsv(colour: tuple[int, int, int]) -> None:
    expected = colorsys.rgb_to_hsv(*(value / 255 for value in colour))[1]
    assert statistics_of(plain(*colour)).saturation == pytest.approx(expected, abs=1e-6)


def test_colourfulness_is_that_of_hasler_and_susstrunk() -> None:
    """Half red, half blue: red - green is 255 and 0, and (red + green) / 2 - blue is 127.5 and -255."""
    halves = np.concatenate([plain(255, 0, 0), plain(0, 0, 255)])
    spread, offset = np.hypot(127.5, 191.25), np.hypot(127.5, -63.75)
    assert statistics_of(halves).colourfulness == pytest.approx(spread + 0.3 * offset)


def test_statistics_notice_what_is_done_to_a_picture() -> None:
    before = measured(scene())

    assert measured(scene().point(lambda value: value * 0.45)).brightness < 0.5 * before.brightness
    assert measured(scene().filter(PIL.ImageFilter.GaussianBlur(4))).sharpness < 0.5 * before.sharpness
    grey = measured(scene().convert("L").convert("RGB"))
    assert (grey.saturation, grey.colourfulness) == pytest.approx((0, 0), abs=1e-6)
    assert grey.brightness == pytest.approx(before.brightness, abs=0.01)


def test_statistics_hang_little_on_the_size_of_a_picture() -> None:
    before = measured(scene())
    twice = measured(scene().resize((640, 480), PIL.Image.Resampling.NEAREST))
    assert astuple(twice) == pytest.approx(astuple(before), rel=0.02)


@given(
    height=st.integers(1, 12), width=st.integers(1, 12), seed=st.integers(0, 1000), levels=st.sampled_from((1, 2, 256))
)
@settings(max_examples=100, deadline=None)
def test_statistics_of_any_picture_are_finite_and_within_their_ranges(
    height: int, width: int, seed: int, levels: int
) -> None:
    pixels = (np.random.default_rng(seed).integers(0, levels, (height, width, 3)) * (255 // max(1, levels - 1))).astype(
        np.uint8
    )
    statistics = statistics_of(pixels)
    assert np.isfinite(astuple(statistics)).all()
    assert 0 <= statistics.brightness <= 1 + 1e-6
    assert 0 <= statistics.contrast <= 0.5 + 1e-6
    assert 0 <= statistics.saturation <= 1
    assert min(statistics.sharpness, statistics.colourfulness) >= 0


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((48, 64), (48, 64)),
        ((224, 224), (96, 96)),
        ((480, 640), (72, 96)),
        ((3000, 4000), (72, 96)),
        ((2000, 3), (96, 1)),
    ],
)
def test_small_copy_keeps_proportions_and_leaves_small_pictures(
    shape: tuple[int, int], expected: tuple[int, int]
) -> None:
    pixels = np.zeros((*shape, 3), np.uint8)
    assert small_copy(pixels, LONG_EDGE_PX).shape == (*expected, 3)


def test_small_copy_of_a_large_picture_keeps_its_mean() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (900, 1500, 3), np.uint8)
    assert small_copy(pixels, LONG_EDGE_PX).mean() == pytest.approx(pixels.mean(), abs=2)
