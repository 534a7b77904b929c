"""HEIC and AVIF (ISO/IEC 14496-12 and 23008-12): all bytes that do not show the picture are overwritten in place.

The items of the primary picture and its transparency are kept, and their bytes in ``mdat`` and ``idat``. The
orientation needs no care: it is a property of the picture (``irot``, ``imir``), and decoders do not read EXIF's.
"""

from __future__ import annotations

from shared.images.headers.boxes import Box, Extent, Items, NumberReader, boxes, children, item_entries, items_of
from shared.images.metadata.heif_film import film_extents, strip_film
from shared.images.metadata.heif_parts import free, keep_bytes, strip_coding, zero, zero_after
from shared.images.metadata.orientation import UPRIGHT, exif_of

BRANDS = frozenset(
    b"heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1 miaf MiHB MiHA MiHE MiPr avif avis avio MA1A MA1B tmap "
    b"iso2 iso3 iso4 iso5 iso6 iso7 iso8 iso9 isom mp41 mp42 1pic geo1 unif".split()
)

OF_ITEMS = frozenset((b"hdlr", b"pitm", b"iloc", b"iinf", b"iprp", b"iref", b"idat", b"grpl"))
"""Boxes of a ``meta`` box that are kept."""

PROPERTIES = {b"ispe": 12, b"irot": 1, b"imir": 1, b"clap": 32, b"pasp": 8, b"clli": 4, b"mdcv": 24, b"a1op": 1}
PROPERTIES |= {b"lsel": 2, b"rloc": 12, b"amve": 8}
"""With the bytes that decoders read of each; other properties that show a picture are in ``OF_ANY_LENGTH``."""

OF_ANY_LENGTH = frozenset((b"colr", b"pixi", b"av1C", b"hvcC", b"avcC", b"a1lx", b"auxC"))
ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1", b"urn:mpeg:avc:2015:auxid:1")
GAIN_MAPS = (b"urn:com:apple:photo:2020:aux:hdrgainmap",)
EXIF, XMP = b"Exif", b"mime"


def strip_heif(content: bytes) -> bytes:
    """Return the file, with its length unchanged and its metadata overwritten.

    Raises:
        ValueError: it is not a list of boxes, has something twice, or an item ends after the file.
        LookupError: a box is missing that is needed to find its pictures.
    """
    out = bytearray(content)
    top = list(boxes(out, 0, len(out)))
    metas, films = ([box for box in top if box.kind == kind] for kind in (b"meta", b"moov"))
    if len(metas) > 1 or len(films) > 1:
        raise ValueError("there are two lists of items, or two films")
    extents = [extent for film in films for extent in film_extents(out, film)]
    items = items_of(out, metas[0]) if metas else None
    if items is not None:
        shown = _shown_items(out, items)
        extents += [extent for item in shown for extent in items.extents.get(item, [])]
        if any(extent.end > len(out) for extents_of_item in items.extents.values() for extent in extents_of_item):
            raise ValueError("an item ends after the file")
    for box in top:
        if box.kind == b"ftyp":
            _strip_brands(out, box)
        elif box.kind == b"mdat":
            keep_bytes(out, box, extents)
        elif box.kind == b"moov":
            strip_film(out, box)
        elif box.kind == b"meta":
            _strip_meta(out, box, extents)
        else:
            free(out, box)
    zero(out, top[-1].end if top else 0, len(out))
    if items is not None:
        _fill_metadata(out, items, extents)
    return bytes(out)


def _shown_items(out: bytearray, items: Items) -> set[int]:
    """Return the items of the primary picture, with its transparency and its gain map (for bright screens)."""
    shown, waiting = set[int](), [items.primary]
    while waiting:
        item = waiting.pop()
        if item is None or item in shown:
            continue
        shown.add(item)
        for kind, origin, targets in items.references:
            if kind == b"dimg" and (origin == item or (item in targets and items.kinds.get(origin) == b"tmap")):
                waiting += [origin, *targets]
            elif kind == b"auxl" and item in targets and _purpose(out, items, origin) in (*ALPHA, *GAIN_MAPS):
                waiting.append(origin)
            elif kind == b"prem" and origin == item:
                waiting += targets
    return shown


def _purpose(out: bytearray, items: Items, item: int) -> bytes:
    """Return the type of an auxiliary picture, from its ``auxC``."""
    for box in items.properties_of(item, b"auxC"):
        return bytes(out[box.body + 4 : box.end]).split(b"\0")[0]
    return b""


def _strip_brands(out: bytearray, ftyp: Box) -> None:
    major = out[ftyp.body : ftyp.body + 4]
    zero(out, ftyp.body + 4, ftyp.body + 8)
    for at in range(ftyp.body + 8, ftyp.end - 3, 4):
        if bytes(out[at : at + 4]) not in BRANDS:
            out[at : at + 4] = major
    zero(out, ftyp.end - (ftyp.end - ftyp.body) % 4, ftyp.end)


def _strip_meta(out: bytearray, meta: Box, extents: list[Extent]) -> None:
    inside = children(out, meta, 4)
    for box in boxes(out, meta.body + 4, meta.end):
        if box.kind not in OF_ITEMS:
            free(out, box)
        elif box.kind == b"hdlr":
            zero(out, box.body + 4, box.body + 8)
            zero(out, box.body + 12, box.end)
        elif box.kind == b"idat":
            keep_bytes(out, box, extents)
        elif box.kind == b"iprp":
            _strip_properties(out, box)
        elif box.kind == b"grpl":
            _strip_groups(out, box)
        elif box.kind == b"pitm":
            zero_after(out, box, 4 + (2 if out[box.body] == 0 else 4))
    if b"iinf" in inside:
        for _, _, entry, name in item_entries(out, inside[b"iinf"]):
            if out[entry.body] < 2:
                raise ValueError(f"an item's description has version {out[entry.body]}, expected 2 or more")
            zero(out, name, entry.end)
    if b"iloc" in inside:
        _zero_after_extents(out, inside[b"iloc"])
    for box in boxes(out, inside[b"iref"].body + 4, inside[b"iref"].end) if b"iref" in inside else ():
        width = 2 if out[inside[b"iref"].body] == 0 else 4
        number = int.from_bytes(out[box.body + width : box.body + width + 2])
        zero_after(out, box, width + 2 + width * number)


def _strip_properties(out: bytearray, iprp: Box) -> None:
    for box in boxes(out, iprp.body, iprp.end):
        if box.kind == b"ipma":
            _zero_after_associations(out, box)
        elif box.kind != b"ipco":
            free(out, box)
            continue
        for prop in boxes(out, box.body, box.end) if box.kind == b"ipco" else ():
            if prop.kind in PROPERTIES:
                zero_after(out, prop, PROPERTIES[prop.kind])
            elif prop.kind == b"pixi":
                zero_after(out, prop, 5 + out[prop.body + 4])
            elif prop.kind == b"auxC":
                name = bytes(out[prop.body + 4 : prop.end]).split(b"\0")[0]
                zero_after(out, prop, 4 + (len(name) if name in (*ALPHA, *GAIN_MAPS) else 0))
            elif prop.kind in OF_ANY_LENGTH:
                strip_coding(out, prop)
            else:
                free(out, prop)


def _strip_groups(out: bytearray, grpl: Box) -> None:
    for box in boxes(out, grpl.body, grpl.end):
        if box.kind == b"altr":
            zero_after(out, box, 12 + 4 * int.from_bytes(out[box.body + 8 : box.body + 12]))
        else:
            free(out, box)


def _zero_after_extents(out: bytearray, iloc: Box) -> None:
    numbers = NumberReader(out, iloc.body, iloc.end)
    version, _ = numbers.take(1), numbers.take(3)
    sizes = numbers.take(2)
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in range(numbers.take(2 if version < 2 else 4)):
        numbers.take((2 if version < 2 else 4) + (2 if version else 0) + 2 + base)
        numbers.take(numbers.take(2) * ((index if version else 0) + offset + length))
    zero(out, numbers.at, iloc.end)


def _zero_after_associations(out: bytearray, ipma: Box) -> None:
    numbers = NumberReader(out, ipma.body, ipma.end)
    version, flags = numbers.take(1), numbers.take(3)
    for _ in range(numbers.take(4)):
        numbers.take(2 if version < 1 else 4)
        numbers.take(numbers.take(1) * (2 if flags & 1 else 1))
    zero(out, numbers.at, ipma.end)


def _fill_metadata(out: bytearray, items: Items, kept: list[Extent]) -> None:
    """Overwrite EXIF and XMP, which readers look for, with empty contents."""
    for item, kind in items.kinds.items():
        for extent in items.extents.get(item, []):
            if kind not in (EXIF, XMP) or any(extent.start < other.end and other.start < extent.end for other in kept):
                continue
            length = extent.end - extent.start
            empty = bytes(4) + exif_of(UPRIGHT)
            if kind == EXIF and len(empty) <= length:
                out[extent.start : extent.start + len(empty)] = empty
            elif kind == XMP:
                out[extent.start : extent.end] = b" " * length
