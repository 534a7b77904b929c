"""Stripping a PNG: which chunks of tiny files stay, which go, and each at its limit, byte by byte."""

from __future__ import annotations

import struct
import zlib

import pytest

from shared.images.metadata.orientation import exif_of
from shared.images.metadata.png import START, strip_png, without_ancillary_chunks
from tests.pictures import png_chunk

END = png_chunk(b"IEND", b"")
PROFILE = struct.pack(">I", 128) + bytes(32) + b"acsp" + bytes(88)
ACTL = png_chunk(b"acTL", struct.pack(">II", 1, 0))


def header(width: int = 1, height: int = 1, depth: int = 8, colour: int = 0, interlaced: int = 0) -> bytes:
    return png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))


def pixels(raw: bytes) -> bytes:
    return png_chunk(b"IDAT", zlib.compress(raw))


def frame(width: int = 1, height: int = 1, left: int = 0, upper: int = 0, dispose: int = 0, blend: int = 0) -> bytes:
    return struct.pack(">IIIIIHHBB", 0, width, height, left, upper, 1, 10, dispose, blend)


# Bytes of a picture's lines, each with the byte of its filter (PNG 3, table 11.1 and clause 8).
SIZES = [
    (depth, colour, 1 + -(-3 * depth * samples // 8))
    for colour, samples, depths in (
        (0, 1, (1, 2, 4, 8, 16)),
        (2, 3, (8, 16)),
        (3, 1, (1, 2, 4, 8)),
        (4, 2, (8, 16)),
        (6, 4, (8, 16)),
    )
    for depth in depths
]


@pytest.mark.parametrize(("depth", "colour", "line"), SIZES)
def test_packed_pixels_may_be_as_many_as_the_picture_has_and_not_one_more(depth: int, colour: int, line: int) -> None:
    start = START + header(3, 2, depth, colour)
    whole = start + pixels(bytes(2 * line)) + END
    assert strip_png(whole, 1) == whole
    with pytest.raises(ValueError, match=r"^there are more pixels than the picture has$"):
        strip_png(start + pixels(bytes(2 * line + 1)) + END, 1)


PASSES = ("16462646", "77777777", "56565656", "77777777", "36463646", "77777777", "56565656", "77777777")
"""The pass of each pixel of 8 times 8 (PNG 3, clause 8.1)."""


def interlaced_bytes(width: int, height: int, bits: int) -> int:
    """Return the bytes of an interlaced picture, counted pixel by pixel."""
    total = 0
    for number in "1234567":
        for row in range(height):
            inside = sum(PASSES[row % 8][column % 8] == number for column in range(width))
            total += 1 + (inside * bits + 7) // 8 if inside else 0
    return total


@pytest.mark.parametrize("bits", [1, 8])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 1), (1, 2), (4, 4), (5, 3), (3, 5), (5, 5), (8, 8), (17, 9)])
def test_an_interlaced_picture_has_the_bytes_of_its_seven_passes(width: int, height: int, bits: int) -> None:
    start = START + header(width, height, bits, interlaced=1)
    size = interlaced_bytes(width, height, bits)
    whole = start + pixels(bytes(size)) + END
    assert strip_png(whole, 1) == whole
    with pytest.raises(ValueError, match=r"^there are more pixels than the picture has$"):
        strip_png(start + pixels(bytes(size + 1)) + END, 1)


def test_a_stream_of_pixels_is_read_to_its_end_in_pieces() -> None:
    """Far more than one piece of unpacked bytes comes from each chunk, and bytes after the stream's end go."""
    packed = zlib.compress(bytes(200_001 * 3))
    start = START + header(200_000, 3)
    parts = (packed[:100], packed[100:200], packed[200:])
    whole = start + b"".join(png_chunk(b"IDAT", part) for part in parts)
    told = start + b"".join(png_chunk(b"IDAT", part) for part in parts[:2]) + png_chunk(b"IDAT", parts[2] + b"Ada")
    assert strip_png(whole + END, 1) == whole + END
    assert strip_png(told + png_chunk(b"IDAT", b"Lovelace") + END, 1) == whole + END
    with pytest.raises(ValueError, match=r"^there are more pixels than the picture has$"):
        strip_png(START + header(200_000, 2) + pixels(bytes(200_001 * 3)) + END, 1)


def test_a_stream_that_is_cut_off_stays_as_it_is() -> None:
    packed = zlib.compress(bytes(range(200)) * 3)[:-9]
    whole = START + header(599, 1) + png_chunk(b"IDAT", packed) + END
    assert strip_png(whole, 1) == whole


def test_pixels_that_are_not_packed_are_refused() -> None:
    with pytest.raises(zlib.error):
        strip_png(START + header() + png_chunk(b"IDAT", b"Ada Lovelace") + END, 1)


COLOURS = (0, 2, 3, 4, 6)
LENGTHS = {
    b"cHRM": dict.fromkeys(COLOURS, 32),
    b"gAMA": dict.fromkeys(COLOURS, 4),
    b"sRGB": dict.fromkeys(COLOURS, 1),
    b"cICP": dict.fromkeys(COLOURS, 4),
    b"mDCV": dict.fromkeys(COLOURS, 24),
    b"cLLI": dict.fromkeys(COLOURS, 8),
    b"pHYs": dict.fromkeys(COLOURS, 9),
    b"acTL": dict.fromkeys(COLOURS, 8),
    b"sBIT": {0: 1, 2: 3, 3: 3, 4: 2, 6: 4},
    b"bKGD": {0: 2, 2: 6, 3: 1, 4: 2, 6: 6},
    b"tRNS": {0: 2, 2: 6},
}
"""The only length of each chunk that shows a picture, by colour type (PNG 3, clause 11.3)."""


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("kind", LENGTHS)
def test_a_chunk_of_a_fixed_length_stays_once_and_goes_with_any_other_length(kind: bytes, colour: int) -> None:
    if (kind, colour) == (b"tRNS", 3):
        return  # as many as the palette's colours: below
    start = START + header(colour=colour)
    for length in range(40):
        body = bytes(range(1, length + 1))
        content = start + png_chunk(kind, body) + png_chunk(kind, body[::-1]) + END
        kept = png_chunk(kind, body) if length == LENGTHS[kind].get(colour) else b""
        assert strip_png(content, 1) == start + kept + END


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_palette_and_its_transparency_stay_up_to_the_colours_of_the_depth(depth: int) -> None:
    start = START + header(depth=depth, colour=3)
    for kind, most in ((b"PLTE", 3 * 2**depth), (b"tRNS", 2**depth)):
        for length in (0, 1, most - 1, most):
            whole = start + png_chunk(kind, bytes(length)) + END
            assert strip_png(whole, 1) == whole
        assert strip_png(start + png_chunk(kind, bytes(most + 1)) + END, 1) == start + END


@pytest.mark.parametrize("colour", [0, 2, 4, 6])
def test_a_palette_of_a_picture_without_one_goes(colour: int) -> None:
    start = START + header(colour=colour)
    assert strip_png(start + png_chunk(b"PLTE", bytes(3)) + END, 1) == start + END


@pytest.mark.parametrize("kind", [b"tEXt", b"iTXt", b"zTXt", b"tIME", b"eXIf", b"hIST", b"sPLT", b"prVt", b"ABCD"])
def test_any_other_chunk_goes(kind: bytes) -> None:
    start = START + header()
    for length in (0, 1, 4, 8, 9, 24, 32):
        assert strip_png(start + png_chunk(kind, bytes(length)) + END, 1) == start + END


@pytest.mark.parametrize("name", [b"", b"Ada Lovelace"])
def test_a_colour_profile_stays_under_another_name(name: bytes) -> None:
    start = START + header()
    kept = start + png_chunk(b"iCCP", b"icc\0\0" + zlib.compress(PROFILE)) + END
    for packed in (zlib.compress(PROFILE), zlib.compress(PROFILE + b"Ada", 0), zlib.compress(PROFILE) + b"Ada"):
        assert strip_png(start + png_chunk(b"iCCP", name + b"\0\0" + packed) + END, 1) == kept


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"icc",
        b"icc\0",
        b"icc\0\0",
        b"icc\0\0Ada Lovelace",
        b"icc\0\0" + zlib.compress(bytes(128)),
        b"icc\0\0" + zlib.compress(PROFILE)[1:],
    ],
)
def test_what_is_no_colour_profile_goes_and_a_profile_after_it_stays(body: bytes) -> None:
    start = START + header()
    profile = png_chunk(b"iCCP", b"icc\0\0" + zlib.compress(PROFILE))
    assert strip_png(start + png_chunk(b"iCCP", body) + END, 1) == start + END
    assert strip_png(start + png_chunk(b"iCCP", body) + profile + profile + END, 1) == start + profile + END


def test_a_colour_profile_stays_up_to_a_mebibyte() -> None:
    start = START + header()
    for size in (1 << 20, (1 << 20) + 1):
        profile = struct.pack(">I", size) + PROFILE[4:] + bytes(size - 128)
        kept = png_chunk(b"iCCP", b"icc\0\0" + zlib.compress(profile))
        assert strip_png(start + kept + END, 1) == start + (kept if size == 1 << 20 else b"") + END


@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_of_the_orientation_comes_once_before_the_pixels(orientation: int) -> None:
    exif = png_chunk(b"eXIf", exif_of(orientation))
    packed = zlib.compress(bytes(2))
    first, second = png_chunk(b"IDAT", packed[:3]), png_chunk(b"IDAT", packed[3:])
    gamma, told = png_chunk(b"gAMA", bytes(4)), png_chunk(b"eXIf", exif_of(3) + b"Ada")
    content = START + header() + told + gamma + first + second + told + END
    assert strip_png(content, orientation) == START + header() + gamma + exif + first + second + END
    assert strip_png(content, 1) == START + header() + gamma + first + second + END


def test_a_header_stays_without_the_bytes_after_it_and_a_second_one_goes() -> None:
    long = png_chunk(b"IHDR", header()[8:21] + b"Ada Lovelace")
    assert (
        strip_png(START + long + header(9, 9) + pixels(bytes(2)) + END, 1) == START + header() + pixels(bytes(2)) + END
    )


def test_a_header_that_is_cut_short_is_refused() -> None:
    with pytest.raises(struct.error):
        strip_png(START + png_chunk(b"IHDR", bytes(12)) + END, 1)


@pytest.mark.parametrize("kind", [b"IDAT", b"gAMA", b"tEXt", b"fcTL", b"fdAT"])
def test_a_file_that_does_not_begin_with_its_header_is_refused(kind: bytes) -> None:
    with pytest.raises(ValueError, match=r"^it does not begin with its header$"):
        strip_png(START + png_chunk(kind, bytes(4)) + header() + END, 1)


def test_an_end_is_written_and_all_after_it_goes() -> None:
    start = START + header() + pixels(bytes(2))
    assert strip_png(start, 1) == start + END
    assert strip_png(start + png_chunk(b"IEND", b"Ada") + png_chunk(b"gAMA", bytes(4)), 1) == start + END
    assert strip_png(start + b"\0\0\0\0IEND", 1) == start + END


def test_a_chunk_may_end_without_its_checksum_and_not_before_its_bytes_do() -> None:
    start = START + header()
    cut = start + png_chunk(b"gAMA", bytes(4))[:-4]
    assert strip_png(cut, 1) == start + png_chunk(b"gAMA", bytes(4)) + END
    with pytest.raises(ValueError, match=rf"^a chunk ends after the file, at byte {len(start) + 12}$"):
        strip_png(cut[:-1], 1)
    with pytest.raises(ValueError, match=rf"^a chunk ends after the file, at byte {len(start) + 8}$"):
        strip_png(start + bytes(7), 1)


def test_an_animation_keeps_its_frames_with_their_numbers() -> None:
    packed = zlib.compress(bytes(2))
    whole = (
        START + header() + ACTL + png_chunk(b"fcTL", frame()) + png_chunk(b"IDAT", packed)
        + png_chunk(b"fcTL", frame(dispose=2, blend=1)) + png_chunk(b"fdAT", b"\0\0\0\7" + packed)
        + png_chunk(b"fcTL", frame(dispose=1)) + png_chunk(b"fdAT", b"\0\0\1\7" + packed[:4])
        + png_chunk(b"fdAT", b"\0\0\1\x08" + packed[4:]) + END
    )  # fmt: skip
    assert strip_png(whole, 1) == whole
    told = whole.replace(png_chunk(b"fdAT", b"\0\0\0\7" + packed), png_chunk(b"fdAT", b"\0\0\0\7" + packed + b"Ada"))
    assert told != whole
    assert strip_png(told, 1) == whole


def test_frames_before_the_chunk_of_an_animation_go() -> None:
    start, end = START + header(), pixels(bytes(2)) + END
    frames = png_chunk(b"fcTL", frame()) + png_chunk(b"fdAT", bytes(4) + zlib.compress(bytes(2)))
    assert strip_png(start + frames + end, 1) == start + end


@pytest.mark.parametrize(
    "body", [frame()[:-1], frame() + b"\0", frame(dispose=3), frame(blend=2), frame(dispose=255), b""]
)
def test_a_frame_of_a_wrong_length_or_an_unknown_mode_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^a frame's chunk has a wrong length or an unknown mode$"):
        strip_png(START + header() + ACTL + png_chunk(b"fcTL", body) + END, 1)


@pytest.mark.parametrize(
    ("width", "height", "left", "upper", "is_inside"),
    [
        (5, 3, 0, 0, True),
        (6, 3, 0, 0, False),
        (5, 4, 0, 0, False),
        (3, 1, 2, 2, True),
        (3, 1, 3, 2, False),
        (3, 1, 2, 3, False),
        (1, 1, 4, 2, True),
    ],
)
def test_a_frame_lies_inside_the_picture_and_has_its_own_number_of_pixels(
    width: int, height: int, left: int, upper: int, *, is_inside: bool
) -> None:
    start = START + header(5, 3) + ACTL + png_chunk(b"fcTL", frame(width, height, left, upper))
    packed, more = (
        png_chunk(b"fdAT", bytes(4) + zlib.compress(bytes(height * (width + 1) + extra))) for extra in (0, 1)
    )
    if not is_inside:
        with pytest.raises(ValueError, match=r"^a frame is not inside the picture$"):
            strip_png(start + packed + END, 1)
        return
    assert strip_png(start + packed + END, 1) == start + packed + END
    with pytest.raises(ValueError, match=r"^there are more pixels than the picture has$"):
        strip_png(start + more + END, 1)


def test_pixels_of_a_frame_before_its_chunk_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^a frame's pixels come before its control chunk$"):
        strip_png(START + header() + ACTL + png_chunk(b"fdAT", bytes(4)) + END, 1)


def test_without_ancillary_chunks_keeps_pixels_exif_and_what_is_malformed() -> None:
    exif, text, gamma = png_chunk(b"eXIf", exif_of(6)), png_chunk(b"tEXt", b"Ada"), png_chunk(b"gAMA", bytes(4))
    shown = (header(), png_chunk(b"PLTE", bytes(3)), png_chunk(b"tRNS", bytes(2)), png_chunk(b"sBIT", b"\1"), exif)
    bare = START + b"".join(shown) + pixels(bytes(2)) + END
    assert without_ancillary_chunks(bare) is None
    assert without_ancillary_chunks(bare.replace(exif, text + exif + gamma)) == bare
    broken = exif[:-1] + bytes([exif[-1] ^ 1])
    assert without_ancillary_chunks(bare + broken + text) == bare
    assert without_ancillary_chunks(bare + text + bytes(11)) == bare + bytes(11)
    assert without_ancillary_chunks(bare + text + gamma[:-1]) == bare + gamma[:-1]
    assert without_ancillary_chunks(bare + png_chunk(b"tEXt", b"")) == bare
