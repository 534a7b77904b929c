"""The table's rows about picture files: bombs, false headers, animations, cut, joined and ambiguous files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.images.decode import EXTENSIONS
from tests.pictures import encoded, scene, with_giant_header
from tests.system.hostile import pictures
from tests.system.hostile.endpoints import Raw, Request, Upload
from tests.system.hostile.row import Row, event_row
from tests.system.hostile.texts import http

RAW = {"Content-Type": "application/octet-stream"}


def classify(content: bytes) -> Request:
    """Return a request with a picture as its body, answered and not recorded."""
    return Request(content, path="/v1/classify?record=false", headers=RAW)


def classify_later(make: Callable[..., bytes], *arguments: Any) -> Callable[[], Request]:
    """Return a function that makes the picture and its request; some pictures take seconds to make."""
    return lambda: classify(make(*arguments))


def half(format: str) -> bytes:
    return pictures.cut(encoded(scene(), format))


ACCEPTED = tuple(EXTENSIONS)
TOO_MANY = "413 too_many_pixels"
TOO_LONG = "413 too_many_bytes"
DAMAGED, NO_IMAGE = "422 damaged_image", "415 not_an_image"

BOMBS = (
    *(
        Row(f"a header of 60,000 x 60,000 pixels ({name})", classify_later(with_giant_header, name), TOO_MANY)
        for name in ACCEPTED
    ),
    *(
        Row(
            f"31 megapixels in a few kilobytes ({name}), more than memory has room for",
            classify_later(pictures.bomb, name),
            TOO_MANY,
        )
        for name in ("png", "webp", "gif", "bmp", "tiff")
    ),
    Row("31 megapixels as JPEG, which is decoded at an eighth", lambda: classify(pictures.bomb("jpeg")), "200"),
    event_row("100 megapixels in an event (png)", lambda: Upload("bomb.png", pictures.png_of_zeros(10_000, 10_000)),
        "quarantine: too_many_pixels"),
    Row("a text of 200 MB, packed, in a PNG; it is passed over",
        lambda: classify(pictures.png_with_bomb_in(b"zTXt")), "200"),
    Row("a colour profile of 200 MB, packed, in a PNG; likewise",
        lambda: classify(pictures.png_with_bomb_in(b"iCCP")), "200"),
    Row("a JPEG in 500 passes over its pixels", lambda: classify(pictures.jpeg_of_scans()), DAMAGED),
    Row("a JPEG that is not progressive, in 2,000 passes",
        lambda: classify(pictures.sequential_jpeg_of_scans(2000)), DAMAGED),
    Row("49 megapixels as such a JPEG, in 3 passes and 600 bytes",
        lambda: classify(pictures.sequential_jpeg_of_scans(3, 7000)), TOO_MANY),
    Row("an AVIF of 9 megapixels that declares 64 x 64",
        lambda: classify(pictures.avif_that_declares_less()), DAMAGED),
    Row("a TIFF whose next page is the same page", lambda: classify(pictures.looping_tiff()), "200"),
)  # fmt: skip

ANIMATIONS = (
    *(
        Row(f"{number:,} frames ({name})", classify_later(pictures.frames, name, number), "200")
        for name, number in (("GIF", 5000), ("WEBP", 1000), ("PNG", 1000), ("TIFF", 500))
    ),
    Row("a PNG that promises 4,294,967,295 frames", lambda: classify(pictures.animated_png_that_lies()), "200"),
)

CUT_AND_JOINED = (
    *(
        Row(f"the first half of a file ({name})", classify_later(half, name.upper()),
            DAMAGED)
        for name in ACCEPTED
    ),
    event_row("a JPEG cut in the middle, as an event",
        lambda: Upload("cut.jpg", pictures.cut(encoded(scene(), "JPEG"))), "quarantine: damaged_image"),
    Row("a JPEG without its end marker", lambda: classify(encoded(scene(), "JPEG")[:-2]), "200"),
    Row("a PNG whose remark has a wrong checksum", lambda: classify(pictures.png_with_bad_text()), "200"),
    Row("two JPEG files one after the other", lambda: classify(encoded(scene(), "JPEG") * 2), "200"),
    Row("a PNG and a JPEG after it", lambda: classify(encoded(scene(), "PNG") + encoded(scene(), "JPEG")), "200"),
    Row("no bytes at all", lambda: Request(b"", headers=RAW), "400 bad_request"),
    event_row("an object of no bytes", lambda: Upload("empty.jpg", b""), "quarantine: not_an_image"),
    Row("one byte", lambda: classify(b"\xff"), NO_IMAGE),
    Row("a kilobyte of zeros", lambda: classify(bytes(1024)), NO_IMAGE),
    Row("a PNG of 0 x 0 pixels", lambda: classify(pictures.png_of_size(0, 0)), DAMAGED),
    Row("a PNG of 1 x 4,294,967,295 pixels", lambda: classify(pictures.png_of_size(1, 0xFFFFFFFF)), TOO_MANY),
    Row("a PNG that declares more lines than it has; they are black",
        lambda: classify(pictures.png_of_size(64, 480)), "200"),
    Row("a BMP of a negative width", lambda: classify(pictures.turned_upside_down_bmp()), TOO_MANY),
)  # fmt: skip

CHIMERAS = (
    Row("a PNG that is a ZIP as well", lambda: classify(pictures.png_and_zip()), "200"),
    Row("a JPEG with a page and a script in its comment", lambda: classify(pictures.jpeg_and_page()), "200"),
    Row("JavaScript that begins like a GIF", lambda: classify(pictures.gif_and_script()), DAMAGED),
    Row("a PDF with a JPEG in it", lambda: classify(pictures.pdf_and_jpeg()), NO_IMAGE),
    Row("a camera's RAW file", lambda: classify(b"II*\0\x10\0\0\0CR\2\0" + bytes(99)), NO_IMAGE),
    Row("a JPEG XL file", lambda: classify(b"\xff\x0a" + bytes(99)), NO_IMAGE),
    Row("an SVG with a script", lambda: classify(b"<svg onload='alert(1)'/>"), NO_IMAGE),
    Row("PostScript, which an image library may run",
        lambda: classify(b"%!PS-Adobe-3.0 EPSF-3.0\n(x) show\n"), NO_IMAGE),
    event_row("a shell script named as a JPEG, as an event",
        lambda: Upload("photo.jpg", b"#!/bin/sh\nrm -rf ~\n"), "quarantine: not_an_image"),
    event_row("a PNG that claims to be a page, as an event",
        lambda: Upload("page.html", encoded(scene(), "PNG"), content_type="text/html"), "predicted"),
)  # fmt: skip

SIZES = (
    Row("1 GB is announced, nothing is sent",
        lambda: Raw((http("POST /v1/classify HTTP/1.1", "Content-Length: 1073741824"),)), TOO_LONG),
    Row("1 GB in pieces without an announced length",
        lambda: Raw((http("POST /v1/classify HTTP/1.1", "Transfer-Encoding: chunked"), b"40000000\r\n", b"x" * 65536)),
        "400 bad_request"),
    Row("33 MB in a request", lambda: classify(b"x" * (33 << 20)), TOO_LONG),
    Row("21 MB in a request", lambda: classify(b"\xff\xd8\xff" + bytes(21 << 20)), TOO_LONG),
    event_row("an event of an object of 1 GB, which is not read",
        lambda: Upload("huge.jpg", b"only its event says so", size_bytes=1 << 30), "quarantine: too_many_bytes"),
)  # fmt: skip

ROWS = (*BOMBS, *ANIMATIONS, *CUT_AND_JOINED, *CHIMERAS, *SIZES)
