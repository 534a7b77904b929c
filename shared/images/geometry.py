"""Geometry of a picture in the model's input: the part that a crop keeps, and the box that padding leaves."""

from __future__ import annotations

Size = tuple[int, int]
"""Width and height in pixels, in Pillow's order."""


def centre_of(size: Size, target: Size) -> tuple[float, float, float, float]:
    """Return the largest centred box with the target's proportions: left, upper, right, lower, in pixels."""
    width, height = size
    scale = min(width / target[0], height / target[1])
    # Rounding may carry a side slightly beyond the picture, which Pillow refuses.
    across, down = min(width, target[0] * scale), min(height, target[1] * scale)
    left, upper = (width - across) / 2, (height - down) / 2
    return left, upper, min(width, left + across), min(height, upper + down)


def inside_of(size: Size, target: Size) -> tuple[int, int, int, int]:
    """Return the largest centred box in the target that holds the whole picture: left, upper, right, lower."""
    scale = min(target[0] / size[0], target[1] / size[1])
    across, down = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    left, upper = (target[0] - across) // 2, (target[1] - down) // 2
    return left, upper, left + across, upper + down
