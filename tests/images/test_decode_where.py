"""Pictures whose decoders are risky are decoded in a process of their own, the others in this one."""

from __future__ import annotations

import importlib
import os
from types import SimpleNamespace
from typing import Any

import pytest

from shared.errors import DamagedImage, TooManyBytes
from shared.images.decode import Limits, decode
from shared.images.memory_budget import UNLIMITED, MemoryBudget
from shared.types import Image
from tests.pictures import COLOURED, png, png_chunk, scene

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows decodes in the process itself")

RISKY = ("tiff", "avif", "heif")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Return what is sent to the process of its own, which answers each with a picture."""
    orders: list[tuple[Any, ...]] = []

    def decode_apart(*order: Any) -> Image:
        orders.append(order)
        return Image(scene(), "from apart", 1, 1)

    monkeypatch.setattr(importlib.import_module("shared.images.decode_in_subprocess"), "decode", decode_apart)
    return orders


@pytest.mark.parametrize("kind", COLOURED)
def test_risky_picture_is_decoded_apart_and_a_plain_one_here(kind: str, sent: list[tuple[Any, ...]]) -> None:
    name, make = COLOURED[kind]
    content, budget = make(), MemoryBudget(1 << 30)
    image = decode(content, Limits(max_pixels=5_000), shrink_to_px=24, budget=budget)
    if name in RISKY or kind in ("WebP lossless", "WebP with alpha", "WebP animated"):
        assert sent == [(content, 5_000, 24, budget)]
        assert image.format == "from apart"
    else:
        assert sent == []
        assert (image.format, image.pixels.shape[1::-1]) == (name, (32, 24))


def test_decode_keeps_every_pixel_and_has_no_budget_unless_it_is_given_them(sent: list[tuple[Any, ...]]) -> None:
    content = COLOURED["TIFF"][1]()
    decode(content, Limits(len(content)))
    assert sent == [(content, 50_000_000, None, UNLIMITED)]


def test_size_is_checked_before_a_picture_is_sent(sent: list[tuple[Any, ...]]) -> None:
    content = COLOURED["TIFF"][1]()
    with pytest.raises(TooManyBytes):
        decode(content, Limits(len(content) - 1))
    assert sent == []


def test_system_without_limits_of_a_process_decodes_everything_here(
    sent: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module("shared.images.decode"), "os", SimpleNamespace(name="nt"))
    assert decode(COLOURED["TIFF"][1](), Limits()).format == "tiff"
    assert sent == []


@pytest.mark.parametrize("content", [b"GIF89a", b"BM", b"\xff\xd8\xff\xd9", b"\x89PNG\r\n\x1a\n", png(scene())[:60]])
def test_damage_that_cannot_be_repaired_is_raised_as_it_was_found(content: bytes) -> None:
    with pytest.raises(DamagedImage, match="truncated or broken"):
        decode(content, Limits())


@pytest.mark.parametrize(
    ("content", "number"),
    [(b"\xff\xd8\xff\xe0\xff\xd9", 1), (b"\xff\xd8\xff\xe0", 2), (b"\x89PNG\r\n\x1a\n", 1), (b"GIF89a", 1)],
)
def test_only_a_jpeg_without_its_end_is_decoded_once_more(
    content: bytes, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = importlib.import_module("shared.images.decode_in_process")
    decode_here, calls = here.decode, list[bytes]()

    def count(content: bytes, *order: Any) -> Any:
        calls.append(content)
        return decode_here(content, *order)

    monkeypatch.setattr(here, "decode", count)
    with pytest.raises(DamagedImage):
        decode(content, Limits())
    assert len(calls) == number


def test_png_is_repaired_without_what_its_pixels_do_not_need() -> None:
    bad = png_chunk(b"tEXt", b"Title\0garden")[:-4] + b"\0\1\2\3"
    assert decode(png(scene(), tail=bad), Limits()).pixels.tolist() == scene().tolist()
