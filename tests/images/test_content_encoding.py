"""Content-Encoding is undone within a limit, and a wrong one is a permanent error."""

from __future__ import annotations

import gzip
import zlib

import pytest

from shared.errors import Permanent, TooManyBytes, WrongEncoding
from shared.images.content_encoding import MAX_CODINGS, MAX_MEMBERS, bytes_held, unpacked

PICTURE = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8
LIMIT = 1_000_000


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


@pytest.mark.parametrize("encoding", [None, "", "identity", " Identity , "])
def test_unpacked_returns_a_file_without_an_encoding_unchanged(encoding: str | None) -> None:
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
def test_unpacked_undoes_every_coding(packed: bytes, encoding: str) -> None:
    assert unpacked(packed, encoding, LIMIT) == PICTURE


def test_unpacked_returns_the_beginning_of_a_truncated_file() -> None:
    packed = gzip.compress(PICTURE)
    assert unpacked(packed[:-8], "gzip", LIMIT) == PICTURE
    assert PICTURE.startswith(unpacked(packed[:200], "gzip", LIMIT))


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip", "deflate, gzip"])
@pytest.mark.parametrize("content", [PICTURE, b"", b"text"])
def test_unpacked_refuses_bytes_that_do_not_match_their_encoding(content: bytes, encoding: str) -> None:
    with pytest.raises(WrongEncoding, match="do not match its Content-Encoding") as wrong:
        unpacked(content, encoding, LIMIT)
    assert isinstance(wrong.value, Permanent)
    assert (wrong.value.reason, wrong.value.http_status) == ("wrong_content_encoding", 422)


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "base64", "an unregistered name"])
def test_unpacked_refuses_an_unsupported_encoding(encoding: str) -> None:
    with pytest.raises(WrongEncoding, match=r"not one of those that are supported \(gzip, deflate\)"):
        unpacked(b"\x0b\x02\x80packed", encoding, LIMIT)


@pytest.mark.parametrize("encoding", ["aws-chunked", "utf-8", "binary", "aws-chunked, gzip"])
def test_unpacked_ignores_an_unknown_encoding_of_a_plain_image(encoding: str) -> None:
    content = gzip.compress(PICTURE) if "gzip" in encoding else PICTURE
    assert unpacked(content, encoding, LIMIT) == PICTURE


def test_unpacked_stops_at_the_limit() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 50_000
    with pytest.raises(TooManyBytes, match="limit of 1,000"):
        unpacked(bomb, "gzip", 1000)
    with pytest.raises(TooManyBytes):
        unpacked(gzip.compress(PICTURE) * 1000, "gzip", len(PICTURE) * 999)
    with pytest.raises(TooManyBytes):
        unpacked(PICTURE, None, len(PICTURE) - 1)


def test_unpacked_accepts_a_file_of_exactly_the_limit() -> None:
    assert unpacked(gzip.compress(PICTURE), "gzip", len(PICTURE)) == PICTURE
    assert unpacked(PICTURE, None, len(PICTURE)) == PICTURE


def test_unpacked_limits_the_number_of_codings() -> None:
    with pytest.raises(WrongEncoding, match="codings, expected at most"):
        unpacked(PICTURE, ",".join(["gzip"] * (MAX_CODINGS + 1)), LIMIT)


def test_bytes_held_count_all_that_a_packed_file_may_become() -> None:
    assert bytes_held(36, "gzip", LIMIT) == LIMIT
    assert bytes_held(36, None, LIMIT) == bytes_held(36, "identity", LIMIT) == 36


def test_unpacked_takes_bounded_time_for_many_members() -> None:
    """Each member has 20 bytes; unpacked in one call, each would copy all that follow."""
    empty = gzip.compress(b"")
    assert unpacked(empty * 300_000, "gzip", LIMIT) == b""
    assert unpacked(empty * (MAX_MEMBERS - 1) + gzip.compress(PICTURE), "gzip", LIMIT) == PICTURE
