"""The heatmap over the picture: its colours grow brighter, and the picture stays visible."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

from shared.inference.heatmap import LONGEST_EDGE_PX, RAMP, as_png, draw_heatmap, shorter_edge_px


@pytest.fixture
def noise() -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)


def lightness(colours: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Return CIE L* of sRGB colours (IEC 61966-2-1), shape (n, 3)."""
    part = colours / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    result: npt.NDArray[np.float64] = 116 * np.cbrt(luminance) - 16
    return result


def test_heatmap_colours_grow_brighter_with_the_heat() -> None:
    steps = np.diff(lightness(RAMP))

    assert RAMP.shape == (256, 3)
    assert steps.min() > -0.2  # eight bits are rounded
    assert np.diff(lightness(RAMP[::8])).min() > 0
    assert lightness(RAMP[-1:]) - lightness(RAMP[:1]) > 50


def test_heatmap_without_heat_keeps_the_pictures_shapes(noise: npt.NDArray[np.uint8]) -> None:
    cold = np.asarray(draw_heatmap(noise, np.zeros((7, 7), np.float32)))

    assert cold.shape == noise.shape
    for channel in range(3):
        assert np.corrcoef(cold[..., channel].ravel(), noise[..., channel].ravel())[0, 1] > 0.7


def test_heatmap_shows_the_picture_through_the_most_heat(noise: npt.NDArray[np.uint8]) -> None:
    hot = np.asarray(draw_heatmap(noise, np.ones((7, 7), np.float32))).astype(int)

    assert np.corrcoef(hot.sum(axis=2).ravel(), noise.astype(int).sum(axis=2).ravel())[0, 1] > 0.9
    assert abs(hot.mean(axis=(0, 1)) - RAMP[-1]).max() < 70


def test_heatmap_colours_the_hot_part_of_the_picture(noise: npt.NDArray[np.uint8]) -> None:
    heat = np.zeros((4, 4), np.float32)
    heat[0, 3] = 1
    changed = np.abs(
        np.asarray(draw_heatmap(noise, heat)).astype(int)
        - np.asarray(draw_heatmap(noise, np.zeros_like(heat))).astype(int)
    ).sum(axis=2)

    assert changed[:15, 67:].mean() > 20 * max(changed[30:, :45].mean(), 0.1)


def test_heatmap_does_not_modify_its_picture(noise: npt.NDArray[np.uint8]) -> None:
    before = noise.copy()
    draw_heatmap(noise, np.ones((2, 2), np.float32))

    assert np.array_equal(noise, before)


@pytest.mark.parametrize("size", [(2048, 1024), (1024, 3000), (10, 2000), (1, 1)])
def test_heatmap_of_a_large_picture_is_reduced(size: tuple[int, int]) -> None:
    width, height = size
    picture = draw_heatmap(np.zeros((height, width, 3), np.uint8), np.ones((3, 3), np.float32))

    assert max(picture.size) == min(LONGEST_EDGE_PX, max(size))
    assert min(picture.size) >= 1


def test_shorter_edge_is_no_larger_than_the_heatmaps() -> None:
    assert shorter_edge_px((4000, 2000)) == LONGEST_EDGE_PX // 2
    assert shorter_edge_px((100_000, 10)) == 1


def test_heatmap_file_is_a_png(noise: npt.NDArray[np.uint8]) -> None:
    with PIL.Image.open(BytesIO(as_png(draw_heatmap(noise, np.ones((2, 2), np.float32))))) as opened:
        assert (opened.format, opened.size) == ("PNG", (90, 60))
