"""Stripping a GIF: which blocks of tiny files stay, which go, and where each ends, byte by byte."""

from __future__ import annotations

import pytest

from shared.images.metadata.gif import strip_gif

CONTROL = b"\x21\xf9\x04\x05\x0a\0\x01\0"
LOOPS = (b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x07\0\0", b"\x21\xff\x0bANIMEXTS1.0\x03\x01\x07\0\0")
END = b"\x3b"


def screen(flags: int, colours: int = 0) -> bytes:
    return b"GIF89a\x01\0\x01\0" + bytes([flags]) + b"\0\0" + b"rgb" * colours


def image(flags: int, colours: int = 0, blocks: bytes = b"\x02\x44\x01\0") -> bytes:
    return b"\x2c\0\0\0\0\x01\0\x01\0" + bytes([flags]) + b"RGB" * colours + b"\x02" + blocks


@pytest.mark.parametrize("size", range(8))
def test_a_table_of_colours_has_the_size_that_its_flags_declare(size: int) -> None:
    colours = 2 << size
    for start in (screen(0x80 | size, colours), screen(0xF8 | size, colours), screen(size), screen(0x78 | size)):
        for shown in (image(0x80 | size, colours), image(0xE0 | size, colours), image(size), image(0x60 | size)):
            whole = start + shown + shown + END
            assert strip_gif(whole) == whole
            assert strip_gif(whole + b"Ada Lovelace") == whole


def test_an_image_has_the_blocks_up_to_an_empty_one() -> None:
    for blocks in (b"\0", b"\x01\x3b\0", b"\x02\0\0\x01\x21\0", b"\xff" + b"\x2c" * 255 + b"\x01\x3b\0"):
        whole = screen(0) + image(0, blocks=blocks) + CONTROL + image(0, blocks=blocks) + END
        assert strip_gif(whole) == whole


def test_an_end_is_written_where_it_is_missing() -> None:
    assert strip_gif(screen(0)) == screen(0) + END
    assert strip_gif(screen(0) + image(0)) == screen(0) + image(0) + END
    assert strip_gif(screen(0) + END + image(0)) == screen(0) + END


def test_the_time_of_a_frame_stays_without_blocks_after_it() -> None:
    shown = image(0) + END
    assert strip_gif(screen(0) + CONTROL + shown) == screen(0) + CONTROL + shown
    assert strip_gif(screen(0) + CONTROL[:-1] + b"\x03Ada\0" + shown) == screen(0) + CONTROL + shown
    for size in (1, 3, 5):
        assert (
            strip_gif(screen(0) + b"\x21\xf9" + bytes([size]) + bytes(range(size)) + b"\0" + shown) == screen(0) + shown
        )


@pytest.mark.parametrize("loops", LOOPS)
def test_the_number_of_loops_stays_without_blocks_after_it(loops: bytes) -> None:
    shown = image(0) + END
    assert strip_gif(screen(0) + loops + shown) == screen(0) + loops + shown
    assert strip_gif(screen(0) + loops[:-1] + b"\x03Ada\0" + shown) == screen(0) + loops + shown
    for other in (b"\x02\x01\x07\0", b"\x04\x01\x07\0A\0", b"\x03\x02\x07\0\0", b"\0"):
        assert strip_gif(screen(0) + loops[:14] + other + shown) == screen(0) + shown


@pytest.mark.parametrize(
    "extension",
    [
        b"\x21\xfe\x03Ada\0",
        b"\x21\xfe\0",
        b"\x21\x01\x0c" + bytes(12) + b"\x03Ada\0",
        b"\x21\xff\x0bSomeProgram\x03\x01\x07\0\0",
        b"\x21\xff\x0bNETSCAPE2.1\x03\x01\x07\0\0",
        b"\x21\xff\x0bXMP DataXMP\x03Ada\0",
        b"\x21\xfe\x0bNETSCAPE2.0\x03\x01\x07\0\0",
        b"\x21\xfe\x04\x05\x0a\0\x01\0",
        b"\x21\xfa\x04\x05\x0a\0\x01\0",
        b"\x21\xf9\0",
        b"\x21\xff\0",
    ],
)
def test_any_other_extension_goes(extension: bytes) -> None:
    for at in (b"", image(0)):
        content = screen(0) + at + extension + image(0) + extension + END
        assert strip_gif(content) == screen(0) + at + image(0) + END


@pytest.mark.parametrize("introducer", [0, 1, 0x20, 0x22, 0x2B, 0x2D, 0x3A, 0x3C, 0xFF])
def test_a_byte_that_begins_no_block_is_refused(introducer: int) -> None:
    with pytest.raises(ValueError, match=rf"^byte 13 is {introducer}, which begins no block$"):
        strip_gif(screen(0) + bytes([introducer]) + END)


def test_a_file_that_ends_within_a_block_is_refused() -> None:
    for block in (CONTROL, LOOPS[0], image(0), image(0x80, 2), b"\x21\xfe\x03Ada\0"):
        for length in range(1, len(block)):
            with pytest.raises(IndexError):
                strip_gif(screen(0) + block[:length])
    with pytest.raises(IndexError):
        strip_gif(screen(0)[:10])
