"""What Content-Encoding names is undone within a limit, and a wrong one is a permanent error."""

from __future__ import annotations

import gzip
import zlib

import pytest

from shared.errors import Permanent, TooManyBytes, WrongEncoding
from shared.images.content_encoding import MOST_CODINGS, MOST_MEMBERS, bytes_held, unpacked

PICTURE = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8
LIMIT = 1_000_000


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


@pytest.mark.parametrize("encoding", [None, "", "identity", " Identity , "])
def test_a_file_without_an_encoding_is_itself(encoding: str | None) -> None:
    assert unpacked(PICTURE, encoding, LIMIT) is PICTURE


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (gzip.compress(PICTURE), "gzip"),
        (gzip.compress(PICTURE), "GZIP"),
        (gzip.compress(PICTURE), "x-gzip"),
        (gzip.compress(PICTURE[:99]) + gzip.compress(PICTURE[99:]), "gzip"),
        (gzip.compress(PICTURE) + b"and more", "gzip"),
        (zlib.compress(PICTURE), "deflate"),
        (raw_deflate(PICTURE), "deflate"),
        (gzip.compress(zlib.compress(PICTURE)), "deflate, gzip"),
        (gzip.compress(gzip.compress(PICTURE)), "gzip,gzip"),
    ],
)
def test_what_was_packed_is_unpacked(packed: bytes, encoding: str) -> None:
    assert unpacked(packed, encoding, LIMIT) == PICTURE


def test_what_was_cut_off_comes_out_as_far_as_it_goes() -> None:
    packed = gzip.compress(PICTURE)
    assert unpacked(packed[:-8], "gzip", LIMIT) == PICTURE
    assert PICTURE.startswith(unpacked(packed[:200], "gzip", LIMIT))


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip", "deflate, gzip"])
@pytest.mark.parametrize("content", [PICTURE, b"", b"text"])
def test_bytes_that_are_not_what_their_encoding_says_are_a_permanent_error(content: bytes, encoding: str) -> None:
    with pytest.raises(WrongEncoding, match="not what its Content-Encoding says") as wrong:
        unpacked(content, encoding, LIMIT)
    assert isinstance(wrong.value, Permanent)
    assert (wrong.value.reason, wrong.value.http_status) == ("wrong_content_encoding", 422)


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "base64", "a name of somebody's own"])
def test_an_encoding_that_is_not_undone_is_refused_in_a_sentence(encoding: str) -> None:
    with pytest.raises(WrongEncoding, match=r"none of those that are undone here \(gzip, deflate\)"):
        unpacked(b"\x0b\x02\x80packed", encoding, LIMIT)


@pytest.mark.parametrize("encoding", ["aws-chunked", "utf-8", "binary", "aws-chunked, gzip"])
def test_a_picture_is_read_whatever_name_a_program_left_on_it(encoding: str) -> None:
    content = gzip.compress(PICTURE) if "gzip" in encoding else PICTURE
    assert unpacked(content, encoding, LIMIT) == PICTURE


def test_no_more_is_unpacked_than_the_limit() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 50_000
    with pytest.raises(TooManyBytes, match="limit of 1,000"):
        unpacked(bomb, "gzip", 1000)
    with pytest.raises(TooManyBytes):
        unpacked(gzip.compress(PICTURE) * 1000, "gzip", len(PICTURE) * 999)
    with pytest.raises(TooManyBytes):
        unpacked(PICTURE, None, len(PICTURE) - 1)


def test_a_file_of_exactly_the_limit_is_unpacked() -> None:
    assert unpacked(gzip.compress(PICTURE), "gzip", len(PICTURE)) == PICTURE
    assert unpacked(PICTURE, None, len(PICTURE)) == PICTURE


def test_packings_within_packings_end() -> None:
    with pytest.raises(WrongEncoding, match="codings, expected at most"):
        unpacked(PICTURE, ",".join(["gzip"] * (MOST_CODINGS + 1)), LIMIT)


def test_a_packed_file_holds_room_for_all_that_it_may_become() -> None:
    assert bytes_held(36, "gzip", LIMIT) == LIMIT
    assert bytes_held(36, None, LIMIT) == bytes_held(36, "identity", LIMIT) == 36


def test_members_without_number_take_no_time_without_bound() -> None:
    """Each is 20 bytes; unpacked in one go, each would copy all that follow."""
    empty = gzip.compress(b"")
    assert unpacked(empty * 300_000, "gzip", LIMIT) == b""
    assert unpacked(empty * (MOST_MEMBERS - 1) + gzip.compress(PICTURE), "gzip", LIMIT) == PICTURE
