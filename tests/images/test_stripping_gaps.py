"""Nothing stays of a remark in any gap of any format that decoders pass over; what cannot be told apart is refused."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from shared.errors import MetadataStays, Permanent
from shared.images.decode import Limits, decode
from shared.images.headers.boxes import boxes, items_of
from shared.images.memory_budget import UNLIMITED
from shared.images.metadata import strip as stripping
from shared.images.metadata.strip import without_metadata
from tests.images.gaps import GAPS, filling_of, is_told
from tests.pictures import encoded, scene, smooth

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:PIL"),
    pytest.mark.needs("process"),  # thousands of pictures go through the decoder's own processes
]

LIMITS = Limits()
FEWEST = {"JPEG": 400, "PNG": 500, "WebP": 70, "GIF": 15, "BMP": 10, "TIFF": 100, "HEIC and AVIF": 400}
"""Files of each format that a decoder takes, so that the test means something."""


@pytest.mark.parametrize("format", GAPS)
def test_no_gap_of_a_format_keeps_a_remark(format: str) -> None:
    taken = 0
    refused: list[str] = []
    told: list[str] = []
    for where, content in GAPS[format]():
        try:
            before = decode(content, LIMITS)
        except Permanent:
            continue  # which decoders do not pass over
        taken += 1
        try:
            bare = without_metadata(content, before, LIMITS, shrink_to_px=None, budget=UNLIMITED)
        except MetadataStays:
            refused.append(where)
            continue
        if is_told(bare) or ("filling" in where and bare[:2] == b"BM" and any(filling_of(bare))):
            told.append(where)
        assert np.array_equal(decode(bare, LIMITS).pixels, before.pixels)
    assert told == []
    assert taken >= FEWEST[format]
    assert len(refused) < taken / 2


def test_a_heic_of_several_pictures_keeps_the_one_that_is_shown() -> None:
    """What an edit cut off may be whole in another picture, or in a thumbnail."""
    frames = [Image.fromarray(smooth(64, 64, seed)) for seed in (1, 2)]
    content = encoded(frames[0], "HEIF", save_all=True, append_images=frames[1:])
    image = decode(content, LIMITS)
    bare = without_metadata(content, image, LIMITS, shrink_to_px=None, budget=UNLIMITED)
    [meta] = [box for box in boxes(bare, 0, len(bare)) if box.kind == b"meta"]
    items = items_of(bare, meta)
    assert items is not None
    empty = {
        item: not any(any(bare[place.start : place.end]) for place in places) for item, places in items.places.items()
    }
    assert len(empty) >= 2
    assert [item for item in empty if not empty[item]] == [items.primary]


def test_what_a_webp_says_of_itself_is_true_afterwards() -> None:
    exif = Image.Exif()
    exif[0x0112] = 1
    content = encoded(scene(), "WEBP", "RGBA", exif=exif.tobytes(), xmp=b"<x:xmpmeta/>")
    assert content[20] & 0x0C == 0x0C
    bare = without_metadata(content, decode(content, LIMITS), LIMITS, shrink_to_px=None, budget=UNLIMITED)
    assert bare[20] & 0x0C == 0
    assert int.from_bytes(bare[4:8], "little") == len(bare) - 8


def test_a_stripped_file_that_shows_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(scene(), "PNG")
    for other in (smooth(64, 48), scene(48, 64)):
        wrong = encoded(other, "PNG")
        monkeypatch.setitem(stripping.STRIPPED, "png", lambda _, __, wrong=wrong: wrong)
        with pytest.raises(MetadataStays):
            without_metadata(content, decode(content, LIMITS), LIMITS, shrink_to_px=None, budget=UNLIMITED)
