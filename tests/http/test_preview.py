"""``POST /v1/preview``: a small JPEG of a picture that a browser cannot show, within the usual limits."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import requests
from PIL import Image
from pillow_heif import register_heif_opener

from tests.http.conftest import MakeClient
from tests.worlds import World

register_heif_opener()


def encoded(format: str, size: tuple[int, int] = (1600, 1200), **options: object) -> bytes:
    """Return a picture that is red above and blue below."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[: size[1] // 2, :, 0] = 255
    pixels[size[1] // 2 :, :, 2] = 255
    content = BytesIO()
    Image.fromarray(pixels).save(content, format, **options)
    return content.getvalue()


@pytest.mark.parametrize("format", ["HEIF", "TIFF", "JPEG", "PNG"])
def test_preview_is_a_small_jpeg_of_the_whole_picture(url: str, format: str) -> None:
    answer = requests.post(f"{url}/v1/preview", encoded(format), timeout=30)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    shown = Image.open(BytesIO(answer.content))
    assert shown.format == "JPEG"
    assert max(shown.size) <= 1024
    assert shown.size[0] / shown.size[1] == pytest.approx(4 / 3, abs=0.01)
    above, below = (np.asarray(shown)[row, shown.width // 2] for row in (10, shown.height - 10))
    assert above[0] > 200
    assert below[2] > 200


def test_preview_is_upright_and_without_metadata(url: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # turned by 180 degrees
    exif[0x010E] = "at home"
    answer = requests.post(f"{url}/v1/preview", encoded("JPEG", exif=exif), timeout=30)
    shown = Image.open(BytesIO(answer.content))
    assert np.asarray(shown)[10, shown.width // 2][2] > 200
    assert not shown.getexif()


def test_preview_of_an_object_needs_a_readable_bucket(client_with: MakeClient, world: World) -> None:
    client = client_with()
    world.overwrite(world.uploads, "scan.tiff", encoded("TIFF"))
    world.overwrite(world.quarantine, "scan.tiff", encoded("TIFF"))
    shown = client.post("/v1/preview", json={"uri": f"gs://{world.uploads}/scan.tiff"})
    assert (shown.status_code, shown.content_type) == (200, "image/jpeg")
    assert client.post("/v1/preview", json={"uri": f"gs://{world.quarantine}/scan.tiff"}).status_code == 403


def test_preview_records_and_archives_nothing(client_with: MakeClient, world: World) -> None:
    assert client_with().post("/v1/preview", data=encoded("TIFF")).status_code == 200
    assert world.names_in(world.archive) == []


@pytest.mark.parametrize(
    ("content", "status", "settings"),
    [
        pytest.param(b"", 400, {}, id="empty"),
        pytest.param(b"no picture", 415, {}, id="no picture"),
        pytest.param(encoded("JPEG")[:600], 422, {}, id="cut off"),
        pytest.param(encoded("BMP"), 413, {"MAX_IMAGE_BYTES": "1000"}, id="too many bytes"),
        pytest.param(encoded("TIFF"), 413, {"MAX_IMAGE_PIXELS": "1000"}, id="too many pixels"),
        pytest.param(encoded("TIFF"), 429, {"MAX_IMAGES_PER_MINUTE": "1"}, id="too often"),
    ],
)
def test_preview_has_the_limits_of_classification(
    client_with: MakeClient, content: bytes, status: int, settings: dict[str, str]
) -> None:
    client = client_with(**settings)
    for _ in range(3 if status == 429 else 1):
        answer = client.post("/v1/preview", data=content)
    assert answer.status_code == status
    assert answer.get_json()["error"]["message"]
