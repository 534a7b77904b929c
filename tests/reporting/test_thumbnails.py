"""A thumbnail is small and has nothing of the file but its pixels; a picture that cannot be read has a sentence."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from shared.errors import StorageUnavailable
from shared.images.decode import Limits
from shared.reporting.thumbnails import EDGE_PX, thumbnail_of
from shared.types import ObjectRef, Upload
from tests.memory.object_store import MemoryStore
from tests.reporting.period_rows import ARCHIVE, jpeg


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.create_bucket(ARCHIVE)
    return store


def test_thumbnail_is_small_and_without_metadata(store: MemoryStore) -> None:
    picture = Image.new("RGB", (1200, 600), "red")
    exif = Image.Exif()
    exif[0x010E] = "a secret garden"
    content = io.BytesIO()
    picture.save(content, "JPEG", exif=exif, comment=b"a secret garden")
    store.put(ARCHIVE, "aa/a.jpg", content.getvalue())
    thumbnail = thumbnail_of(store, f"gs://{ARCHIVE}/aa/a.jpg")
    assert thumbnail.jpeg is not None
    assert b"secret" not in thumbnail.jpeg
    small = Image.open(io.BytesIO(thumbnail.jpeg))
    assert (small.format, small.size) == ("JPEG", (EDGE_PX, EDGE_PX // 2))
    assert not small.getexif()


@pytest.mark.parametrize(
    ("uri", "limits", "sentence"),
    [
        (f"gs://{ARCHIVE}/aa/gone.jpg", Limits(), "The archive no longer has this picture."),
        (f"gs://{ARCHIVE}/aa/text.jpg", Limits(), "This picture cannot be decoded within the limits."),
        (f"gs://{ARCHIVE}/aa/cut.jpg", Limits(), "This picture cannot be decoded within the limits."),
        (f"gs://{ARCHIVE}/aa/whole.jpg", Limits(max_bytes=10), "This picture cannot be decoded within the limits."),
        (f"gs://{ARCHIVE}/aa/whole.jpg", Limits(max_pixels=10), "This picture cannot be decoded within the limits."),
        ("https://example.com/a.jpg", Limits(), "This picture cannot be decoded within the limits."),
    ],
)
def test_picture_that_cannot_be_read_has_a_sentence(
    store: MemoryStore, uri: str, limits: Limits, sentence: str
) -> None:
    store.put(ARCHIVE, "aa/text.jpg", b"no picture")
    store.put(ARCHIVE, "aa/cut.jpg", jpeg()[:400])
    store.put(ARCHIVE, "aa/whole.jpg", jpeg())
    thumbnail = thumbnail_of(store, uri, limits)
    assert (thumbnail.jpeg, thumbnail.fault) == (None, sentence)


def test_archive_that_does_not_answer_costs_one_picture_and_not_the_report() -> None:
    class Unavailable(MemoryStore):
        def find(self, bucket: str, name: str) -> Upload:
            raise StorageUnavailable(f"no answer for {ObjectRef(bucket, name, 1)}")

    thumbnail = thumbnail_of(Unavailable(), f"gs://{ARCHIVE}/aa/a.jpg")
    assert thumbnail.fault == "The archive did not return this picture."
