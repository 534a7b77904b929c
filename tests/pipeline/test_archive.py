"""Names and content types of archived pictures."""

from __future__ import annotations

import hashlib
import mimetypes

import pytest

from shared.images.decode import EXTENSIONS, Limits, decode
from shared.pipeline.archive import archive_content_type, archive_name
from tests.pictures import COLOURED, encoded, scene

SHA256 = hashlib.sha256(b"a picture").hexdigest()


def test_archive_name_is_the_digest_in_one_of_256_folders() -> None:
    assert archive_name(SHA256, "jpeg") == f"{SHA256[:2]}/{SHA256}.jpg"


@pytest.mark.parametrize("format", EXTENSIONS)
def test_archive_content_type_is_that_of_the_extension(format: str) -> None:
    known = mimetypes.MimeTypes()
    known.add_type("image/avif", ".avif")  # Python 3.13 knows these by itself
    known.add_type("image/webp", ".webp")
    known.add_type("image/heif", ".heic")
    guessed, _ = known.guess_type(archive_name(SHA256, format))
    assert guessed
    assert archive_content_type(format) == guessed.replace("x-ms-", "")


@pytest.mark.parametrize("kind", COLOURED)
def test_archive_has_a_name_and_a_type_for_each_decodable_format(kind: str) -> None:
    format = decode(COLOURED[kind][1](), Limits()).format
    assert archive_name(SHA256, format).endswith(f".{EXTENSIONS[format]}")
    assert archive_content_type(format).startswith("image/")


def test_archive_names_are_equal_only_for_equal_files() -> None:
    names = [
        archive_name(hashlib.sha256(content).hexdigest(), "png")
        for content in (encoded(scene(), "PNG"), encoded(scene(), "PNG"), encoded(scene(8, 8), "PNG"))
    ]
    assert names[0] == names[1] != names[2]
