"""Stripping removes the metadata of an image file and keeps every pixel, colour and turn."""

from __future__ import annotations

import hashlib
import io
import struct
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from shared.errors import MetadataStays
from shared.images.decode import Limits, decode
from shared.images.memory_budget import UNLIMITED
from shared.images.metadata.strip import strip_metadata
from shared.pipeline.ids import ImageIds
from shared.pipeline.received_image import ReceivedImage
from shared.settings import Settings
from shared.types import Call, ImageFacts, Prediction, Source
from tests.pictures import COLOURED, COLOURS, GREY, encoded, oriented, scene, tiff
from tests.tell_tale_pictures import REMARK, TELLING, exif, told_in
from tests.worlds import World

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

LIMITS = Limits()
EVERYTHING = {**COLOURED, **GREY}


def stripped(content: bytes) -> bytes:
    return strip_metadata(content, decode(content, LIMITS), LIMITS, shrink_to_px=None, budget=UNLIMITED)


@pytest.mark.parametrize("kind", TELLING)
def test_strip_removes_metadata_and_keeps_pixels(kind: str) -> None:
    content = TELLING[kind]()
    assert told_in(content)
    bare = stripped(content)
    assert told_in(bare) == []
    before, after = decode(content, LIMITS), decode(bare, LIMITS)
    assert np.array_equal(before.pixels, after.pixels)
    assert (before.width_px, before.height_px) == (after.width_px, after.height_px)


@pytest.mark.parametrize("kind", TELLING)
def test_strip_leaves_no_metadata_for_other_readers(kind: str) -> None:
    with Image.open(io.BytesIO(stripped(TELLING[kind]()))) as picture:
        picture.load()
        metadata = picture.getexif()
        tags = {tag for tag in metadata if tag != ExifTags.Base.Orientation} - structural_tags(picture)
        assert tags == set()
        assert metadata.get_ifd(ExifTags.IFD.GPSInfo) == {}
        assert {"comment", "Author", "Comment", "Where", "photoshop"} & set(picture.info) == set()


def structural_tags(picture: Image.Image) -> set[int]:
    """Return the tags that a TIFF needs, which Pillow shows as EXIF."""
    return set(range(254, 297)) | set(range(317, 348)) if picture.format == "TIFF" else set()


@pytest.mark.parametrize("kind", EVERYTHING)
def test_strip_keeps_the_pixels_of_every_kind_of_file(kind: str) -> None:
    content = EVERYTHING[kind][1]()
    assert np.array_equal(decode(content, LIMITS).pixels, decode(stripped(content), LIMITS).pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_strip_keeps_the_orientation(format: str, orientation: int) -> None:
    content = oriented(scene(), format, orientation)
    assert np.array_equal(decode(content, LIMITS).pixels, decode(stripped(content), LIMITS).pixels)


def test_strip_keeps_a_jpegs_coded_pixels_and_colour_profile_byte_for_byte() -> None:
    content, bare = TELLING["JPEG"](), stripped(TELLING["JPEG"]())
    scan = content[content.index(b"\xff\xda") : content.rindex(b"\xff\xd9") + 2]
    assert bare.endswith(scan)
    with Image.open(io.BytesIO(bare)) as picture:
        assert picture.info["icc_profile"] == COLOURS


def test_strip_removes_a_thumbnail_inside_jfif() -> None:
    content = encoded(scene(), "JPEG")
    jfif = struct.pack(">BBH", 0xFF, 0xE0, 16 + 12) + content[6:18] + b"\x02\x02" + REMARK.encode()[:12]
    assert REMARK.encode()[:12] not in stripped(content[:2] + jfif + content[20:])


def test_strip_keeps_animation_and_loops() -> None:
    frames = [Image.new("RGB", (32, 24), colour) for colour in ("red", "green", "blue")]
    for format in ("GIF", "PNG", "WEBP"):
        content = encoded(frames[0], format, save_all=True, append_images=frames[1:], loop=3, duration=70)
        with Image.open(io.BytesIO(stripped(content))) as picture:
            assert (getattr(picture, "n_frames", 1), picture.info["loop"]) == (3, 3)


def test_strip_is_idempotent() -> None:
    for make in TELLING.values():
        assert stripped(stripped(make())) == stripped(make())


def test_strip_reads_big_tiff() -> None:
    content = encoded(scene(), "TIFF", big_tiff=True, exif=exif())
    assert told_in(content)
    assert told_in(stripped(content)) == []


def test_strip_refuses_a_tiff_with_overlapping_parts_before_it_grows() -> None:
    side, strips = 256, 128
    offsets, counts = struct.pack(f"<{strips}I", *[2048] * strips), struct.pack(f"<{strips}I", *[side * 6] * strips)
    body = (offsets + counts).ljust(1536, b"\0") + bytes(side * 6)
    tags = ((256, side), (257, side), (258, 8), (259, 1), (262, 2), (273, 512), (277, 3), (278, 2), (279, 1024))
    entries = tuple((tag, 4, strips if tag in (273, 279) else 1, value) for tag, value in tags)
    content = tiff(entries, body)
    with pytest.raises(MetadataStays, match="save it again with an image editor"):
        stripped(content)


def test_archive_names_a_stripped_file_by_its_digest_and_the_row_has_the_uploads(world: World) -> None:
    content = TELLING["JPEG"]()
    prediction = classified(world, content)
    bare = stripped(content)
    sha256 = hashlib.sha256(bare).hexdigest()
    assert world.names_in(world.archive) == [f"{sha256[:2]}/{sha256}.jpg"]
    assert world.store.read(world.store.find(world.archive, f"{sha256[:2]}/{sha256}.jpg").ref, 1 << 20) == bare
    assert prediction.archive_uri == f"gs://{world.archive}/{sha256[:2]}/{sha256}.jpg"
    assert prediction.image.sha256 == hashlib.sha256(content).hexdigest()


def test_archive_stores_files_that_differ_only_in_metadata_once(world: World) -> None:
    for orientation_free_remark in ("one", "two"):
        classified(world, encoded(scene(), "JPEG", comment=orientation_free_remark))
    assert len(world.names_in(world.archive)) == 1


def test_quarantine_has_an_upload_whose_metadata_cannot_be_stripped(world: World, tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> bytes:
        raise MetadataStays("It is built like no other.")

    world.put("odd.jpg", encoded(scene(), "JPEG"), tmp_path)
    pipeline = replace(world.pipeline, strip=refuse)
    upload = world.store.find(world.uploads, "odd.jpg")
    pipeline.process_upload(upload, Call(Source.EVENT, upload.ref.created_at))
    [row] = world.rows("rejected_uploads")
    assert row["reason"] == "metadata_stays"
    assert world.names_in(world.archive) == []


def test_strip_metadata_setting_is_off_by_default() -> None:
    needed = {"GOOGLE_CLOUD_PROJECT": "p", "UPLOAD_BUCKET": "aaa", "ARCHIVE_BUCKET": "bbb", "QUARANTINE_BUCKET": "ccc"}
    assert Settings.from_environment(needed).strip_metadata is False
    assert Settings.from_environment({**needed, "STRIP_METADATA": "True"}).strip_metadata is True


def classified(world: World, content: bytes) -> Prediction:
    """Classify a file as a request does, with a pipeline that strips."""
    pipeline = replace(world.pipeline, strip=strip_metadata)
    call = Call(Source.REQUEST, datetime.now(UTC))
    sha256 = hashlib.sha256(content).hexdigest()
    facts = ImageFacts(size_bytes=len(content), content_type=None, sha256=sha256)
    ids = ImageIds.of_request(None, None, 0, sha256, call.received_at)
    return pipeline.classify_image(ReceivedImage(content, facts, ids, call))
