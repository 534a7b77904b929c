"""The part of a picture that a crop keeps, the box that padding leaves, and the small copy: exact numbers."""

from __future__ import annotations

import numpy as np
import pytest

from shared.images.geometry import centre_of, inside_of
from shared.images.small_copy import small_copy

Size = tuple[int, int]


@pytest.mark.parametrize(
    ("size", "target", "expected"),
    [
        ((640, 480), (100, 50), (0, 80, 640, 400)),
        ((480, 640), (50, 100), (80, 0, 400, 640)),
        ((640, 480), (50, 100), (200, 0, 440, 480)),
        ((480, 640), (100, 50), (0, 200, 480, 440)),
        ((300, 100), (30, 20), (75, 0, 225, 100)),
        ((10, 7), (1000, 700), (0, 0, 10, 7)),
        ((64, 48), (64, 48), (0, 0, 64, 48)),
        ((5, 2), (3, 3), (1.5, 0, 3.5, 2)),
    ],
)
def test_crop_keeps_the_largest_centred_box_of_the_targets_proportions(
    size: Size, target: Size, expected: tuple[float, ...]
) -> None:
    assert centre_of(size, target) == pytest.approx(expected)


def test_crop_never_leaves_the_picture() -> None:
    for width in range(1, 120, 7):
        for height in range(1, 120, 3):
            for target in ((49, 49), (7, 93), (93, 7), (299, 224)):
                left, upper, right, lower = centre_of((width, height), target)
                assert 0 <= left < right <= width
                assert 0 <= upper < lower <= height
                assert left == pytest.approx(width - right)
                assert upper == pytest.approx(height - lower)


@pytest.mark.parametrize(
    ("size", "target", "expected"),
    [
        ((640, 480), (100, 100), (0, 12, 100, 87)),
        ((480, 640), (100, 100), (12, 0, 87, 100)),
        ((10, 5), (100, 80), (0, 15, 100, 65)),
        ((5, 10), (80, 100), (15, 0, 65, 100)),
        ((300, 200), (30, 20), (0, 0, 30, 20)),
        ((1000, 1), (100, 60), (0, 29, 100, 30)),
        ((1, 1000), (100, 60), (49, 0, 50, 60)),
        ((3, 2), (100, 100), (0, 16, 100, 83)),
    ],
)
def test_padding_leaves_the_largest_centred_box_that_holds_the_picture(
    size: Size, target: Size, expected: tuple[int, ...]
) -> None:
    assert inside_of(size, target) == expected


def numbered(width: int, height: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """Return a picture whose pixel at (row, column) is (row, column, 7)."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack((rows, columns, np.full_like(rows, 7)), axis=2).astype(np.uint8)


@pytest.mark.parametrize(
    ("size", "long_edge_px", "rows", "columns"),
    [
        ((8, 4), 4, [1, 3], [1, 3, 5, 7]),
        ((4, 8), 4, [1, 3, 5, 7], [1, 3]),
        ((7, 3), 3, [1], [1, 3, 5]),
        ((100, 60), 5, [10, 30, 50], [10, 30, 50, 70, 90]),
        ((100, 1), 4, [0], [12, 37, 62, 87]),
        ((1, 100), 1, [50], [0]),
        ((9, 8), 8, [0, 1, 2, 4, 5, 6, 7], [0, 1, 2, 3, 5, 6, 7, 8]),
    ],
)
def test_small_copy_takes_the_middles_of_equal_parts(
    size: Size, long_edge_px: int, rows: list[int], columns: list[int]
) -> None:
    copy = small_copy(numbered(*size), long_edge_px)
    assert copy[:, 0, 0].tolist() == rows
    assert copy[0, :, 1].tolist() == columns
    assert copy.shape == (len(rows), len(columns), 3)
    assert (copy[:, :, 2] == 7).all()


@pytest.mark.parametrize("size", [(8, 4), (4, 8), (3, 3)])
def test_small_copy_is_the_picture_itself_where_it_is_small_enough(size: Size) -> None:
    pixels = numbered(*size)
    assert small_copy(pixels, max(size)) is pixels
    assert small_copy(pixels, max(size) + 1) is pixels
    assert small_copy(pixels, max(size) - 1).shape[:2] != pixels.shape[:2]
