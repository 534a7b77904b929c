"""Stripping takes what tells of people and nothing else: what stays is what was there, byte by byte and in order."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, TiffImagePlugin

from shared.errors import Permanent
from shared.images.decode import Limits, decode
from shared.images.headers.boxes import Box, boxes, items_of
from shared.images.memory_budget import UNLIMITED
from shared.images.metadata.orientation import exif_of
from shared.images.metadata.strip import strip_metadata
from tests.images.hidden_remarks import riff
from tests.pictures import COLOURED, COLOURS, GREY, encoded, png, png_chunk, scene
from tests.tell_tale_pictures import REMARK, XMP, exif, telling_avif, telling_heic, told_in

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

LIMITS = Limits()
REWRITTEN = {
    "AVIF": "its writer's name is taken out of a box",
    "JPEG baseline": "tables are moved to the scan that needs them",
    "JPEG of CMYK": "likewise",
    "JPEG of grey": "likewise",
    "JPEG of several pictures": "the first stays",
    "JPEG progressive": "tables are moved to the scan that needs them",
    "TIFF of 16-bit grey, big-endian": "the gap before its pixels is closed",
    "TIFF of several pages": "gaps between pages are closed",
    "TIFF with JPEG": "tables are moved to the strip that needs them",
    "TIFF with LZW": "a byte between the tags is closed",
}
SILENT = [kind for kind in (*COLOURED, *GREY) if kind not in REWRITTEN]


def stripped(content: bytes) -> bytes:
    return strip_metadata(content, decode(content, LIMITS), LIMITS, shrink_to_px=None, budget=UNLIMITED)


@pytest.mark.parametrize("kind", SILENT)
def test_a_file_that_tells_nothing_stays_byte_for_byte(kind: str) -> None:
    content = {**COLOURED, **GREY}[kind][1]()
    assert stripped(content) == content


@pytest.mark.parametrize("kind", REWRITTEN)
def test_what_is_rewritten_is_rewritten_once(kind: str) -> None:
    content = {**COLOURED, **GREY}[kind][1]()
    bare = stripped(content)
    assert bare != content
    assert stripped(bare) == bare


ALIKE: dict[str, tuple[Callable[[], bytes], Callable[[], bytes]]] = {
    "JPEG": (
        lambda: encoded(scene(), "JPEG", quality=92, icc_profile=COLOURS),
        lambda: encoded(scene(), "JPEG", quality=92, icc_profile=COLOURS, exif=exif(1), xmp=XMP, comment=REMARK),
    ),
    "JPEG progressive": (
        lambda: encoded(scene(), "JPEG", quality=92, progressive=True),
        lambda: encoded(scene(), "JPEG", quality=92, progressive=True, exif=exif(1), comment=REMARK),
    ),
    "PNG": (lambda: encoded(scene(), "PNG", dpi=(72, 72)), lambda: encoded(scene(), "PNG", dpi=(72, 72), exif=exif(1))),
    "WebP": (
        lambda: encoded(scene(), "WEBP", "RGBA", icc_profile=COLOURS),
        lambda: encoded(scene(), "WEBP", "RGBA", icc_profile=COLOURS, exif=exif(1), xmp=XMP),
    ),
    "GIF": (
        lambda: encoded(Image.fromarray(scene()).quantize(8), "GIF").replace(b"GIF87a", b"GIF89a"),
        lambda: encoded(Image.fromarray(scene()).quantize(8), "GIF", comment=REMARK),
    ),
    "TIFF": (
        lambda: encoded(scene(), "TIFF", compression="tiff_lzw"),
        lambda: encoded(
            scene(), "TIFF", compression="tiff_lzw", tiffinfo={270: REMARK, 305: REMARK, 315: REMARK, 700: XMP}
        ),
    ),
}
"""By format: a file that tells nothing, and the same picture in one that tells."""


@pytest.mark.parametrize("format", ALIKE)
def test_a_file_that_told_becomes_the_one_that_never_did(format: str) -> None:
    silent, telling = (make() for make in ALIKE[format])
    assert told_in(telling)
    assert stripped(telling) == stripped(silent)


@pytest.mark.parametrize("marker", range(0xE0, 0xF0))
def test_a_jpeg_loses_every_applications_segment_that_does_not_show_it(marker: int) -> None:
    """Also that of several pictures (MPF) and of FlashPix, which lie where a colour profile may: in APP2."""
    content = encoded(scene(), "JPEG", quality=92, icc_profile=COLOURS)
    for head in (b"MPF\0", b"FPXR\0", b"ICC_PROFILE\0\x09\x09", b"ICC_PROFILE\0", b"JFXX\0\x10", b"Adobe_CM\0", b""):
        segment = struct.pack(">BBH", 0xFF, marker, 2 + len(head) + len(REMARK)) + head + REMARK.encode()
        bare = stripped(content[:2] + segment + content[2:])
        assert REMARK.encode() not in bare
        is_read = head.startswith(b"ICC") or (marker, head[:5]) == (0xEE, b"Adobe")  # as a piece, or as the transform
        if not is_read:
            assert bare == stripped(content)


SHOWN_CHUNKS = (
    (b"cHRM", struct.pack(">8I", *range(31270, 31278))),
    (b"gAMA", struct.pack(">I", 45455)),
    (b"sBIT", b"\x08\x08\x08"),
    (b"sRGB", b"\0"),
    (b"cICP", b"\x01\x0d\0\x01"),
    (b"mDCV", bytes(range(24))),
    (b"cLLI", bytes(range(8))),
    (b"bKGD", struct.pack(">3H", 1, 2, 3)),
    (b"pHYs", struct.pack(">IIB", 2835, 2836, 1)),
    (b"tRNS", struct.pack(">3H", 9, 8, 7)),
)
"""Each chunk that says how a picture of three colours is shown, of the length that the specification gives it."""

TELLING_CHUNKS = (
    (b"tEXt", b"Author\0" + REMARK.encode()),
    (b"iTXt", b"Author\0\0\0\0\0" + REMARK.encode()),
    (b"tIME", b"\x07\xea\x0b\x15\x08\x0f\x1e"),
    (b"hIST", REMARK.encode()),
    (b"sPLT", REMARK.encode()),
    (b"prVt", REMARK.encode()),
)


def chunks_of(content: bytes) -> list[tuple[bytes, bytes]]:
    """Return the chunks of a PNG up to its end."""
    at, found = 8, []
    while at < len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        found.append((kind, content[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def test_a_png_keeps_each_chunk_that_shows_it_and_loses_each_that_does_not() -> None:
    mixed = [chunk for pair in zip(SHOWN_CHUNKS, TELLING_CHUNKS * 2, strict=False) for chunk in pair]
    content = png(scene(), chunks=tuple(mixed), tail=png_chunk(*TELLING_CHUNKS[0]))
    assert stripped(content) == png(scene(), chunks=SHOWN_CHUNKS)


@pytest.mark.parametrize("chunk", SHOWN_CHUNKS, ids=lambda chunk: chunk[0].decode())
def test_a_chunk_that_shows_a_png_stays_once_and_not_where_it_has_another_length(chunk: tuple[bytes, bytes]) -> None:
    kind, body = chunk
    assert stripped(png(scene(), chunks=(chunk, (kind, bytes(len(body)))))) == png(scene(), chunks=(chunk,))
    for other in (body[:-1], body + b"\0"):
        try:
            bare = stripped(png(scene(), chunks=((kind, other),)))
        except Permanent:
            continue  # Pillow does not read it
        assert bare == png(scene())


def test_pixels_in_many_chunks_stay_in_as_many() -> None:
    content = encoded(scene(), "PNG")
    [pixels] = [body for kind, body in chunks_of(content) if kind == b"IDAT"]
    parts = [pixels[at : at + 7] for at in range(0, len(pixels), 7)]
    at = content.index(b"IDAT") - 4
    many = content[:at] + b"".join(png_chunk(b"IDAT", part) for part in parts) + png_chunk(b"IEND", b"")
    assert stripped(many) == many


def test_what_follows_the_end_of_a_png_goes_whatever_it_is() -> None:
    content = encoded(scene(), "PNG")
    for more in (png_chunk(b"tEXt", b"A\0b"), png_chunk(b"gAMA", struct.pack(">I", 45455)), content, b"\0"):
        assert stripped(content + more) == content


@pytest.mark.parametrize("orientation", range(2, 9))
def test_of_exif_the_orientation_stays_and_it_alone(orientation: int) -> None:
    """A PNG and a WebP get one entry more than they would have upright, and nothing else."""
    upright, turned = encoded(scene(), "PNG"), encoded(scene(), "PNG", exif=exif(orientation))
    at = upright.index(b"IDAT") - 4
    assert stripped(turned) == upright[:at] + png_chunk(b"eXIf", exif_of(orientation)) + upright[at:]
    options: dict[str, Any] = {"lossless": True, "icc_profile": COLOURS}
    upright, turned = (
        encoded(scene(), "WEBP", **options, **more) for more in (dict[str, Any](), {"exif": exif(orientation)})
    )
    body = bytearray(upright[12:]) + riff(b"EXIF", exif_of(orientation))
    body[8] |= 0x08
    assert stripped(turned) == b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body
    jpeg = stripped(encoded(scene(), "JPEG", exif=exif(orientation)))
    upright = stripped(encoded(scene(), "JPEG"))
    segment = b"\xff\xe1" + struct.pack(">H", 34) + b"Exif\0\0" + exif_of(orientation)
    assert jpeg.replace(segment, b"") == upright
    assert jpeg.count(segment) == 1


@pytest.mark.parametrize("is_animated", [False, True])
def test_a_webp_keeps_its_chunks_and_says_no_more_of_what_went(is_animated: bool) -> None:
    frames = [Image.fromarray(scene()).convert("RGBA"), Image.new("RGBA", (64, 48), (1, 2, 3, 4))]
    more: dict[str, Any] = {}
    if is_animated:
        more = {"save_all": True, "append_images": frames[1:], "duration": 70, "loop": 3}
    silent = encoded(frames[0], "WEBP", icc_profile=COLOURS, **more)
    telling = encoded(frames[0], "WEBP", icc_profile=COLOURS, exif=exif(1), xmp=XMP, **more)
    assert telling[20] & 0x0C == 0x0C
    assert stripped(telling) == stripped(silent) == silent


def test_a_gif_keeps_every_block_but_those_that_tell() -> None:
    frames = [Image.new("RGB", (32, 24), colour) for colour in ("red", "green", "blue")]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], loop=3, duration=70)
    assert stripped(content) == content
    remark = bytes([len(REMARK)]) + REMARK.encode() + b"\0"
    blocks = (b"\x21\xfe" + remark, b"\x21\xff\x0bSomeProgram" + remark, b"\x21\xff\x0bXMP DataXMP" + remark)
    places = [at for at, _ in gif_blocks(content)]
    for block in blocks:
        for at in places:
            assert stripped(content[:at] + block + content[at:]) == content


def gif_blocks(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each block of a GIF begins, and with what."""

    def colours(flags: int) -> int:
        return 3 << (flags & 7) + 1 if flags & 0x80 else 0

    at = 13 + colours(content[10])
    while content[at] != 0x3B:
        yield at, content[at]
        at += 2 if content[at] == 0x21 else 11 + colours(content[at + 9])
        while content[at]:
            at += content[at] + 1
        at += 1
    yield at, content[at]


KEPT_TAGS = (256, 257, 258, 259, 262, 274, 277, 278, 282, 283, 284, 296, 317, 339, 34675)


def test_a_tiff_keeps_its_tags_and_its_strips() -> None:
    telling = {274: 6, 270: REMARK, 271: REMARK, 272: REMARK, 305: REMARK, 315: REMARK, 700: XMP, 33432: REMARK}
    content = encoded(scene(), "TIFF", compression="tiff_lzw", dpi=(300, 200), icc_profile=COLOURS, tiffinfo=telling)
    before, after = (tags_of(one) for one in (content, stripped(content)))
    assert {tag: value for tag, value in before.items() if tag in KEPT_TAGS} == {
        tag: value for tag, value in after.items() if tag not in (273, 279)
    }
    assert {274, 282, 283, 34675} <= after.keys()
    assert strips_of(content, before) == strips_of(stripped(content), after)


def tags_of(content: bytes) -> dict[int, object]:
    with Image.open(BytesIO(content)) as picture:
        assert isinstance(picture, TiffImagePlugin.TiffImageFile)
        return dict(picture.tag_v2)


def strips_of(content: bytes, tags: dict[int, object]) -> list[bytes]:
    offsets, lengths = tags[273], tags[279]
    assert isinstance(offsets, tuple)
    assert isinstance(lengths, tuple)
    return [content[at : at + length] for at, length in zip(offsets, lengths, strict=True)]


NAMES = (b"hdlr", b"infe")
"""Boxes in which a writer may name itself or an item, behind what is read of them."""


@pytest.mark.parametrize("make", [telling_avif, telling_heic])
def test_a_heic_and_an_avif_change_only_where_they_tell(make: Callable[[], bytes]) -> None:
    """Every other byte stays where it is: the coded picture, its properties, and all offsets."""
    content, bare = make(), stripped(make())
    assert len(bare) == len(content)
    telling = set[int]()
    [meta] = [box for box in boxes(content, 0, len(content)) if box.kind == b"meta"]
    items = items_of(content, meta)
    assert items is not None
    assert {b"Exif", b"mime"} <= set(items.kinds.values())
    for item, kind in items.kinds.items():
        for place in items.extents[item]:
            if kind in (b"Exif", b"mime"):
                telling |= set(range(place.start, place.end))
            else:
                assert bare[place.start : place.end] == content[place.start : place.end]
    for box in all_boxes(content, 0, len(content)):
        if box.kind in NAMES:
            telling |= set(range(box.body + 4, box.end))
        elif box.kind == b"mpvd":
            telling |= set(range(box.start, box.end))
        elif box.kind == b"ftyp":
            telling |= set(range(box.body + 4, box.body + 8))
    changed = {at for at, (one, other) in enumerate(zip(content, bare, strict=True)) if one != other}
    assert {at: content[at] for at in changed - telling} == {}
    assert told_in(bare) == []


@pytest.mark.parametrize("kind", [b"uri ", b"url ", b"text", b"Exif", b"jpeg", b"abcd"])
def test_an_item_that_does_not_show_a_heic_goes_whatever_it_is_called(kind: bytes) -> None:
    content = encoded(scene(), "HEIF", xmp=XMP)
    assert content.count(b"mime") == 1
    content = content.replace(b"mime", kind)
    assert told_in(content)
    assert told_in(stripped(content)) == []


FILM_BOXES = {
    b"udta": b"",
    b"meta": bytes(4)
    + struct.pack(">I4s", 33, b"hdlr")
    + bytes(8)
    + b"mdir"
    + bytes(13)
    + struct.pack(">I", 22)
    + b"ilst",
    b"uuid": bytes(16),
    b"mvex": b"",
    b"free": b"",
    b"abcd": b"",
}
"""Boxes that tell of a film, with what stands in them before a remark."""


FILM_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
NOT_DECODED = (b"trak", b"meta")
"""libavif reads that one itself, and refuses it."""


@pytest.mark.parametrize(
    ("parent", "kind"), [pair for pair in itertools.product(FILM_PARENTS, FILM_BOXES) if pair != NOT_DECODED]
)
def test_what_is_said_of_a_film_goes_and_its_frames_stay(parent: bytes, kind: bytes) -> None:
    """The new box lies at the end of its parent, and the film's list behind its frames, so that no offset changes."""
    frames = [Image.fromarray(scene()), Image.new("RGB", (64, 48), "teal")]
    content = encoded(frames[0], "AVIF", save_all=True, append_images=frames[1:], speed=10)
    [film] = [box for box in boxes(content, 0, len(content)) if box.kind == b"moov"]
    moved = content[: film.start] + b"\0\0\0\x08free".ljust(film.end - film.start, b"\0") + content[film.end :]
    moved = moved[: film.start] + struct.pack(">I", film.end - film.start) + moved[film.start + 4 :]
    silent = moved + content[film.start : film.end]
    telling = moved + with_box(content[film.start : film.end], parent, box_of(kind, FILM_BOXES[kind] + REMARK.encode()))
    assert decode(telling, LIMITS).width_px == 64
    assert REMARK.encode() not in stripped(telling)
    bare = stripped(silent)
    assert bare[: len(moved)] == stripped(telling)[: len(moved)]
    with Image.open(BytesIO(stripped(telling))) as picture:
        assert getattr(picture, "n_frames", 1) == 2


def box_of(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def with_box(content: bytes, parent: bytes, more: bytes) -> bytes:
    """Return a box with another at the end of the first box of a name in it."""
    if content[4:8] == parent:
        return box_of(content[4:8], content[8:] + more)
    body, is_put = b"", False
    for box in boxes(content, 8, len(content)):
        part = content[box.start : box.end]
        if not is_put and box.kind in (b"trak", b"mdia", b"minf", b"stbl"):
            part, is_put = with_box(part, parent, more), True
        body += part
    return box_of(content[4:8], body)


def all_boxes(content: bytes, start: int, end: int) -> Iterator[Box]:
    """Yield boxes, and those inside."""
    inside = {b"meta": 4, b"iinf": 6, b"iprp": 0, b"ipco": 0}
    for box in boxes(content, start, end):
        yield box
        if box.kind in inside:
            yield from all_boxes(content, box.body + inside[box.kind], box.end)
