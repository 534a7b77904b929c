"""Image statistics: what can be said of a picture's pixels without a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shared.types import Pixels

LONG_EDGE_PX = 96
"""The longer edge of the copy that statistics are of, so that a picture's size does not decide its sharpness.

With 128 px they take a third longer, with 64 px a slight blur is not seen.
"""

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in luma (ITU-R BT.601)."""

Plane = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ImageStatistics:
    """Of a picture whose longer edge is ``LONG_EDGE_PX`` or less."""

    brightness: float
    """Mean luma, 0 (black) to 1 (white)."""
    contrast: float
    """Standard deviation of luma, 0 to 0.5 (Peli, "Contrast in complex images", 1990: RMS contrast)."""
    sharpness: float
    """Variance of the Laplacian of luma in steps of 8 bits, 0 or more; about 100 is blurred, 1,000 is crisp.

    Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy: a comparative study" (2000).
    """
    saturation: float
    """Mean saturation of HSV, (max - min) / max over the channels, 0 (grey) to 1; 0 for black."""
    colourfulness: float
    """0 (grey) or more; 33 is moderate, 82 is high (Hasler & Süsstrunk, "Measuring colourfulness in natural images",
    2003)."""


def statistics_of(pixels: Pixels) -> ImageStatistics:
    """Compute the statistics of a small picture.

    Args:
        pixels: RGB, shape (height, width, 3), uint8, of any size; not modified. Sharpness is comparable between
            pictures of the same longer edge only.
    """
    height, width, _ = pixels.shape
    channels = np.ascontiguousarray(pixels.reshape(-1, 3).T, np.float32)
    means = channels.mean(axis=1)
    centred = channels - means[:, np.newaxis]  # before squares are summed, or float32 loses a plain picture's 0
    luma = LUMA @ centred
    return ImageStatistics(
        brightness=float(LUMA @ means) / 255,
        contrast=_deviation(luma) / 255,
        sharpness=_laplacian_variance(luma.reshape(height, width)),
        saturation=_mean_saturation(channels),
        colourfulness=_colourfulness(centred, means),
    )


def _deviation(centred: Plane) -> float:
    """Return the standard deviation of numbers whose mean is 0."""
    return float(np.sqrt(centred @ centred / centred.size))


def _laplacian_variance(luma: Plane) -> float:
    """0 for a picture that is less than three pixels high or wide, which has no Laplacian."""
    if min(luma.shape) < 3:
        return 0.0
    middle = luma[1:-1, 1:-1]
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * middle
    return float(laplacian.var())


def _mean_saturation(channels: Plane) -> float:
    red, green, blue = channels
    most = np.maximum(np.maximum(red, green), blue)
    least = np.minimum(np.minimum(red, green), blue)
    return float(((most - least) / np.maximum(most, 1)).mean())  # black has most 0


def _colourfulness(centred: Plane, means: Plane) -> float:
    (red, green, blue), (mean_red, mean_green, mean_blue) = centred, means.tolist()
    spread = np.hypot(_deviation(red - green), _deviation((red + green) / 2 - blue))
    offset = np.hypot(mean_red - mean_green, (mean_red + mean_green) / 2 - mean_blue)
    return float(spread + 0.3 * offset)
