"""AVIF's clean aperture: the box to crop to is exact, or there is none."""

from __future__ import annotations

import struct

import pytest

from shared.images.decode_in_process import _clean_aperture
from shared.images.headers.clean_aperture import clean_aperture
from tests.images.heif_parts import iinf, iloc, iprp, ispe, meta, pitm
from tests.pictures import box

SIZE = (64, 48)
Four = tuple[int, int, int, int]


def clap(width: int, height: int, across: int = 0, down: int = 0, below: Four = (1, 1, 1, 1)) -> bytes:
    """Return the property: width, height and the offset of its centre, each divided by one of ``below``."""
    numbers = (width, below[0], height, below[1], across, below[2], down, below[3])
    return box(b"clap", struct.pack(">IIIIiIiI", *numbers))


def avif(*properties: bytes, more: bytes = b"", item: int = 1, primary: int | None = 1) -> bytes:
    """Return an AVIF without pixels; all properties are of one item."""
    uses = {item: range(1, len(properties) + 1)}
    parts = (iinf({1: b"av01"}), iloc({}), iprp(properties, uses), b"" if primary is None else pitm(primary))
    return box(b"ftyp", b"avif\0\0\0\0") + more + meta(*parts)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (clap(64, 48), (0, 0, 64, 48)),
        (clap(32, 24), (16, 12, 48, 36)),
        (clap(32, 24, -16, -12), (0, 0, 32, 24)),
        (clap(32, 24, 16, 12), (32, 24, 64, 48)),
        (clap(31, 21, 1, -1, (1, 1, 2, 2)), (17, 13, 48, 34)),
        (clap(1, 1, 1, 1, (1, 1, 2, 2)), (32, 24, 33, 25)),
        (clap(1, 1, -63, -47, (1, 1, 2, 2)), (0, 0, 1, 1)),
        (clap(2, 4, 5, 3), (36, 25, 38, 29)),
        (clap(60, 88, -9, 8, (3, 4, 3, 2)), (19, 17, 39, 39)),
    ],
)
def test_clean_aperture_is_the_box_that_is_declared(declared: bytes, expected: tuple[int, ...]) -> None:
    assert clean_aperture(avif(ispe(*SIZE), declared), SIZE) == expected


@pytest.mark.parametrize(
    "declared",
    [
        clap(65, 48),
        clap(64, 49),
        clap(66, 48),
        clap(64, 50),
        clap(32, 24, -17, 0),
        clap(32, 24, 17, 0),
        clap(32, 24, 0, -13),
        clap(32, 24, 0, 13),
        clap(31, 24),
        clap(32, 23),
        clap(32, 24, 1, 0, (1, 1, 2, 1)),
        clap(32, 24, 0, 1, (1, 1, 1, 2)),
        clap(65, 24, 1, 0, (2, 1, 4, 1)),
        clap(32, 49, 0, 1, (1, 2, 1, 4)),
        clap(0, 24),
        clap(32, 0),
        clap(32, 24, below=(0, 1, 1, 1)),
        clap(32, 24, below=(1, 0, 1, 1)),
        clap(32, 24, below=(1, 1, 0, 1)),
        clap(32, 24, below=(1, 1, 1, 0)),
        clap(2**32 - 1, 24),
        clap(32, 2**32 - 2),
        box(b"clap"),
        box(b"clap", struct.pack(">IIII", 32, 1, 24, 1)),
    ],
)
def test_clean_aperture_that_is_not_a_box_of_whole_pixels_in_the_picture_is_none(declared: bytes) -> None:
    assert clean_aperture(avif(ispe(*SIZE), declared), SIZE) is None


def test_clean_aperture_is_that_of_the_primary_item() -> None:
    declared = clap(32, 24)
    assert clean_aperture(avif(ispe(*SIZE), declared, item=2, primary=2), SIZE) == (16, 12, 48, 36)
    assert clean_aperture(avif(ispe(*SIZE), declared, item=2, primary=1), SIZE) is None
    assert clean_aperture(avif(ispe(*SIZE), declared, primary=None), SIZE) is None


def test_decode_crops_to_the_clean_aperture_of_the_file() -> None:
    assert _clean_aperture(avif(ispe(*SIZE), clap(32, 24)), SIZE) == (16, 12, 48, 36)


def test_clean_aperture_is_the_first_of_several() -> None:
    assert clean_aperture(avif(clap(2, 2), clap(32, 24)), SIZE) == (31, 23, 33, 25)


def test_clean_aperture_is_found_behind_other_boxes_and_in_a_cut_file() -> None:
    content = avif(ispe(*SIZE), clap(32, 24), more=box(b"free", b"clap") + box(b"meta", bytes(4)))
    assert clean_aperture(content, SIZE) == (16, 12, 48, 36)
    assert clean_aperture(content + struct.pack(">I4s", 1000, b"mdat") + b"cut", SIZE) == (16, 12, 48, 36)


def test_clean_aperture_is_none_without_the_property_or_where_the_file_is_broken() -> None:
    assert clean_aperture(avif(ispe(*SIZE)), SIZE) is None
    assert clean_aperture(b"", SIZE) is None
    assert clean_aperture(b"clap", SIZE) is None
    assert clean_aperture(box(b"ftyp") + struct.pack(">I4s", 7, b"clap"), SIZE) is None
    assert clean_aperture(avif(clap(32, 24), item=1).replace(b"ipco", b"ipcx"), SIZE) is None
