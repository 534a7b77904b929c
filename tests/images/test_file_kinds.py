"""A file's format is read from its first bytes, and decides where the file is decoded."""

from __future__ import annotations

import pytest

from shared.images.decode import CONTENT_TYPES, EXTENSIONS
from shared.images.decode_in_process import FORMATS
from shared.images.headers.file_kinds import BEGINNINGS, is_plain, kind_of

BEGIN_WITH: dict[str, tuple[bytes, ...]] = {
    "jpeg": (b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xdb"),
    "png": (b"\x89PNG\r\n\x1a\n",),
    "webp": (b"RIFF\n\0\r\nWEBPVP8 ", b"RIFF\1\2\3\4WEBPVP8L", b"RIFF\1\2\3\4WEBPVP8X"),
    "gif": (b"GIF87a", b"GIF89a"),
    "bmp": (b"BM",),
    "tiff": (b"MM\0*", b"MM\0+", b"II*\0", b"II+\0", b"MM*\0", b"II\0*"),
    "avif": (b"\0\0\0\x1cftypavif", b"\n\n\n\nftypavis"),
    "heif": tuple(
        b"\0\0\n\x1cftyp" + brand
        for brand in (
            *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"),
            *(b"mif1", b"msf1"),
        )
    ),
}
NOT_AN_IMAGE = (
    b"",
    b"\xff\xd8",
    b"\x00\xff\xd8\xff",
    b"\x89PNG\n\x1a\n",
    b"RIFF\1\2\3WEBPVP8 ",
    b"RIFF\1\2\3\4WEBPVP8K",
    b"RIFF\1\2\3\4WAVEfmt ",
    b"GIF88a",
    b"GIF89b",
    b"B",
    b"MM\0,",
    b"II\0+",
    b"\0\0\x1cftypavif",
    b"\0\0\0\x1cftypavio",
    b"\0\0\0\x1cftypheia",
    b"\0\0\0\x1cftyphevd",
    b"\0\0\0\x1cftypmif2",
    b"\0\0\0\x1cftypmsf2",
)


@pytest.mark.parametrize(
    ("kind", "beginning"), [(kind, beginning) for kind, all_of in BEGIN_WITH.items() for beginning in all_of]
)
def test_kind_is_read_from_the_first_bytes(kind: str, beginning: bytes) -> None:
    assert kind_of(beginning) == kind_of(beginning + b"anything") == kind
    assert kind_of(b"x" + beginning) is None


@pytest.mark.parametrize("content", NOT_AN_IMAGE)
def test_bytes_that_nearly_begin_like_an_image_have_no_kind(content: bytes) -> None:
    assert kind_of(content) is None
    assert is_plain(content)


def test_every_kind_has_a_beginning_an_extension_and_a_content_type() -> None:
    assert set(BEGINNINGS) == set(EXTENSIONS) == {name.lower() for name in FORMATS}
    assert EXTENSIONS["jpeg"] == "jpg"
    assert EXTENSIONS["heif"] == "heic"
    assert CONTENT_TYPES == {
        "jpg": "image/jpeg",
        "png": "image/png",
        "webp": "image/webp",
        "gif": "image/gif",
        "bmp": "image/bmp",
        "tiff": "image/tiff",
        "avif": "image/avif",
        "heic": "image/heif",
    }


@pytest.mark.parametrize("kind", BEGIN_WITH)
def test_only_formats_with_simple_decoders_are_plain(kind: str) -> None:
    for beginning in BEGIN_WITH[kind][: 1 if kind == "webp" else None]:
        assert is_plain(beginning) is (kind in ("jpeg", "png", "webp", "gif", "bmp"))


@pytest.mark.parametrize(
    ("beginning", "rest", "expected"),
    [
        (b"VP8 ", b"coded", True),
        (b"VP8L", b"coded", False),
        (b"VP8X", b"VP8 coded", True),
        (b"VP8X", b"ALPHcoded, VP8 coded", False),
        (b"VP8X", b"VP8Lcoded", False),
        (b"VP8X", b"ANMF ALPH VP8 VP8L", False),
    ],
)
def test_webp_is_plain_where_no_part_of_it_is_lossless(beginning: bytes, rest: bytes, expected: bool) -> None:
    assert is_plain(b"RIFF\1\2\3\4WEBP" + beginning + rest) is expected


def test_words_of_a_lossless_webp_do_not_matter_in_other_formats() -> None:
    for beginning in (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM"):
        assert is_plain(beginning + b"VP8L ALPH")
