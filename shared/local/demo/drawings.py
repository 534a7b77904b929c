"""Drawings of flowers, one for each label of the reference model, equal on every machine."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE_PX = 480
CENTRE = SIZE_PX / 2
OVERSAMPLING = 2
"""Oversampling: a drawing is made this many times larger and then reduced, for smooth edges."""

Colour = tuple[int, int, int]
Random = np.random.Generator


def drawings() -> dict[str, Image.Image]:
    """Return the drawings by label, each RGB and ``SIZE_PX`` square."""
    pens: dict[str, Callable[[Random], Image.Image]] = {
        "daisy": _daisy,
        "dandelion": _dandelion,
        "roses": _rose,
        "sunflowers": _sunflower,
        "tulips": _tulips,
    }
    return {label: _photographed(pen(_random(label)), _random(label)) for label, pen in pens.items()}


def _daisy(random: Random) -> Image.Image:
    canvas = _meadow(random, (58, 104, 44))
    for turn in np.linspace(0, math.tau, 26, endpoint=False):
        shade = int(random.integers(225, 256))
        _petal(canvas, CENTRE, CENTRE, turn + random.normal(0, 0.04), 60, 185, 17, (shade, shade, min(255, shade + 4)))
    _speckled_disc(canvas, random, 62, (240, 190, 30), (205, 140, 10))
    return canvas


def _sunflower(random: Random) -> Image.Image:
    canvas = _sky()
    _stem(canvas, CENTRE, CENTRE, 16, (70, 120, 40))
    for length, tint in ((205, (235, 160, 10)), (180, (252, 196, 22))):
        for turn in np.linspace(0, math.tau, 21, endpoint=False) + length:
            colour = _shaded(random, tint, 14)
            _petal(canvas, CENTRE, CENTRE, turn + random.normal(0, 0.05), 70, length, 21, colour)
    _speckled_disc(canvas, random, 98, (70, 42, 20), (120, 80, 30))
    return canvas


def _dandelion(random: Random) -> Image.Image:
    canvas = _meadow(random, (62, 120, 40))
    _stem(canvas, CENTRE, CENTRE, 9, (120, 150, 70))
    for length, count in ((165, 90), (135, 80), (100, 70), (65, 60), (32, 40)):
        for turn in random.uniform(0, math.tau, count):
            colour = _shaded(random, (250, 205, 20 + (165 - length) // 8), 18)
            _petal(canvas, CENTRE, CENTRE, turn, 4, length * random.uniform(0.9, 1.08), 5, colour)
    return canvas


def _rose(random: Random) -> Image.Image:
    canvas = _meadow(random, (30, 62, 30))
    pen = ImageDraw.Draw(canvas)
    golden = math.pi * (3 - math.sqrt(5))
    for index in range(46):
        share = 1 - index / 46
        radius, turn = 120 * share, index * golden
        x, y = CENTRE + math.cos(turn) * radius, CENTRE + math.sin(turn) * radius * 0.92
        reach = 34 + 62 * share
        tint = _shaded(random, (int(150 + 70 * share), int(12 + 26 * share), int(34 + 30 * share)), 10)
        edge = tuple(max(0, value - 52) for value in tint)
        box = [OVERSAMPLING * value for value in (x - reach, y - reach * 0.86, x + reach, y + reach * 0.86)]
        pen.ellipse(box, fill=tint, outline=edge, width=3 * OVERSAMPLING)
    for ring in range(5):
        reach = 46 - ring * 9
        box = [OVERSAMPLING * value for value in (CENTRE - reach, CENTRE - reach, CENTRE + reach, CENTRE + reach)]
        start = ring * 77
        pen.arc(box, start, start + 250, fill=(92, 2, 18), width=4 * OVERSAMPLING)
    return canvas


def _tulips(random: Random) -> Image.Image:
    canvas = _meadow(random, (74, 128, 62))
    for x, y, scale in ((110, 150, 0.8), (365, 130, 0.82), (240, 200, 1.15)):
        _stem(canvas, x, y, 10 * scale, (88, 140, 62))
        _leaf(canvas, x, scale)
        tint = _shaded(random, (218, 38, 52), 10)
        front = _shaded(random, (244, 64, 78), 6)
        for turn, width, shift, colour in ((-0.32, 40, -26, tint), (0.32, 40, 26, tint), (0.0, 46, 0, front)):
            top = -math.pi / 2 + turn
            _petal(canvas, x + shift * scale, y + 62 * scale, top, 0, 150 * scale, width * scale, colour)
    return canvas


def _meadow(random: Random, tint: Colour) -> Image.Image:
    """Draw grass out of focus: blurred blades of many greens."""
    canvas = Image.new("RGB", (SIZE_PX * OVERSAMPLING, SIZE_PX * OVERSAMPLING), tint)
    pen = ImageDraw.Draw(canvas)
    for _ in range(900):
        x, y = random.uniform(0, SIZE_PX * OVERSAMPLING, 2)
        length, lean = random.uniform(40, 160), random.normal(0, 30)
        pen.line((x, y, x + lean, y - length), fill=_shaded(random, tint, 34), width=int(random.integers(4, 14)))
    return canvas.filter(ImageFilter.GaussianBlur(9))


def _sky() -> Image.Image:
    rows = np.linspace(0, 1, SIZE_PX * OVERSAMPLING)[:, None, None]
    colours = (1 - rows) * np.array([92, 148, 220]) + rows * np.array([176, 205, 236])
    return Image.fromarray(
        np.broadcast_to(colours, (SIZE_PX * OVERSAMPLING, SIZE_PX * OVERSAMPLING, 3)).astype(np.uint8)
    )


def _petal(
    canvas: Image.Image, x: float, y: float, turn: float, start: float, end: float, width: float, colour: Colour
) -> None:
    """Draw a petal, a lens with a darker line along it, from ``start`` to ``end`` px from (x, y) in direction ``turn``.

    ``turn`` is in radians.
    """
    along = np.linspace(0, 1, 24)
    reach = start + (end - start) * along
    half = width * np.sin(np.pi * along**0.8) ** 0.8
    cosine, sine = math.cos(turn), math.sin(turn)
    left = [(x + r * cosine - h * sine, y + r * sine + h * cosine) for r, h in zip(reach, half, strict=True)]
    right = [(x + r * cosine + h * sine, y + r * sine - h * cosine) for r, h in zip(reach, half, strict=True)]
    outline = [(OVERSAMPLING * px, OVERSAMPLING * py) for px, py in left + right[::-1]]
    darker = tuple(max(0, value - 36) for value in colour)
    pen = ImageDraw.Draw(canvas)
    pen.polygon(outline, fill=colour, outline=darker)
    pen.line([outline[2], outline[20]], fill=darker, width=OVERSAMPLING)


def _speckled_disc(canvas: Image.Image, random: Random, radius: float, tint: Colour, dots: Colour) -> None:
    """Draw a seed head: seeds on Vogel's spiral (Mathematical Biosciences 44, 1979), as in real flowers."""
    pen = ImageDraw.Draw(canvas)
    pen.ellipse(
        [
            OVERSAMPLING * (CENTRE - radius),
            OVERSAMPLING * (CENTRE - radius),
            OVERSAMPLING * (CENTRE + radius),
            OVERSAMPLING * (CENTRE + radius),
        ],
        tint,
    )
    golden = math.pi * (3 - math.sqrt(5))
    for index in range(420):
        reach, turn = radius * math.sqrt(index / 420), index * golden
        x, y = CENTRE + reach * math.cos(turn), CENTRE + reach * math.sin(turn)
        colour = _shaded(random, dots, 26)
        pen.ellipse(
            [OVERSAMPLING * (x - 2.4), OVERSAMPLING * (y - 2.4), OVERSAMPLING * (x + 2.4), OVERSAMPLING * (y + 2.4)],
            colour,
        )


def _stem(canvas: Image.Image, x: float, y: float, width: float, colour: Colour) -> None:
    pen = ImageDraw.Draw(canvas)
    pen.line(
        [OVERSAMPLING * x, OVERSAMPLING * y, OVERSAMPLING * (x + 12), OVERSAMPLING * SIZE_PX],
        fill=colour,
        width=int(width * OVERSAMPLING),
    )


def _leaf(canvas: Image.Image, x: float, scale: float) -> None:
    for lean in (-0.28, 0.3):
        _petal(canvas, x + 10, SIZE_PX, -math.pi / 2 + lean, 0, 210 * scale, 22 * scale, (66, 122, 60))


def _photographed(canvas: Image.Image, random: Random) -> Image.Image:
    """Make a drawing look like a photograph: reduce and soften it, light it from one side, add a camera's grain."""
    small = canvas.resize((SIZE_PX, SIZE_PX), Image.Resampling.LANCZOS).filter(ImageFilter.GaussianBlur(0.8))
    light = np.linspace(1.08, 0.86, SIZE_PX)[None, :, None]
    grain = random.normal(0, 5, (SIZE_PX, SIZE_PX, 1))
    return Image.fromarray(np.clip(np.asarray(small, np.float32) * light + grain, 0, 255).astype(np.uint8))


def _shaded(random: Random, tint: Colour, spread: int) -> Colour:
    shift = int(random.integers(-spread, spread + 1))
    red, green, blue = (max(0, min(255, value + shift)) for value in tint)
    return red, green, blue


def _random(label: str) -> Random:
    return np.random.default_rng(list(label.encode()))
