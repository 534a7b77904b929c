"""Stripping leaves no remark in any gap of a format that decoders ignore, or refuses the file."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from PIL import Image

from shared.errors import MetadataStays, Permanent
from shared.images.decode import Limits, decode
from shared.images.headers.boxes import boxes, items_of
from shared.images.memory_budget import UNLIMITED
from shared.images.metadata import strip as stripping
from shared.images.metadata.strip import strip_metadata
from tests.images.hidden_remarks import GAPS, filling_of, has_remark
from tests.pictures import encoded, scene, smooth

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:PIL"),
    pytest.mark.needs("process"),  # thousands of pictures go through the decoder's own processes
]

LIMITS = Limits()
FEWEST = {"JPEG": 400, "PNG": 500, "WebP": 70, "GIF": 15, "BMP": 10, "TIFF": 100, "HEIC and AVIF": 400}
"""Least files of each format that a decoder must accept, so that the test checks enough."""


@pytest.mark.parametrize("format", GAPS)
def test_strip_keeps_no_remark_in_any_gap_of_a_format(format: str) -> None:
    taken = 0
    refused: list[str] = []
    kept: list[str] = []
    for where, content in GAPS[format]():
        try:
            before = decode(content, LIMITS)
        except Permanent:
            continue  # which decoders do not pass over
        taken += 1
        try:
            bare = strip_metadata(content, before, LIMITS, shrink_to_px=None, budget=UNLIMITED)
        except MetadataStays:
            refused.append(where)
            continue
        if has_remark(bare) or ("filling" in where and bare[:2] == b"BM" and any(filling_of(bare))):
            kept.append(where)
        assert np.array_equal(decode(bare, LIMITS).pixels, before.pixels)
    assert kept == []
    assert taken >= FEWEST[format]
    assert len(refused) < taken / 2


def test_strip_keeps_only_the_shown_picture_of_a_heic() -> None:
    """A part that an edit cut off may be whole in another picture, or in a thumbnail."""
    frames = [Image.fromarray(smooth(64, 64, seed)) for seed in (1, 2)]
    content = encoded(frames[0], "HEIF", save_all=True, append_images=frames[1:])
    image = decode(content, LIMITS)
    bare = strip_metadata(content, image, LIMITS, shrink_to_px=None, budget=UNLIMITED)
    [meta] = [box for box in boxes(bare, 0, len(bare)) if box.kind == b"meta"]
    items = items_of(bare, meta)
    assert items is not None
    empty = {
        item: not any(any(bare[place.start : place.end]) for place in extents)
        for item, extents in items.extents.items()
    }
    assert len(empty) >= 2
    assert [item for item in empty if not empty[item]] == [items.primary]


def test_strip_corrects_the_flags_and_size_of_a_webp() -> None:
    exif = Image.Exif()
    exif[0x0112] = 1
    content = encoded(scene(), "WEBP", "RGBA", exif=exif.tobytes(), xmp=b"<x:xmpmeta/>")
    assert content[20] & 0x0C == 0x0C
    bare = strip_metadata(content, decode(content, LIMITS), LIMITS, shrink_to_px=None, budget=UNLIMITED)
    assert bare[20] & 0x0C == 0
    assert int.from_bytes(bare[4:8], "little") == len(bare) - 8


def _another(picture: bytes, *_: object) -> bytes:
    return picture


def test_strip_refuses_a_file_whose_pixels_would_change(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(scene(), "PNG")
    for other in (smooth(64, 48), scene(48, 64)):
        monkeypatch.setitem(stripping.STRIPPERS, "png", partial(_another, encoded(other, "PNG")))
        with pytest.raises(MetadataStays):
            strip_metadata(content, decode(content, LIMITS), LIMITS, shrink_to_px=None, budget=UNLIMITED)
