"""Augment pictures while training: other crops, other light, other devices. In Pillow, as serving resamples."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageEnhance
import PIL.ImageFilter

from shared.types import Pixels


@dataclass(frozen=True, slots=True)
class Augmentation:
    """The ranges of augmentation. A range of 0 switches a step off."""

    smallest_crop: float = 0.3
    """Share of the picture's area that a crop keeps at least; 1 keeps all of it (Szegedy et al., 2014)."""
    aspect: float = 4 / 3
    """A crop is at most this much wider or taller than the model's input."""
    flip: bool = True
    """Mirror half of the pictures, left to right; pictures are never turned upside down."""
    rotate: float = 0.0
    """Turn by up to this many degrees either way; the corners become black."""
    brightness: float = 0.25
    """Brightness is multiplied by 1 - this to 1 + this."""
    contrast: float = 0.25
    saturation: float = 0.25
    gamma: float = 0.0
    """Grey levels are raised to a power between exp(-this) and exp(this): other exposure, other film."""
    blur: float = 0.0
    """Chance that a picture is softened, or saved as a poor JPEG: other devices, other archives."""
    erase: float = 0.25
    """Chance that a rectangle of 2 to 15 % of the area becomes noise (Zhong et al., 2017)."""
    mixup: float = 0.2
    """Alpha of the Beta distribution that mixes pairs of pictures (Zhang et al., 2017)."""


def augment(pixels: Pixels, size: int, how: Augmentation, random: np.random.Generator) -> Pixels:
    """Return an augmented copy of a picture at the model's size.

    Args:
        pixels: RGB, shape (height, width, 3), uint8; not modified.
        size: edge of the result in pixels.
        how: the ranges.
        random: the only source of randomness, so the same generator state gives the same picture.

    Returns:
        Shape (size, size, 3), uint8, writable.
    """
    picture = PIL.Image.fromarray(pixels)
    box = _crop(picture.size, how, random)
    picture = picture.resize((size, size), PIL.Image.Resampling.BICUBIC, box=box)
    if how.flip and random.random() < 0.5:
        picture = picture.transpose(PIL.Image.Transpose.FLIP_LEFT_RIGHT)
    for enhance, extent in (
        (PIL.ImageEnhance.Brightness, how.brightness),
        (PIL.ImageEnhance.Contrast, how.contrast),
        (PIL.ImageEnhance.Color, how.saturation),
    ):
        if extent > 0:
            picture = enhance(picture).enhance(random.uniform(1 - extent, 1 + extent))
    if how.rotate > 0:
        picture = picture.rotate(random.uniform(-how.rotate, how.rotate), PIL.Image.Resampling.BILINEAR)
    if how.gamma > 0:
        picture = _with_gamma(picture, float(np.exp(random.uniform(-how.gamma, how.gamma))))
    if how.blur > 0 and random.random() < how.blur:
        picture = _soften_or_recompress(picture, random)
    result = np.array(picture, dtype=np.uint8)
    if how.erase > 0 and random.random() < how.erase:
        _erase(result, random)
    return result


def mixed(
    batch: npt.NDArray[np.float32], targets: npt.NDArray[np.float32], alpha: float, random: np.random.Generator
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Mix each picture of a batch, and its target, with another of the batch (mixup).

    Args:
        batch: shape (n, size, size, 3).
        targets: shape (n, labels), each row adds up to 1.
        alpha: of Beta(alpha, alpha); 0 changes nothing.
        random: the only source of randomness.
    """
    if alpha == 0:
        return batch, targets
    share = random.beta(alpha, alpha, (len(batch), 1)).astype(np.float32)
    share = np.maximum(share, 1 - share)
    other = random.permutation(len(batch))
    wide = share[:, :, np.newaxis, np.newaxis]
    return wide * batch + (1 - wide) * batch[other], share * targets + (1 - share) * targets[other]


def _crop(size: tuple[int, int], how: Augmentation, random: np.random.Generator) -> tuple[float, float, float, float]:
    """Draw a box inside the picture: left, upper, right, lower, in pixels."""
    width, height = size
    for _ in range(10):
        area = width * height * random.uniform(how.smallest_crop, 1)
        aspect = np.exp(random.uniform(-np.log(how.aspect), np.log(how.aspect)))
        across, down = np.sqrt(area * aspect), np.sqrt(area / aspect)
        if across <= width and down <= height:
            break
    else:
        across = down = float(min(width, height))
    left, upper = random.uniform(0, width - across), random.uniform(0, height - down)
    return left, upper, min(left + across, width), min(upper + down, height)


def _with_gamma(picture: PIL.Image.Image, gamma: float) -> PIL.Image.Image:
    levels = np.round(255 * (np.arange(256) / 255) ** gamma).astype(int).tolist()
    return picture.point(levels * len(picture.getbands()))


def _soften_or_recompress(picture: PIL.Image.Image, random: np.random.Generator) -> PIL.Image.Image:
    if random.random() < 0.5:
        return picture.filter(PIL.ImageFilter.GaussianBlur(random.uniform(0.3, 1.2)))
    picture.save(file := io.BytesIO(), "jpeg", quality=int(random.integers(30, 80)))
    return PIL.Image.open(file).convert("RGB")


def _erase(pixels: Pixels, random: np.random.Generator) -> None:
    size = len(pixels)
    area, aspect = size * size * random.uniform(0.02, 0.15), np.exp(random.uniform(-1, 1))
    across = max(1, min(size, round(float(np.sqrt(area * aspect)))))
    down = max(1, min(size, round(float(np.sqrt(area / aspect)))))
    left, upper = random.integers(0, size - across + 1), random.integers(0, size - down + 1)
    pixels[upper : upper + down, left : left + across] = random.integers(0, 256, (down, across, 3), np.uint8)
