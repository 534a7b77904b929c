"""How a picture lies in the model's input: which part of it a crop keeps, and where padding leaves it."""

from __future__ import annotations

Size = tuple[int, int]
"""Width and height in pixels, as Pillow has them."""


def centre_of(size: Size, target: Size) -> tuple[float, float, float, float]:
    """Return the largest centred box with the target's proportions: left, upper, right, lower, in pixels."""
    width, height = size
    scale = min(width / target[0], height / target[1])
    # Rounding may carry a side a hair beyond the picture, where Pillow refuses it.
    across, down = min(width, target[0] * scale), min(height, target[1] * scale)
    left, upper = (width - across) / 2, (height - down) / 2
    return left, upper, min(width, left + across), min(height, upper + down)


def inside_of(size: Size, target: Size) -> tuple[int, int, int, int]:
    """Return where in the target all of a picture lies, as large as it can and centred: left, upper, right, lower."""
    scale = min(target[0] / size[0], target[1] / size[1])
    across, down = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    left, upper = (target[0] - across) // 2, (target[1] - down) // 2
    return left, upper, left + across, upper + down
