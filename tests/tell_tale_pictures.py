"""Make pictures whose files reveal where, when and by whom they were taken, wherever their format can hold it."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from tests.pictures import COLOURS, encoded, png_chunk, scene

TOLD = (b"Ada Lovelace", b"Kodak-Instamatic-7", b"2026:11:21 08:15:30", b"KEEP-THIS-HOME", b"48.8583")
"""Texts that no row, log or answer may hold: the artist, the camera, the moment, a remark, a place."""

ARTIST, CAMERA, MOMENT, REMARK, PLACE = (text.decode() for text in TOLD)
LATITUDE = (48.0, 51.0, 29.88)
LATITUDE_BYTES = struct.pack(">II", 2988, 100), struct.pack("<II", 2988, 100), struct.pack("<II", 747, 25)
"""29.88 seconds as EXIF's fraction, in either byte order, reduced or not."""

XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    f'<rdf:Description exif:GPSLatitude="{PLACE}" dc:creator="{ARTIST}"/></rdf:RDF></x:xmpmeta>'
).encode()


def exif(orientation: int = 6) -> bytes:
    """Return EXIF with a camera, an artist, a moment, a place and a thumbnail's worth of a maker's note."""
    exif_tags = Image.Exif()
    exif_tags[ExifTags.Base.Orientation] = orientation
    exif_tags[ExifTags.Base.Make] = CAMERA
    exif_tags[ExifTags.Base.Artist] = ARTIST
    exif_tags[ExifTags.Base.DateTime] = MOMENT
    exif_tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] = REMARK.encode() * 20
    exif_tags.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: LATITUDE, 3: "E", 4: (2.0, 17.0, 40.0)})
    return exif_tags.tobytes()


def telling_jpeg() -> bytes:
    """Return a JPEG with EXIF, XMP, IPTC, a comment, and a remark after the end."""
    content = encoded(scene(), "JPEG", quality=92, exif=exif(), xmp=XMP, comment=REMARK, icc_profile=COLOURS)
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(REMARK)) + REMARK.encode()
    at = content.index(b"\xff\xdb")
    segment = struct.pack(">BBH", 0xFF, 0xED, len(iptc) + 2) + iptc
    return content[:at] + segment + content[at:] + REMARK.encode()


def telling_mpo() -> bytes:
    """Return a JPEG whose second picture has all of it too."""
    first, second = Image.fromarray(scene()), Image.new("RGB", (64, 48))
    second.info["comment"] = REMARK.encode()
    return encoded(first, "MPO", save_all=True, append_images=[second], exif=exif(), quality=92)


def telling_png() -> bytes:
    """Return a PNG with EXIF, three kinds of text, a time, and a remark after the end."""
    text = PngInfo()
    text.add_text("Author", ARTIST)
    text.add_text("Comment", REMARK * 50, zip=True)
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    content = encoded(scene(), "PNG", exif=exif(), pnginfo=text)
    end = content.rindex(b"IEND") - 4
    return content[:end] + png_chunk(b"tEXt", b"Where\0" + PLACE.encode()) + content[end:] + REMARK.encode()


def telling_webp() -> bytes:
    """Return a WebP with EXIF, XMP, and a chunk of an unknown kind."""
    content = encoded(scene(), "WEBP", lossless=True, exif=exif(), xmp=XMP)
    more = b"NOTE" + struct.pack("<I", len(REMARK)) + REMARK.encode()
    return b"RIFF" + struct.pack("<I", len(content) - 8 + len(more)) + content[8:] + more


def telling_gif() -> bytes:
    """Return a GIF with a comment, and another program's block."""
    content = encoded(Image.fromarray(scene()).quantize(8), "GIF", comment=REMARK)
    block = b"\x21\xff\x0bSomeProgram" + bytes([len(ARTIST)]) + ARTIST.encode() + b"\0"
    return content[:-1] + block + b";" + REMARK.encode()


def telling_tiff() -> bytes:
    """Return a TIFF with tags for all of it, EXIF's and the GPS directory, XMP and IPTC."""
    exif_tags = Image.Exif()
    exif_tags.load(exif())
    for tag, value in ((270, REMARK), (305, REMARK), (315, ARTIST), (33432, ARTIST)):
        exif_tags[tag] = value
    tags = {700: XMP, 33723: REMARK.encode()}
    picture = Image.fromarray(scene())
    content = io.BytesIO()
    picture.save(content, "TIFF", exif=exif_tags, tiffinfo=tags | dict(exif_tags), compression="tiff_lzw")
    return content.getvalue()


def telling_avif() -> bytes:
    """Return an AVIF with EXIF and XMP."""
    return encoded(scene(), "AVIF", exif=exif(), xmp=XMP, speed=10)


def telling_heic() -> bytes:
    """Return a HEIC with EXIF and XMP, and a box after the picture, where telephones keep a film."""
    content = encoded(scene(), "HEIF", exif=exif(), xmp=XMP)
    return content + struct.pack(">I4s", 8 + len(REMARK), b"mpvd") + REMARK.encode()


TELLING: dict[str, Callable[[], bytes]] = {
    "JPEG": telling_jpeg,
    "JPEG of several pictures": telling_mpo,
    "PNG": telling_png,
    "WebP": telling_webp,
    "GIF": telling_gif,
    "TIFF": telling_tiff,
    "AVIF": telling_avif,
    "HEIC": telling_heic,
}


def told_in(content: bytes) -> list[bytes]:
    """Return the private texts that a file still holds."""
    return [secret for secret in (*TOLD, *LATITUDE_BYTES) if secret in content]
