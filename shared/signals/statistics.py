"""Image statistics: numbers about a picture's pixels, without a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shared.types import Pixels

LONG_EDGE_PX = 96
"""The longer edge of the copy that statistics are of, so that a picture's size does not decide its sharpness.

With 64 px they take as long, and a slight blur is not seen.
"""

LUMA, RED_GREEN, YELLOW_BLUE = range(3)
AXES = np.array([[0.299, 0.587, 0.114], [1, -1, 0], [0.5, 0.5, -1]], np.float32)
"""What red, green and blue are turned into: luma (ITU-R BT.601), and the two opponent axes of colourfulness."""


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
    """Compute the statistics of a small picture, in 25 calls of numpy: at this size each costs as much as its work.

    Args:
        pixels: RGB, shape (height, width, 3), uint8, of any size; not modified. Sharpness is comparable between
            pictures of the same longer edge only.
    """
    height, width, _ = pixels.shape
    channels = np.ascontiguousarray(pixels.reshape(-1, 3).T)
    first = channels[:, :1].astype(np.float32)
    # Less the first pixel, so that a plain picture's variance is 0 and not what float32 loses of large squares.
    axes = AXES @ np.subtract(channels, first, dtype=np.float32)
    means = axes.mean(axis=1)
    spreads = np.sqrt(np.maximum(np.einsum("ij,ij->i", axes, axes) / axes.shape[1] - means * means, 0)).tolist()
    means = (means + AXES @ first[:, 0]).tolist()
    return ImageStatistics(
        brightness=means[LUMA] / 255,
        contrast=spreads[LUMA] / 255,
        sharpness=_laplacian_variance(axes[LUMA].reshape(height, width)),
        saturation=_mean_saturation(channels),
        colourfulness=_length(spreads) + 0.3 * _length(means),
    )


def _laplacian_variance(luma: npt.NDArray[np.float32]) -> float:
    """0 for a picture that is less than three pixels high or wide, which has no Laplacian."""
    if min(luma.shape) < 3:
        return 0.0
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1]
    laplacian += luma[1:-1, :-2]
    laplacian += luma[1:-1, 2:]
    laplacian -= 4 * luma[1:-1, 1:-1]
    values = laplacian.ravel()
    return max(0.0, float(values @ values) / values.size - float(values.mean()) ** 2)


def _mean_saturation(channels: npt.NDArray[np.uint8]) -> float:
    most = channels.max(axis=0)
    spread = most - channels.min(axis=0)
    return float(np.divide(spread, np.maximum(most, 1), dtype=np.float32).mean())  # black has spread 0 and most 0


def _length(of_axes: list[float]) -> float:
    return float((of_axes[RED_GREEN] ** 2 + of_axes[YELLOW_BLUE] ** 2) ** 0.5)
