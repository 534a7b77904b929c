"""The signals of one picture: its statistics, the entropy of its scores, and, with a profile, novelty and embedding."""

from __future__ import annotations

import numpy as np

from shared.signals.entropy import entropy_of
from shared.signals.novelty import EMBEDDING_DIGITS, Floats, embedding_of, novelty_of
from shared.signals.profile import Familiar
from shared.signals.statistics import statistics_of
from shared.types import Pixels, Scores, Signals


def signals_of(
    small: Pixels,
    aspect: float,
    scores: Scores,
    features: Floats | None = None,
    familiar: Familiar | None = None,
    *,
    with_embedding: bool = True,
) -> Signals:
    """Compute the signals of one picture.

    Args:
        small: the picture at ``statistics.LONG_EDGE_PX``, RGB, shape (height, width, 3), uint8.
        aspect: width by height of the whole picture, above 0.
        scores: calibrated, shape (labels,).
        features: of the inference that gave the scores, shape (channels,): the mean of the last feature map over its
            cells; None where the model hides it.
        familiar: of the bundle's profile; None for a bundle without one.
        with_embedding: whether the embedding is returned; novelty is, either way.

    Returns:
        Novelty is None and the embedding empty without features and a profile. The embedding is rounded to
        ``EMBEDDING_DIGITS`` decimals; novelty is that of the unrounded one.
    """
    statistics = statistics_of(small)
    novelty, embedding = None, ()
    if features is not None and familiar is not None:
        along_directions = embedding_of(features, familiar.directions)
        novelty = novelty_of(features, along_directions)
        if with_embedding:
            embedding = tuple(np.round(along_directions.astype(np.float64), EMBEDDING_DIGITS).tolist())
    return Signals(
        entropy=entropy_of(scores),
        brightness=statistics.brightness,
        contrast=statistics.contrast,
        sharpness=statistics.sharpness,
        saturation=statistics.saturation,
        colourfulness=statistics.colourfulness,
        aspect=aspect,
        novelty=novelty,
        embedding=embedding,
    )
