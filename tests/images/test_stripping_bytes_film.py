"""Stripping a film in a HEIC or AVIF: which boxes and bytes of tiny films stay, and which become zero, byte by byte."""

from __future__ import annotations

import struct

import pytest

from shared.images.metadata.heif import strip_heif


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def full(kind: bytes, *parts: bytes, version: int = 0) -> bytes:
    return box(kind, bytes([version, 0, 0, 1]), *parts)


def free(length: int) -> bytes:
    return struct.pack(">I", length) + b"free" + bytes(length - 8)


def counted(kind: bytes, width: int, number: int, after: bytes = b"", version: int = 0) -> bytes:
    """Return a table: the number of its entries, and so many entries of a width."""
    return full(kind, number.to_bytes(4), b"e" * width * number, after, version=version)


def handler(kind: bytes, told: bytes = bytes(4), after: bytes = bytes(13)) -> bytes:
    return full(b"hdlr", told, kind, after)


def track(*stbl: bytes, kind: bytes = b"pict", more: tuple[bytes, ...] = (), media: tuple[bytes, ...] = ()) -> bytes:
    """Return a track; without tables it has no samples."""
    tables = stbl or samples([])
    return box(b"trak", *more, box(b"mdia", *media, handler(kind), box(b"minf", box(b"stbl", *tables))))


def samples(places: list[int], sizes: list[int] | None = None, per_chunk: tuple[tuple[int, int], ...] = ((1, 1),),
            same: int = 0, wide: bool = False, number: int | None = None) -> tuple[bytes, ...]:  # fmt: skip
    """Return the tables of chunks at some places, and of samples of some sizes or all of the same."""
    sizes = [] if sizes is None else sizes
    chunks = struct.pack(f">I{len(places)}{'Q' if wide else 'I'}", len(places), *places)
    listed = b"" if same else struct.pack(f">{len(sizes)}I", *sizes)
    return (
        full(b"stsc", struct.pack(">I", len(per_chunk)), *[struct.pack(">III", *pair, 1) for pair in per_chunk]),
        full(b"stsz", struct.pack(">II", same, len(sizes) if number is None else number), listed),
        full(b"co64" if wide else b"stco", chunks),
    )


DATA = b"ABCDEFGHIJKLMNOP"


def kept_of(*tables: bytes, kind: bytes = b"pict") -> bytes:
    """Return what stays of the data of a film, which begins at byte 8."""
    content = box(b"mdat", DATA) + box(b"moov", track(*tables, kind=kind))
    stripped = strip_heif(content)
    assert len(stripped) == len(content)
    if kind in (b"pict", b"vide", b"auxv"):
        assert stripped[24:] == content[24:]
    return stripped[8:24].replace(b"\0", b".")


@pytest.mark.parametrize("wide", [False, True])
def test_samples_of_a_track_stay_and_other_data_goes(*, wide: bool) -> None:
    assert kept_of(*samples([8], [3], wide=wide)) == b"ABC............."
    assert kept_of(*samples([9, 14], [3, 2], wide=wide)) == b".BCD..GH........"
    assert kept_of(*samples([14, 9], [3, 2], wide=wide)) == b".BC...GHI......."
    assert kept_of(*samples([8, 12, 16], [1, 2, 3], wide=wide)) == b"A...EF..IJK....."
    assert kept_of(*samples([8, 14], [1, 2, 3, 4], ((1, 2),), wide=wide)) == b"ABC...GHIJKLM..."
    assert kept_of(*samples([8, 14], [1, 2, 3, 4], ((1, 3), (2, 1)), wide=wide)) == b"ABCDEFGHIJ......"
    assert kept_of(*samples([8, 12, 16], [1] * 5, ((1, 1), (2, 2)), wide=wide)) == b"A...EF..IJ......"
    assert kept_of(*samples([8, 12, 16], [1] * 5, ((1, 2), (3, 1)), wide=wide)) == b"AB..EF..I......."
    assert kept_of(*samples([8, 12, 16], [1] * 9, ((2, 2),), wide=wide)) == b"....EF..IJ......"


def test_samples_of_the_same_size_are_counted() -> None:
    assert kept_of(*samples([8, 12], same=3, number=2)) == b"ABC.EFG........."
    assert kept_of(*samples([8, 14], same=2, number=3, per_chunk=((1, 2),))) == b"ABCD..GH........"


def test_chunks_after_the_last_sample_do_not_stay() -> None:
    assert kept_of(*samples([8, 12, 16], [2, 2])) == b"AB..EF.........."
    assert kept_of(*samples([8, 12], [1, 2, 1], ((1, 2),))) == b"ABC.E..........."
    assert kept_of(*samples([8, 12], [])) == b"................"
    assert kept_of(*samples([], [1, 2])) == b"................"


def test_a_film_has_at_most_a_hundred_thousand_samples() -> None:
    assert kept_of(*samples([8], same=1, number=100_000)) == b"A..............."
    with pytest.raises(ValueError, match=r"^a film has 100001 samples$"):
        kept_of(*samples([8], same=1, number=100_001))


@pytest.mark.parametrize("missing", [b"stsc", b"stsz", b"stco"])
def test_a_track_without_its_tables_is_refused(missing: bytes) -> None:
    tables = [table for table in samples([8], [3]) if table[4:8] != missing]
    with pytest.raises(KeyError):
        kept_of(*tables)


@pytest.mark.parametrize("kind", [b"pict", b"vide", b"auxv"])
def test_a_track_of_pictures_stays(kind: bytes) -> None:
    assert kept_of(*samples([8], [3]), kind=kind) == b"ABC............."


@pytest.mark.parametrize("kind", [b"soun", b"meta", b"text", b"hint", b"clcp"])
def test_any_other_track_becomes_free_space(kind: bytes) -> None:
    other, shown = track(*samples([8], [3]), kind=kind), track(*samples([12], [1]))
    content = box(b"mdat", DATA) + box(b"moov", other, shown, other)
    bare = box(b"mdat", bytes(4) + b"E" + bytes(11)) + box(b"moov", free(len(other)), shown, free(len(other)))
    assert strip_heif(content) == bare


def test_a_track_without_a_handler_is_refused() -> None:
    for content in (box(b"trak"), box(b"trak", box(b"mdia"))):
        with pytest.raises(KeyError):
            strip_heif(box(b"moov", content))


PLACES = {
    b"moov": (b"mvhd",),
    b"trak": (b"tkhd", b"edts", b"tref"),
    b"edts": (b"elst",),
    b"mdia": (b"mdhd",),
    b"minf": (b"vmhd", b"nmhd", b"dinf"),
    b"dinf": (b"dref",),
    b"stbl": (b"stsd", b"stts", b"stss", b"ctts", b"cslg"),
}
"""The boxes that stay in each box, beside those of every film here."""


def inside(place: bytes, *boxes: bytes) -> bytes:
    """Return a film with boxes in one place."""

    def of(kind: bytes) -> tuple[bytes, ...]:
        return boxes if place == kind else ()

    stbl = box(b"stbl", *of(b"stbl"), *samples([]))
    dinf = (box(b"dinf", *boxes),) if place == b"dinf" else ()
    edts = (box(b"edts", *boxes),) if place == b"edts" else ()
    minf = box(b"minf", *of(b"minf"), *dinf, stbl)
    mdia = box(b"mdia", *of(b"mdia"), handler(b"pict"), minf)
    return box(b"moov", *of(b"moov"), box(b"trak", *of(b"trak"), *edts, mdia))


KINDS = sorted({kind for kinds in PLACES.values() for kind in kinds} - {b"tref", b"edts", b"dinf", b"stsd", b"dref"})


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", [*KINDS, b"tref", b"edts", b"dinf", b"stsd", b"dref", b"udta", b"meta", b"Ada!"])
def test_a_box_stays_in_its_place_and_becomes_free_space_in_any_other(place: bytes, kind: bytes) -> None:
    inner = {b"edts": box(b"elst", bytes(4)), b"dinf": box(b"dref", bytes(4))}
    whole = inside(place, box(kind, inner.get(kind, bytes(12))))
    stripped = strip_heif(whole)
    if kind in PLACES[place]:
        assert stripped == whole
    else:
        assert stripped == inside(place, free(20))


def test_a_films_handlers_and_references_stay_without_what_they_tell() -> None:
    told = box(
        b"moov",
        box(
            b"trak",
            box(b"tref", box(b"auxl", b"\0\0\0\1", b"Ada"), box(b"cdsc", b"\0\0\0\2")),
            box(b"mdia", handler(b"pict", b"Adal", b"ovelace"), box(b"minf", box(b"stbl", *samples([])))),
        ),
    )
    bare = box(
        b"moov",
        box(
            b"trak",
            box(b"tref", box(b"auxl", b"\0\0\0\1", bytes(3)), box(b"cdsc", b"\0\0\0\2")),
            box(b"mdia", handler(b"pict", bytes(4), bytes(7)), box(b"minf", box(b"stbl", *samples([])))),
        ),
    )
    assert strip_heif(told) == bare


def test_references_to_data_stay_without_their_addresses() -> None:
    def listed(after: bytes) -> bytes:
        return inside(b"dinf", full(b"dref", b"\0\0\0\2", full(b"url ", after), full(b"urn ", after)))

    assert strip_heif(listed(b"Ada Lovelace")) == listed(bytes(12))


@pytest.mark.parametrize(
    ("place", "kind", "width", "version"),
    [
        (b"stbl", b"stts", 8, 0),
        (b"stbl", b"ctts", 8, 0),
        (b"stbl", b"stss", 4, 0),
        (b"edts", b"elst", 12, 0),
        (b"edts", b"elst", 20, 1),
    ],
)
@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_table_stays_in_the_length_of_its_entries(
    place: bytes, kind: bytes, width: int, version: int, number: int
) -> None:
    told, bare = (inside(place, counted(kind, width, number, rest, version)) for rest in (b"Ada Love", bytes(8)))
    assert strip_heif(told) == bare


@pytest.mark.parametrize("wide", [False, True])
def test_the_tables_of_samples_stay_in_their_lengths(*, wide: bool) -> None:
    """``stsz`` has a list of sizes only where these differ."""
    for tables in (samples([8, 9], [1, 1], wide=wide), samples([8, 9], wide=wide, same=1, number=2)):
        more = [
            [struct.pack(">I", len(table) + 9) + table[4:] + rest for table in tables]
            for rest in (b"Ada Lovel", bytes(9))
        ]
        told, bare = (box(b"moov", track(*one)) for one in more)
        assert strip_heif(told) == bare


def test_a_films_picture_header_stays_in_twelve_bytes() -> None:
    told, bare = (inside(b"minf", full(b"vmhd", b"\1\2\3\4\5\6\7\x08", rest)) for rest in (b"Ada", bytes(3)))
    assert strip_heif(told) == bare


def zeroed(body: bytes, *ranges: tuple[int, int]) -> bytes:
    out = bytearray(body)
    for start, end in ranges:
        out[start:end] = bytes(min(end, len(body)) - start)
    return bytes(out)


@pytest.mark.parametrize(
    ("place", "kind", "version", "length", "ranges"),
    [
        # ISO/IEC 14496-12, 8.2.2: times, reserved, "pre_defined"; the matrix stays
        (b"moov", b"mvhd", 0, 100, ((4, 12), (26, 36), (72, 96))),
        (b"moov", b"mvhd", 0, 107, ((4, 12), (26, 36), (72, 96), (100, 107))),
        (b"moov", b"mvhd", 1, 112, ((4, 20), (38, 48), (84, 108))),
        (b"moov", b"mvhd", 1, 119, ((4, 20), (38, 48), (84, 108), (112, 119))),
        # 8.3.2
        (b"trak", b"tkhd", 0, 84, ((4, 12), (16, 20), (24, 32), (38, 40))),
        (b"trak", b"tkhd", 0, 91, ((4, 12), (16, 20), (24, 32), (38, 40), (84, 91))),
        (b"trak", b"tkhd", 1, 96, ((4, 20), (24, 28), (36, 44), (50, 52))),
        (b"trak", b"tkhd", 1, 103, ((4, 20), (24, 28), (36, 44), (50, 52), (96, 103))),
        # 8.4.2: the language goes as well
        (b"mdia", b"mdhd", 0, 24, ((4, 12), (20, 24))),
        (b"mdia", b"mdhd", 1, 36, ((4, 20), (32, 36))),
    ],
)
def test_a_header_keeps_all_but_its_times_and_reserved_bytes(
    place: bytes, kind: bytes, version: int, length: int, ranges: tuple[tuple[int, int], ...]
) -> None:
    body = bytes([version]) + bytes(range(1, length))
    assert strip_heif(inside(place, box(kind, body))) == inside(place, box(kind, zeroed(body, *ranges)))


ENTRY = bytes(range(1, 79))
KEPT_ENTRY = zeroed(ENTRY, (0, 6), (8, 24), (36, 40), (42, 74))
READ = {b"pasp": 8, b"ccst": 8, b"auxi": 4, b"clap": 32, b"btrt": 12, b"clli": 4, b"mdcv": 24}


def entry(body: bytes, *parts: bytes) -> bytes:
    one = box(b"av01", body, *parts)
    return inside(b"stbl", full(b"stsd", b"\0\0\0\2", one, one))


def test_a_sample_entry_keeps_its_size_and_resolution() -> None:
    assert strip_heif(entry(ENTRY)) == entry(KEPT_ENTRY)


@pytest.mark.parametrize("kind", READ)
def test_a_box_of_a_sample_entry_stays_in_what_decoders_read(kind: bytes) -> None:
    body = bytes(range(1, 1 + READ[kind]))
    told, bare = (entry(KEPT_ENTRY, box(kind, body, rest)) for rest in (b"Ada", bytes(3)))
    assert strip_heif(told) == bare


def test_the_coding_of_a_sample_entry_stays_without_bytes_after_it() -> None:
    coded = (
        (b"av1C", b"\x81\1\2\3\x0a\2ab"),
        (b"hvcC", bytes(range(1, 23)) + b"\1\x20\0\1\0\3abc"),
        (b"colr", b"nclx" + bytes(range(1, 8))),
    )
    told, bare = (entry(KEPT_ENTRY, *[box(kind, body, rest) for kind, body in coded]) for rest in (b"Ada", bytes(3)))
    assert strip_heif(told) == bare
    profile = entry(KEPT_ENTRY, box(b"colr", b"prof" + b"p" * 200))
    assert strip_heif(profile) == profile


@pytest.mark.parametrize("kind", [b"free", b"uuid", b"avcC", b"fiel", b"Ada!"])
def test_other_boxes_of_a_sample_entry_become_free_space(kind: bytes) -> None:
    assert strip_heif(entry(ENTRY, box(kind, b"Ada"))) == entry(KEPT_ENTRY, free(11))
