"""The limits of undoing a Content-Encoding: exactly at them, one below and one above."""

from __future__ import annotations

import gzip
import random
import zlib

import pytest

from shared.errors import TooManyBytes, WrongEncoding
from shared.images.content_encoding import GZIP, _unpack_member, bytes_held, codings_of, unpacked

NOISE = b"\xff\xd8\xff" + random.Random(1).randbytes(300_000)
"""Bytes that cannot be compressed, in many pieces of 64 KiB."""

LIMIT = 1_000_000


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        (None, []),
        ("", []),
        (" , ,", []),
        ("identity", []),
        ("IDENTITY, identity", []),
        ("gzip", ["gzip"]),
        (" GZIP ,\tDeflate,identity,, br", ["gzip", "deflate", "br"]),
        ("gzip, gzip", ["gzip", "gzip"]),
    ],
)
def test_codings_are_named_in_their_order(encoding: str | None, expected: list[str]) -> None:
    assert codings_of(encoding) == expected


@pytest.mark.parametrize("encoding", ["gzip", "aws-chunked", "identity, deflate"])
def test_bytes_held_are_the_larger_of_the_file_and_the_limit(encoding: str) -> None:
    assert bytes_held(99, encoding, 100) == bytes_held(100, encoding, 100) == 100
    assert bytes_held(101, encoding, 100) == 101
    assert bytes_held(101, "identity", 100) == bytes_held(101, "", 100) == 101
    assert bytes_held(99, None, 100) == 99


def test_file_may_have_five_codings() -> None:
    packed = NOISE
    for _ in range(5):
        packed = gzip.compress(packed)
    assert unpacked(packed, "gzip," * 5, LIMIT) == NOISE
    with pytest.raises(WrongEncoding) as refused:
        unpacked(gzip.compress(packed), "gzip," * 6, LIMIT)
    assert str(refused.value) == (
        "The file's Content-Encoding names 6 codings, expected at most 5; upload the image without a Content-Encoding."
    )


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (gzip.compress(NOISE), "gzip"),
        (gzip.compress(NOISE) + b"and more" * 20_000, "gzip"),
        (gzip.compress(NOISE[:150_000]) + gzip.compress(NOISE[150_000:]), "gzip"),
        (gzip.compress(b"") + gzip.compress(NOISE) + gzip.compress(b""), "x-gzip"),
        (zlib.compress(NOISE), "deflate"),
        (zlib.compress(NOISE) + zlib.compress(b"another"), "deflate"),
        (zlib.compress(NOISE) + b"and more", "deflate"),
        (raw_deflate(NOISE), "deflate"),
        (raw_deflate(NOISE) + raw_deflate(b"another"), "deflate"),
        (gzip.compress(NOISE), "aws-chunked, gzip"),
    ],
)
def test_file_of_many_pieces_is_unpacked(packed: bytes, encoding: str) -> None:
    assert unpacked(packed, encoding, len(NOISE)) == NOISE
    with pytest.raises(TooManyBytes) as refused:
        unpacked(packed, encoding, len(NOISE) - 1)
    assert str(refused.value) == "The file unpacks to more than the limit of 300,002 bytes; upload a smaller one."


def test_codings_are_undone_from_the_last_to_the_first() -> None:
    assert unpacked(gzip.compress(raw_deflate(NOISE)), "deflate,gzip", LIMIT) == NOISE
    assert unpacked(zlib.compress(gzip.compress(NOISE)), "gzip,deflate", LIMIT) == NOISE
    with pytest.raises(WrongEncoding, match=r"Content-Encoding \(deflate\)"):
        unpacked(gzip.compress(zlib.compress(NOISE)), "gzip,deflate", LIMIT)


def test_file_that_is_over_the_limit_between_two_codings_is_refused() -> None:
    """What is unpacked to the limit would otherwise be taken for the whole of it by the next coding."""
    stored = zlib.compress(NOISE[:300], 0)
    assert len(stored) > 305
    with pytest.raises(TooManyBytes, match="more than the limit of 305 bytes"):
        unpacked(gzip.compress(stored), "deflate, gzip", 305)
    with pytest.raises(TooManyBytes):
        unpacked(gzip.compress(stored), "deflate, gzip", len(stored) - 1)
    assert unpacked(gzip.compress(stored), "deflate, gzip", len(stored)) == NOISE[:300]


@pytest.mark.parametrize("room", [1, 69_999, 70_000, 70_001, 70_100, 200_000])
def test_no_more_is_unpacked_than_there_is_room_for(room: int) -> None:
    """What follows the noise would be megabytes."""
    bomb, parts = gzip.compress(NOISE[:70_000] + bytes(40_000_000), 1), list[bytes]()
    assert len(bomb) > 200_000
    _unpack_member(bomb, 0, GZIP, room, parts)
    assert [len(part) for part in parts] == [room]


def test_members_are_unpacked_to_the_ten_thousandth() -> None:
    empty = gzip.compress(b"")
    assert unpacked(empty * 9_999 + gzip.compress(b"last"), "gzip", LIMIT) == b"last"
    assert unpacked(empty * 10_000 + gzip.compress(b"last"), "gzip", LIMIT) == b""


def test_empty_member_behind_a_file_of_exactly_the_limit_is_admitted() -> None:
    assert unpacked(gzip.compress(b"x" * 300) + gzip.compress(b""), "gzip", 300) == b"x" * 300
    with pytest.raises(TooManyBytes):
        unpacked(gzip.compress(b"x" * 300) + gzip.compress(b"y"), "gzip", 300)


@pytest.mark.parametrize("cut", [1, 8, 9, 20_000])
def test_file_that_was_cut_is_unpacked_to_its_end(cut: int) -> None:
    content = unpacked(gzip.compress(NOISE)[:-cut], "gzip", LIMIT)
    assert NOISE.startswith(content)
    assert len(NOISE) - len(content) < cut + 100


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate"])
@pytest.mark.parametrize("content", [b"", b"x", b"text that is not packed", NOISE])
def test_file_that_is_not_packed_is_refused_with_the_name_of_its_coding(coding: str, content: bytes) -> None:
    with pytest.raises(WrongEncoding) as refused:
        unpacked(content, coding.upper(), LIMIT)
    assert str(refused.value) == (
        f"The file's bytes do not match its Content-Encoding ({coding}); upload it without a Content-Encoding, or "
        "packed in that way."
    )


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [(zlib.compress(NOISE), "gzip"), (gzip.compress(NOISE), "deflate"), (raw_deflate(NOISE), "gzip")],
)
def test_one_coding_is_not_taken_for_another(packed: bytes, encoding: str) -> None:
    with pytest.raises(WrongEncoding, match="do not match"):
        unpacked(packed, encoding, LIMIT)


def test_unknown_coding_is_refused_with_the_size_unless_the_file_begins_like_an_image() -> None:
    content = bytes(1_234)
    with pytest.raises(WrongEncoding) as refused:
        unpacked(content, "br", LIMIT)
    assert str(refused.value) == (
        "The file's Content-Encoding is not one of those that are supported (gzip, deflate), and its 1,234 bytes do "
        "not begin like an image; upload the image without a Content-Encoding."
    )
    assert unpacked(NOISE, "br", LIMIT) is NOISE
    with pytest.raises(TooManyBytes):
        unpacked(NOISE, "br", len(NOISE) - 1)
    with pytest.raises(WrongEncoding, match="not one of those that are supported"):
        unpacked(gzip.compress(content), "br, gzip", LIMIT)
