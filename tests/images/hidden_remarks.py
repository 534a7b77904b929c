"""Files of each format with a remark hidden in every gap of the format's structure."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from shared.images.headers.boxes import Box, boxes
from tests.pictures import COLOURS, encoded, png_chunk, scene, tiff

REMARK = b"<Ada Lovelace, 48.8583 N>"
Planted = Iterator[tuple[str, bytes]]

CONTAINERS = {
    b"meta": 4,
    b"iprp": 0,
    b"ipco": 0,
    b"iref": 4,
    b"moov": 0,
    b"trak": 0,
    b"mdia": 0,
    b"minf": 0,
    b"dinf": 0,
}
CONTAINERS |= {b"stbl": 0, b"edts": 0}
LISTS = {b"iinf": 6, b"dref": 8}
"""Boxes that declare the number of the boxes inside."""


def jpegs() -> Planted:
    for name, options in (("baseline", dict[str, Any]()), ("progressive", {"progressive": True})):
        content = encoded(scene(), "JPEG", quality=92, icc_profile=COLOURS, **options)
        for what, planted in _in_jpeg(content):
            yield f"{name}: {what}", planted


def _in_jpeg(content: bytes) -> Planted:
    at = 2
    extents = []
    while content[at : at + 2] != b"\xff\xd9":
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4])
        extents.append((at, end))
        at = end
        if content[extents[-1][0] + 1] == 0xDA:
            while content[at] != 0xFF or content[at + 1] == 0 or 0xD0 <= content[at + 1] <= 0xD7:
                at += 1
    unused = {0xDB: b"\x03" + REMARK.ljust(64, b"."), 0xC4: b"\x03" + bytes([len(REMARK)]) + bytes(15) + REMARK}
    heads = (
        b"",
        b"JFIF\0\1\1\0\0\1\0\1\0\0",
        b"ICC_PROFILE\0\x09\x01",
        b"Adobe\0\x64\0\0\0\0\0",
        b"Exif\0\0",
        b"MPF\0",
    )
    follows_scan = False
    for start, end in extents:
        for marker in (*range(0xE0, 0xF0), 0xFE, 0xDC, 0xDB, 0xC4, 0xCC, 0xDD, 0xDE, 0xF0):
            for head in heads if marker in (0xE0, 0xE1, 0xE2, 0xEE) else (b"",):
                body = unused.get(marker, head + REMARK)
                segment = struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body
                yield f"segment {marker:x} {head[:4]!r} at {start}", content[:start] + segment + content[start:]
        longer = (
            content[start : start + 2] + struct.pack(">H", end - start - 2 + len(REMARK)) + content[start + 4 : end]
        )
        yield f"behind segment {content[start + 1]:x}", content[:start] + longer + REMARK + content[end:]
        if not follows_scan:  # there it would be more of the scan's code
            yield f"bare at {start}", content[:start] + REMARK + content[start:]
        follows_scan = content[start + 1] == 0xDA
    yield "behind the end", content + REMARK
    yield "behind the end, another picture", content + b"\xff\xd8\xff\xfe" + struct.pack(">H", 2 + len(REMARK)) + REMARK


def pngs() -> Planted:
    frames = [Image.fromarray(scene()), Image.new("RGB", (64, 48))]
    kinds = {
        "RGB": encoded(scene(), "PNG", icc_profile=COLOURS),
        "palette": encoded(Image.fromarray(scene()).quantize(8), "PNG", transparency=0),
        "grey": encoded(scene(), "PNG", "L", dpi=(72, 72)),
        "animated": encoded(frames[0], "PNG", save_all=True, append_images=frames[1:]),
    }
    for name, content in kinds.items():
        for what, planted in _in_png(content):
            yield f"{name}: {what}", planted


def _in_png(content: bytes) -> Planted:
    at = 8
    profile = b"icc\0\0" + zlib.compress(COLOURS)
    known = (
        b"gAMA cHRM sRGB pHYs sBIT bKGD hIST tRNS tIME sPLT tEXt zTXt iTXt eXIf iCCP acTL fcTL fdAT cICP mDCV cLLI PLTE"
    )
    while at < len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        end = at + 12 + length
        for more in (*known.split(), b"abCd", b"abcD"):
            yield f"{more!r} before {kind!r}", content[:at] + png_chunk(more, REMARK) + content[at:]
        for body in (profile + REMARK, REMARK + b"\0\0" + profile[5:]):
            yield f"a profile before {kind!r}", content[:at] + png_chunk(b"iCCP", body) + content[at:]
        longer = png_chunk(kind, content[at + 8 : end - 4] + REMARK)
        yield f"behind {kind!r}", content[:at] + longer + content[end:]
        if kind in (b"IDAT", b"fdAT"):
            number = content[at + 8 : at + 12] if kind == b"fdAT" else b""
            data = zlib.decompress(content[at + 8 + len(number) : end - 4]) + REMARK
            yield f"packed in {kind!r}", content[:at] + png_chunk(kind, number + zlib.compress(data, 0)) + content[end:]
        at = end
    yield "behind the end", content + REMARK
    yield "a chunk behind the end", content + png_chunk(b"tEXt", REMARK)


def webps() -> Planted:
    frames = [Image.fromarray(scene()), Image.new("RGB", (64, 48), "teal")]
    kinds = {
        "lossy": encoded(scene(), "WEBP"),
        "lossless": encoded(scene(), "WEBP", lossless=True),
        "with alpha": encoded(scene(), "WEBP", "RGBA", icc_profile=COLOURS),
        "animated": encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
    }
    for name, content in kinds.items():
        for what, planted in _in_chunks(content[12:]):
            yield f"{name}: {what}", b"RIFF" + struct.pack("<I", 4 + len(planted)) + b"WEBP" + planted
        yield f"{name}: behind the end", content + REMARK


def riff(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


CODED_WEBP = (b"VP8 ", b"VP8L", b"ALPH")
"""Chunks whose coded bits may be followed by more bits."""


def _in_chunks(content: bytes) -> Planted:
    at = 0
    while at < len(content):
        kind, length = struct.unpack("<4sI", content[at : at + 8])
        end = at + 8 + length + length % 2
        body = content[at + 8 : at + 8 + length]
        for more in (b"EXIF", b"XMP ", b"ICCP", b"NOTE", b"ANIM", b"ANMF", b"ALPH", b"VP8X", b"VP8 ", b"VP8L"):
            yield f"{more!r} before {kind!r}", content[:at] + riff(more, REMARK) + content[at:]
            yield f"{more!r} behind {kind!r}", content[:end] + riff(more, REMARK) + content[end:]
        if kind == b"ANMF":
            for what, planted in _in_chunks(body[16:]):
                yield f"in a frame, {what}", content[:at] + riff(kind, body[:16] + planted) + content[end:]
        if kind not in (*CODED_WEBP, b"ICCP"):
            yield f"behind {kind!r}", content[:at] + riff(kind, body + REMARK) + content[end:]
        if length % 2:
            yield f"filling {kind!r}", content[: end - 1] + REMARK[:1] + content[end:]
        at = end


def gifs() -> Planted:
    frames = [Image.fromarray(scene()).quantize(8), Image.new("P", (64, 48))]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], loop=3, duration=70)
    at = 13 + 3 * 2 ** ((content[10] & 7) + 1)
    block = bytes([len(REMARK)]) + REMARK
    while content[at] != 0x3B:
        for label, head in (
            (0xFE, b""),
            (0x01, b""),
            (0xFF, b"\x0bSomeProgram"),
            (0xFF, b"\x0bNETSCAPE2.0"),
            (0x12, b""),
        ):
            yield (
                f"{label:x} {head!r} at {at}",
                content[:at] + bytes([0x21, label]) + head + block + b"\0" + content[at:],
            )
        yield f"a long control at {at}", content[:at] + b"\x21\xf9\4\0\0\0\0" + block + b"\0" + content[at:]
        is_extension = content[at] == 0x21
        colours = content[at + 9] if not is_extension else 0
        end = at + (2 if is_extension else 11 + (3 * 2 ** ((colours & 7) + 1) if colours & 0x80 else 0))
        while content[end]:
            end += content[end] + 1
        if is_extension:
            yield f"in the extension {content[at + 1]:x}", content[:end] + block + content[end:]
        at = end + 1
    yield "behind the end", content + REMARK


def bmps() -> Planted:
    kinds = {
        "24 bits": encoded(scene(61, 48), "BMP"),
        "palette": encoded(Image.fromarray(scene(61, 48)).quantize(8), "BMP"),
        "32 bits": encoded(scene(61, 48), "BMP", "RGBA"),
    }
    for name, content in kinds.items():
        [offset] = struct.unpack_from("<I", content, 10)
        moved = content[:10] + struct.pack("<I", offset + len(REMARK)) + content[14:offset] + REMARK + content[offset:]
        yield f"{name}: before the pixels", moved
        yield f"{name}: behind the pixels", content + REMARK
        yield f"{name}: in the header", content[:6] + REMARK[:4] + content[10:]
        size = 124 - 40
        long = content[:10] + struct.pack("<II", offset + size, 124) + content[18:54] + REMARK.ljust(size, b"*")
        yield f"{name}: in a long header", long + content[54:]
    used, stride = 61 * 3, 184
    filled = bytearray(kinds["24 bits"])
    for line in range(48):
        filled[54 + line * stride + used] = REMARK[line % len(REMARK)]
    yield "24 bits: filling the lines", bytes(filled)


def tiffs() -> Planted:
    jpeg = encoded(scene(), "JPEG", quality=92)
    at = jpeg.index(b"\xff\xdb")
    comment = struct.pack(">BBH", 0xFF, 0xFE, 2 + len(REMARK)) + REMARK
    for name, data in (
        ("a comment", jpeg[:at] + comment + jpeg[at:]),
        ("EXIF", jpeg[:at] + comment.replace(b"\xff\xfe", b"\xff\xe1", 1) + jpeg[at:]),
        ("behind the end", jpeg + REMARK),
    ):
        yield f"{name} in a strip of JPEG", tiff(_rgb(7, len(data), 6), data)
        yield f"{name} in a tile of JPEG", tiff(_rgb(7, len(data), 6, tiled=True), data)
    head, scan = jpeg[: jpeg.index(b"\xff\xc0")], b"\xff\xd8" + jpeg[jpeg.index(b"\xff\xc0") :]
    tables = b"\xff\xd8" + comment + head[head.index(b"\xff\xdb") :] + b"\xff\xd9"
    entry = (347, 7, len(tables), 512 + len(scan))
    yield "a comment in shared tables", tiff((*_rgb(7, len(scan), 6), entry), scan + tables)
    raw = scene().tobytes()
    yield "behind a raw strip", tiff(_rgb(1, len(raw) + len(REMARK)), raw + REMARK)
    packed = zlib.compress(raw)
    yield "behind a packed strip", tiff(_rgb(8, len(packed) + len(REMARK)), packed + REMARK)
    yield "between directory and pixels", tiff(_rgb(1, len(raw)), raw).replace(bytes(len(REMARK)), REMARK, 1)
    yield "behind the file", tiff(_rgb(1, len(raw)), raw) + REMARK
    for tag in (*range(254, 300), *range(301, 350), 700, 33432, 33723, 34377, 34665, 34853, 50000, 65000):
        for kind in (2, 7, 1):
            more = (tag, kind, len(REMARK), 512 + len(raw))
            tags = tuple(sorted({**{each[0]: each for each in _rgb(1, len(raw))}, tag: more}.values()))
            yield f"tag {tag} of type {kind}", tiff(tags, raw + REMARK)
    frames = [Image.fromarray(scene()), Image.new("RGB", (16, 16))]
    second = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:], description=REMARK.decode())
    yield "in each page", second


def _rgb(
    compression: int, length: int, photometric: int = 2, *, tiled: bool = False
) -> tuple[tuple[int, int, int, int], ...]:
    tags = ((256, 3, 1, 64), (257, 3, 1, 48), (258, 3, 1, 8), (259, 3, 1, compression), (262, 3, 1, photometric))
    if tiled:
        return (*tags, (277, 3, 1, 3), (322, 3, 1, 64), (323, 3, 1, 48), (324, 4, 1, 512), (325, 4, 1, length))
    return (*tags, (273, 4, 1, 512), (277, 3, 1, 3), (278, 3, 1, 48), (279, 4, 1, length))


def heifs() -> Planted:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "An Artist"
    frames = [Image.fromarray(scene()), Image.new("RGB", (64, 48), "teal")]
    options: dict[str, Any] = {"exif": exif.tobytes(), "xmp": b"<x:xmpmeta/>"}
    kinds = {
        "HEIC": encoded(scene(), "HEIF", **options),
        "HEIC of several": encoded(frames[0], "HEIF", save_all=True, append_images=frames[1:]),
        "AVIF": encoded(scene(), "AVIF", speed=10, **options),
        "AVIF with alpha": encoded(scene(), "AVIF", "RGBA", speed=10),
        "AVIF of several frames": encoded(frames[0], "AVIF", save_all=True, append_images=frames[1:], speed=10),
    }
    for name, content in kinds.items():
        for what, planted in _in_boxes(content):
            yield f"{name}: {what}", planted


def _in_boxes(content: bytes) -> Planted:
    remark = struct.pack(">I", 8 + len(REMARK))
    extents = list(_walk(content, 0, len(content), ()))
    for path, box in extents:
        where = "/".join(each.kind.decode("latin-1") for each in (*path, box))
        if not path or path[-1].kind in CONTAINERS:
            for kind in (b"free", b"skip", b"uuid", b"udta", b"abcd", b"mdat", b"hdlr"):
                if path[-1:] and path[-1].kind == b"ipco":
                    continue  # which properties are meant is counted
                yield f"{kind.decode()} before {where}", _grown(content, box.start, remark + kind + REMARK, path)
        if box.kind not in CONTAINERS and box.kind not in LISTS:
            yield f"behind {where}", _grown(content, box.end, REMARK, (*path, box))
        if box.kind == b"ipco":
            for kind in (b"udes", b"crtt", b"mdft", b"free", b"abcd"):
                yield (
                    f"{kind.decode()} at the end of {where}",
                    _grown(content, box.end, remark + kind + REMARK, (*path, box)),
                )
    for kind in (b"free", b"uuid", b"mpvd", b"abcd", b"mdat"):
        yield f"{kind.decode()} at the end", content + remark + kind + REMARK


def _walk(content: bytes, at: int, end: int, path: tuple[Box, ...]) -> Iterator[tuple[tuple[Box, ...], Box]]:
    for box in boxes(content, at, end):
        yield path, box
        if (skipped := {**CONTAINERS, **LISTS}.get(box.kind)) is not None:
            yield from _walk(content, box.body + skipped, box.end, (*path, box))


def _grown(content: bytes, at: int, more: bytes, path: tuple[Box, ...]) -> bytes:
    """Return the file with more bytes at an offset inside of boxes; the offsets of later bytes are corrected."""
    out = bytearray(content)
    for box in path:
        out[box.start : box.start + 4] = struct.pack(">I", box.end - box.start + len(more))
    for _, box in _walk(content, 0, len(content), ()):
        for place, width in (*_offsets(content, box),):
            value = int.from_bytes(content[place : place + width])
            if value >= at:
                out[place : place + width] = (value + len(more)).to_bytes(width)
    return bytes(out[:at] + more + out[at:])


def _offsets(content: bytes, box: Box) -> Iterator[tuple[int, int]]:
    """Yield the position and the width of each number in a box that is an offset in the file."""
    if box.kind == b"stco":
        yield from (
            (box.body + 8 + 4 * index, 4) for index in range(int.from_bytes(content[box.body + 4 : box.body + 8]))
        )
    if box.kind != b"iloc":
        return
    version, sizes = content[box.body], int.from_bytes(content[box.body + 4 : box.body + 6])
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    at = box.body + 8
    for _ in range(int.from_bytes(content[box.body + 6 : at])):
        method = content[at + 3] & 15 if version else 0
        at += 4 + (2 if version else 0)
        if base and not method:
            yield at, base
        extents = int.from_bytes(content[at + base : at + base + 2])
        at += base + 2
        for _ in range(extents):
            at += index if version else 0
            if not base and not method:
                yield at, offset
            at += offset + length


GAPS: dict[str, Callable[[], Planted]] = {
    "JPEG": jpegs, "PNG": pngs, "WebP": webps, "GIF": gifs, "BMP": bmps, "TIFF": tiffs, "HEIC and AVIF": heifs,
}  # fmt: skip


def has_remark(content: bytes) -> bool:
    """Return whether the remark is in a file, or its first letters in a BMP's header."""
    if REMARK in content or REMARK[:8] in content:
        return True
    return content[:2] == b"BM" and content[6:10] == REMARK[:4]


def filling_of(content: bytes) -> bytes:
    """Return the padding of the lines of a BMP of 61 pixels of 24 bits."""
    return np.frombuffer(content[54 : 54 + 48 * 184], np.uint8).reshape(48, 184)[:, 183].tobytes()
