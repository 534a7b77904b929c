"""Stripping refuses a file whose metadata cannot be separated from its picture, with one sentence for any cause."""

from __future__ import annotations

import struct
import zlib
from functools import partial

import pytest

from shared.errors import Busy, MetadataStays, Permanent
from shared.images.decode import Limits, decode
from shared.images.memory_budget import UNLIMITED
from shared.images.metadata import strip as stripping
from shared.images.metadata.strip import strip_metadata
from tests.pictures import encoded, scene

LIMITS = Limits()
SENTENCE = (
    "The picture's metadata cannot be removed from this {format} without changing its pixels, and this "
    "service keeps no metadata; save it again with an image editor."
)


def _another(picture: bytes, *_: object) -> bytes:
    return picture


def raising(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let the stripper of PNG meet an error."""

    def fail(content: bytes, orientation: int) -> bytes:
        raise error

    monkeypatch.setitem(stripping.STRIPPERS, "png", fail)


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), KeyError("x"), IndexError("x"), struct.error("x"), zlib.error("x"), Permanent("x")],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_the_file_is_a_refusal(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    content = encoded(scene(), "PNG")
    image = decode(content, LIMITS)
    raising(monkeypatch, error)
    with pytest.raises(MetadataStays) as refused:
        strip_metadata(content, image, LIMITS, shrink_to_px=None, budget=UNLIMITED)
    assert str(refused.value) == SENTENCE.format(format="PNG")
    assert refused.value.__cause__ is error


@pytest.mark.parametrize(
    "error", [MemoryError(), TypeError("x"), OSError("x"), Busy("x")], ids=lambda error: type(error).__name__
)
def test_an_error_of_the_service_is_none_of_the_file(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    content = encoded(scene(), "PNG")
    image = decode(content, LIMITS)
    raising(monkeypatch, error)
    with pytest.raises(type(error)) as met:
        strip_metadata(content, image, LIMITS, shrink_to_px=None, budget=UNLIMITED)
    assert met.value is error


def test_a_file_of_another_format_size_or_other_pixels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(scene(), "PNG")
    image = decode(content, LIMITS)
    turned, changed = scene(48, 64), scene().copy()
    changed[-1, -1, -1] ^= 1
    for other in (encoded(scene(), "BMP"), encoded(turned, "PNG"), encoded(changed, "PNG"), b"", content[:60]):
        monkeypatch.setitem(stripping.STRIPPERS, "png", partial(_another, other))
        with pytest.raises(MetadataStays) as refused:
            strip_metadata(content, image, LIMITS, shrink_to_px=None, budget=UNLIMITED)
        assert str(refused.value) == SENTENCE.format(format="PNG")
    same = encoded(scene(), "PNG", compress_level=1)
    monkeypatch.setitem(stripping.STRIPPERS, "png", partial(_another, same))
    assert strip_metadata(content, image, LIMITS, shrink_to_px=None, budget=UNLIMITED) == same
