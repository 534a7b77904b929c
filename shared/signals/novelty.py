"""Novelty: how much of what a model sees in a picture its training pictures do not explain.

The features of a picture are the mean of the last feature map over its cells. Training pictures span few directions
of them; what of a picture's features stands at right angles to these directions is new. Such a residual separates
unknown classes from known ones as "virtual logit" does in Wang et al., "ViM: Out-Of-Distribution with Virtual-logit
Matching" (2022); divided by the whole it needs no scale of its own.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

DIRECTIONS = 32
"""Numbers of an embedding. 16 and 64 tell X-rays from flowers as well as 32 do (docs/bundle.md)."""

FALSE_ALARMS = 0.01
"""Share of pictures like those of training that may be called unfamiliar."""

EMBEDDING_DIGITS = 3
"""Decimals of an embedding: features are of the order of 1, and the numbers are kept with each row."""


def directions_of(features: Floats) -> Floats:
    """Return the directions that explain most of the features of training pictures.

    They are principal directions about the origin, not about the mean: the features are all positive, and what they
    have in common belongs to what is familiar.

    Args:
        features: a row for each picture, shape (pictures, channels).

    Returns:
        Orthonormal columns, shape (channels, directions), float32: ``DIRECTIONS`` of them, or half as many as there
        are pictures or channels where these are few, and 1 at least. Deterministic, signs included.
    """
    count = max(1, min(DIRECTIONS, *(size // 2 for size in features.shape)))
    wide = features.astype(np.float64)
    _, vectors = np.linalg.eigh(wide.T @ wide)  # ascending
    directions = vectors[:, ::-1][:, :count]
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(count)]
    signed: Floats = (directions * np.where(largest < 0, -1, 1)).astype(np.float32)
    return signed


def embedding_of(features: Floats, directions: Floats) -> Floats:
    """Return where features, shape (…, channels), stand along each direction, shape (…, directions)."""
    embedding: Floats = features @ directions
    return embedding


def novelty_of(features: Floats, embedding: Floats) -> float:
    """Return the share of a picture's features that its embedding does not explain: |f - Pf|² / |f|², 0 to 1.

    Since the directions are orthonormal, |f - Pf|² = |f|² - |embedding|². Features that are all 0 have novelty 1:
    the model saw nothing that it knows.
    """
    whole = float(features @ features)
    return 1.0 if whole <= 0 else min(1.0, max(0.0, 1 - float(embedding @ embedding) / whole))


def novelties_of(features: Floats, directions: Floats) -> npt.NDArray[np.float64]:
    """Return the novelty of each row of features, shape (pictures,)."""
    return np.array([novelty_of(row, embedding_of(row, directions)) for row in features], np.float64)


def unfamiliar_above(novelties: npt.NDArray[np.floating]) -> float:
    """Return the novelty above which a picture is unfamiliar: at most 1 % of pictures like these exceed it.

    It is the quantile of conformal prediction, the ⌈(n + 1)(1 - 0.01)⌉-th smallest of n (Vovk et al., "Algorithmic
    Learning in a Random World", 2005). Fewer than 99 pictures cannot show 1 %: the largest is taken, which a share of
    1 / (n + 1) exceeds (``false_alarms_of``).

    Args:
        novelties: of pictures that the directions were not made from, one at least.
    """
    rank = min(len(novelties), math.ceil((len(novelties) + 1) * (1 - FALSE_ALARMS)))
    return float(np.sort(novelties)[rank - 1])


def false_alarms_of(pictures: int) -> float:
    """Return the share of false alarms that a threshold made of so many pictures is expected to keep at most."""
    return max(FALSE_ALARMS, 1 / (pictures + 1))
