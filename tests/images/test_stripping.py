"""Stripping: what a picture's file tells about people goes, and every pixel, colour and turn stays."""

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
from shared.images.metadata.strip import without_metadata
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
    return without_metadata(content, decode(content, LIMITS), LIMITS, shrink_to_px=None, budget=UNLIMITED)


@pytest.mark.parametrize("kind", TELLING)
def test_nothing_that_the_file_tells_is_left_and_the_pixels_are(kind: str) -> None:
    content = TELLING[kind]()
    assert told_in(content)
    bare = stripped(content)
    assert told_in(bare) == []
    before, after = decode(content, LIMITS), decode(bare, LIMITS)
    assert np.array_equal(before.pixels, after.pixels)
    assert (before.width_px, before.height_px) == (after.width_px, after.height_px)


@pytest.mark.parametrize("kind", TELLING)
def test_other_readers_find_no_metadata_either(kind: str) -> None:
    with Image.open(io.BytesIO(stripped(TELLING[kind]()))) as picture:
        picture.load()
        found = picture.getexif()
        told = {tag for tag in found if tag != ExifTags.Base.Orientation} - structural_tags(picture)
        assert told == set()
        assert found.get_ifd(ExifTags.IFD.GPSInfo) == {}
        assert {"comment", "Author", "Comment", "Where", "photoshop"} & set(picture.info) == set()


def structural_tags(picture: Image.Image) -> set[int]:
    """A TIFF's own tags are its EXIF."""
    return set(range(254, 297)) | set(range(317, 348)) if picture.format == "TIFF" else set()


@pytest.mark.parametrize("kind", EVERYTHING)
def test_every_kind_of_file_can_be_stripped_without_touching_a_pixel(kind: str) -> None:
    content = EVERYTHING[kind][1]()
    assert np.array_equal(decode(content, LIMITS).pixels, decode(stripped(content), LIMITS).pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_the_orientation_survives(format: str, orientation: int) -> None:
    content = oriented(scene(), format, orientation)
    assert np.array_equal(decode(content, LIMITS).pixels, decode(stripped(content), LIMITS).pixels)


def test_jpeg_keeps_its_coded_pixels_and_its_colour_profile_byte_for_byte() -> None:
    content, bare = TELLING["JPEG"](), stripped(TELLING["JPEG"]())
    scan = content[content.index(b"\xff\xda") : content.rindex(b"\xff\xd9") + 2]
    assert bare.endswith(scan)
    with Image.open(io.BytesIO(bare)) as picture:
        assert picture.info["icc_profile"] == COLOURS


def test_a_thumbnail_inside_jfif_goes() -> None:
    content = encoded(scene(), "JPEG")
    jfif = struct.pack(">BBH", 0xFF, 0xE0, 16 + 12) + content[6:18] + b"\x02\x02" + REMARK.encode()[:12]
    assert REMARK.encode()[:12] not in stripped(content[:2] + jfif + content[20:])


def test_animation_and_loops_stay() -> None:
    frames = [Image.new("RGB", (32, 24), colour) for colour in ("red", "green", "blue")]
    for format in ("GIF", "PNG", "WEBP"):
        content = encoded(frames[0], format, save_all=True, append_images=frames[1:], loop=3, duration=70)
        with Image.open(io.BytesIO(stripped(content))) as picture:
            assert (picture.n_frames, picture.info["loop"]) == (3, 3)


def test_stripping_twice_is_stripping_once() -> None:
    for make in TELLING.values():
        assert stripped(stripped(make())) == stripped(make())


def test_big_tiff_is_understood() -> None:
    content = encoded(scene(), "TIFF", big_tiff=True, exif=exif())
    assert told_in(content)
    assert told_in(stripped(content)) == []


def test_a_tiff_whose_parts_lie_over_each_other_is_refused_before_it_grows() -> None:
    side, strips = 256, 128
    offsets, counts = struct.pack(f"<{strips}I", *[2048] * strips), struct.pack(f"<{strips}I", *[side * 6] * strips)
    body = (offsets + counts).ljust(1536, b"\0") + bytes(side * 6)
    tags = ((256, side), (257, side), (258, 8), (259, 1), (262, 2), (273, 512), (277, 3), (278, 2), (279, 1024))
    entries = tuple((tag, 4, strips if tag in (273, 279) else 1, value) for tag, value in tags)
    content = tiff(entries, body)
    with pytest.raises(MetadataStays, match="save it again with an image editor"):
        stripped(content)


def test_what_is_archived_is_named_after_itself_and_the_row_keeps_the_digest_of_what_was_sent(world: World) -> None:
    content = TELLING["JPEG"]()
    prediction = answered(world, content)
    bare = stripped(content)
    sha256 = hashlib.sha256(bare).hexdigest()
    assert world.names_in(world.archive) == [f"{sha256[:2]}/{sha256}.jpg"]
    assert world.store.read(world.store.find(world.archive, f"{sha256[:2]}/{sha256}.jpg").ref, 1 << 20) == bare
    assert prediction.archive_uri == f"gs://{world.archive}/{sha256[:2]}/{sha256}.jpg"
    assert prediction.image.sha256 == hashlib.sha256(content).hexdigest()


def test_two_files_that_differ_in_their_metadata_only_are_archived_once(world: World) -> None:
    for orientation_free_remark in ("one", "two"):
        answered(world, encoded(scene(), "JPEG", comment=orientation_free_remark))
    assert len(world.names_in(world.archive)) == 1


def test_an_upload_whose_metadata_stays_is_in_quarantine_and_not_in_the_archive(world: World, tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> bytes:
        raise MetadataStays("It is built like no other.")

    world.put("odd.jpg", encoded(scene(), "JPEG"), tmp_path)
    pipeline = replace(world.pipeline, strip=refuse)
    upload = world.store.find(world.uploads, "odd.jpg")
    pipeline.process_upload(upload, Call(Source.EVENT, upload.ref.created_at))
    [row] = world.rows("rejected_uploads")
    assert row["reason"] == "metadata_stays"
    assert world.names_in(world.archive) == []


def test_files_are_archived_as_they_came_unless_the_setting_says_otherwise() -> None:
    needed = {"GOOGLE_CLOUD_PROJECT": "p", "UPLOAD_BUCKET": "aaa", "ARCHIVE_BUCKET": "bbb", "QUARANTINE_BUCKET": "ccc"}
    assert Settings.from_environment(needed).strip_metadata is False
    assert Settings.from_environment({**needed, "STRIP_METADATA": "True"}).strip_metadata is True


def answered(world: World, content: bytes) -> Prediction:
    """Classify a file as a request does, with a pipeline that strips."""
    pipeline = replace(world.pipeline, strip=without_metadata)
    call = Call(Source.REQUEST, datetime.now(UTC))
    sha256 = hashlib.sha256(content).hexdigest()
    facts = ImageFacts(size_bytes=len(content), content_type=None, sha256=sha256)
    ids = ImageIds.of_request(None, None, 0, sha256, call.received_at)
    return pipeline.classify_image(ReceivedImage(content, facts, ids, call))
