"""A JPEG's scans are counted by its markers, as libjpeg reads them: headers built byte by byte."""

from __future__ import annotations

import struct

import pytest

from shared.images.headers.jpeg_scans import Scans, scans_of

START, END = b"\xff\xd8", b"\xff\xd9"
SEQUENTIAL, PROGRESSIVE = (0xC0, 0xC1, 0xC3, 0xC5, 0xC7, 0xC9, 0xCB, 0xCD, 0xCF), (0xC2, 0xC6, 0xCA, 0xCE)
NOT_A_FRAME = (0xC4, 0xC8, 0xCC, 0xDB, 0xDD, 0xE0, 0xEF, 0xFE)


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def frame(marker: int, components: int = 3) -> bytes:
    return segment(marker, struct.pack(">BHHB", 8, 40, 50, components) + b"\1\x11\0" * components)


def scan(components: int = 1) -> bytes:
    return segment(0xDA, bytes([components]) + b"\1\0" * components + b"\0\x3f\0")


@pytest.mark.parametrize("marker", [*SEQUENTIAL, *PROGRESSIVE])
@pytest.mark.parametrize("components", [1, 3, 4])
def test_frame_declares_the_components_and_whether_it_is_progressive(marker: int, components: int) -> None:
    is_progressive = marker in PROGRESSIVE
    expected = Scans(components, is_progressive, 1, is_progressive)
    assert scans_of(START + frame(marker, components) + scan(components) + END) == expected


@pytest.mark.parametrize("marker", NOT_A_FRAME)
def test_other_segments_declare_no_components(marker: int) -> None:
    assert scans_of(START + frame(marker) + END) == Scans(0, False, 0, False)
    assert scans_of(START + frame(0xC2) + frame(marker, 9) + scan(3) + END) == Scans(3, True, 1, True)


@pytest.mark.parametrize(("marker", "limit"), [(0xC0, 4), (0xC2, 100)])
@pytest.mark.parametrize("over", [-1, 0, 1, 2, 300])
def test_scans_are_counted_to_one_more_than_are_allowed(marker: int, limit: int, over: int) -> None:
    scans = scans_of(START + frame(marker) + scan() * (limit + over) + END)
    assert scans.max_scans == limit
    assert scans.number == min(limit + over, limit + 1)
    assert scans.is_held_whole


@pytest.mark.parametrize(("components", "is_held_whole", "number"), [(1, True, 2), (2, True, 2), (3, False, 1)])
def test_sequential_jpeg_is_held_whole_where_its_first_scan_lacks_components(
    components: int, is_held_whole: bool, number: int
) -> None:
    content = START + frame(0xC0) + scan(components) + scan(3) + END
    assert scans_of(content) == Scans(3, False, number, is_held_whole)


def test_scan_after_the_end_of_the_first_picture_does_not_count() -> None:
    content = START + frame(0xC2) + scan() + END + START + frame(0xC2) + scan() * 7 + END
    assert scans_of(content) == Scans(3, True, 1, True)


@pytest.mark.parametrize("marker", [0x01, *range(0xD0, 0xD9)])
def test_marker_that_stands_alone_has_no_length(marker: int) -> None:
    assert scans_of(START + frame(0xC2) + bytes([0xFF, marker]) + scan() + END).number == 1


@pytest.mark.parametrize("marker", [0x02, 0xBF, 0xC4, 0xDB, 0xDC, 0xE0, 0xFE])
def test_segment_is_skipped_by_its_length(marker: int) -> None:
    for skipped in (scan(), scan() + frame(0xC0, 1), END + scan()):
        assert scans_of(START + frame(0xC2) + segment(marker, skipped) + scan() + END) == Scans(3, True, 1, True)


@pytest.mark.parametrize("length", [0, 1, 2])
def test_segment_is_two_bytes_long_at_least(length: int) -> None:
    content = START + frame(0xC2) + struct.pack(">BBH", 0xFF, 0xFE, length) + scan() + END
    assert scans_of(content) == Scans(3, True, 1, True)


@pytest.mark.parametrize("between", [b"", b"lost", b"\xff\0", b"\xff\xff", b"\xff\xff\xff", b"\xff\0\xff\0\0"])
def test_scans_are_found_behind_bytes_that_are_no_marker(between: bytes) -> None:
    assert scans_of(START + between + frame(0xC2) + between + scan() + between + scan()).number == 2


def test_markers_are_searched_from_the_third_byte() -> None:
    assert scans_of(b"\0\xff\xc2" + bytes(99)) == Scans(0, False, 0, False)
    assert scans_of(b"\xff\xd8" + frame(0xC2, 2)).components == 2


@pytest.mark.parametrize("content", [b"", b"\xff", START, START + b"\xff", START + b"\xff\xc0"])
def test_jpeg_that_ends_at_once_has_no_scans(content: bytes) -> None:
    assert scans_of(content) == Scans(0, False, 0, False)


def test_byte_at_the_end_of_a_cut_jpeg_counts_and_those_behind_it_are_zero() -> None:
    whole = START + frame(0xC2)[:10]
    assert scans_of(whole) == Scans(3, True, 0, False)
    assert scans_of(whole[:-1]) == Scans(0, True, 0, False)
    begun = START + frame(0xC0) + scan(3)[:5]
    assert scans_of(begun) == Scans(3, False, 1, False)
    assert scans_of(begun[:-1]) == Scans(3, False, 1, True)
