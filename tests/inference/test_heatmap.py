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


@pytest.mark.parametrize(
    ("index", "colour"),
    [
        (0, (133, 19, 113)),
        (51, (202, 41, 118)),
        (102, (245, 79, 106)),
        (153, (255, 132, 103)),
        (204, (249, 189, 131)),
        (255, (245, 236, 199)),
    ],
)
def test_heatmap_colours_are_a_cubehelix(index: int, colour: tuple[int, int, int]) -> None:
    """Matplotlib 3.11.2: ``matplotlib._cm.cubehelix(gamma=1, s=0.15, r=0.45, h=2)`` at 0.25 + 0.67 * index / 255."""
    assert tuple(RAMP[index].tolist()) == colour


def test_heatmap_of_white_and_grey_is_dimmed_and_covered_by_seven_tenths_of_the_colour() -> None:
    white = np.full((8, 8, 3), 255, np.uint8)
    cold, warm, hot = (np.asarray(draw_heatmap(white, np.full((2, 2), heat, np.float32))) for heat in (0, 0.5, 1))
    assert cold.min() == cold.max() == 153  # 0.6 of 255
    assert warm[4, 4].tolist() == pytest.approx([0.65 * 153 + 0.35 * part for part in RAMP[127]], abs=1)
    assert hot[4, 4].tolist() == pytest.approx([0.3 * 153 + 0.7 * part for part in RAMP[255]], abs=1)


def test_heatmap_takes_six_tenths_of_the_colours_from_the_picture() -> None:
    red = np.full((8, 8, 3), (255, 0, 0), np.uint8)
    grey = 0.299 * 255  # the luma of ITU-R BT.601, as Pillow converts to L
    cold = np.asarray(draw_heatmap(red, np.zeros((2, 2), np.float32)))
    expected = [0.6 * (0.4 * part + 0.6 * grey) for part in (255, 0, 0)]
    assert cold[4, 4].tolist() == pytest.approx(expected, abs=1)


def test_heatmap_longest_edge_is_1024_pixels() -> None:
    drawn = draw_heatmap(np.zeros((100, 2050, 3), np.uint8), np.ones((3, 3), np.float32))
    assert drawn.size == (1024, 50)


def test_heatmap_is_no_stronger_than_all_where_resizing_overshoots() -> None:
    """A bicubic filter gives more than 1 beside an edge; the strongest colour is the last."""
    heat = np.zeros((4, 4), np.float32)
    heat[:, :2] = 1
    drawn = np.asarray(draw_heatmap(np.full((64, 64, 3), 255, np.uint8), heat)).astype(int)
    strongest = np.asarray(draw_heatmap(np.full((64, 64, 3), 255, np.uint8), np.ones((4, 4), np.float32))).astype(int)
    assert np.abs(drawn[32, 12:20] - strongest[32, 12:20]).max() <= 10
