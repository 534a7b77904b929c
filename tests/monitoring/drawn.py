"""Windows and references of drawn numbers: pictures like those of a reference, and such as differ in one respect."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from shared.monitoring.window import (
    STATISTICS,
    AuditedPictures,
    ModelVersion,
    Pictures,
    Reference,
    Validation,
    Window,
    no_audit,
)

LABELS = ("daisy", "dandelion", "roses", "sunflowers", "tulips")
MODEL = ModelVersion("flowers", "2", "ab" * 32)
MADE_AT = datetime(2026, 11, 1, tzinfo=UTC)
SINCE = datetime(2026, 11, 20, tzinfo=UTC)
DIMENSIONS = 8


def drawn_pictures(
    random: np.random.Generator,
    n: int,
    *,
    brightness: float = 0.0,
    embedding: float = 0.0,
    novel: int = 0,
    shares: tuple[float, ...] = (0.2,) * 5,
    mean_score: float = 0.95,
) -> Pictures:
    """Draw pictures; by default they are as those of a reference are.

    Args:
        random: the source of chance.
        n: how many.
        brightness: added to their brightness, whose standard deviation is 1, as that of every statistic.
        embedding: added to each dimension of their embedding, whose standard deviation is 1.
        novel: how many of them are unlike all others.
        shares: of the labels.
        mean_score: of their scores.
    """
    statistics = random.normal(size=(n, len(STATISTICS)))
    statistics[:, 0] += brightness
    novelty = random.beta(4, 20, size=n)
    novelty[:novel] = random.uniform(0.95, 1, size=novel)
    return Pictures(
        labels=tuple(LABELS[index] for index in random.choice(5, n, p=shares)),
        scores=drawn_scores(random, n, mean_score),
        statistics=statistics,
        novelty=novelty,
        embeddings=random.normal(size=(n, DIMENSIONS)) + embedding,
    )


def drawn_scores(random: np.random.Generator, n: int, mean: float) -> Any:
    """Draw scores from 0.2 to 1 with a mean."""
    share = (mean - 0.2) / 0.8
    return 0.2 + 0.8 * random.beta(8 * share, 8 * (1 - share), size=n)


def drawn_reference(random: np.random.Generator, n: int = 300) -> Reference:
    """Draw a reference whose scores are calibrated: each is the chance that its label is right."""
    pictures = drawn_pictures(random, n)
    is_right = random.uniform(size=n) < pictures.scores
    return Reference(
        model=MODEL,
        made_at=MADE_AT,
        source="the validation pictures of flowers 2",
        pictures=pictures,
        unfamiliar_above=float(np.sort(pictures.novelty)[-max(2, n // 100)]),
        validation=Validation(pictures.scores, is_right),
    )


def window_of(pictures: Pictures, **fields: Any) -> Window:
    """Return a window of a week of one model."""
    window = Window(SINCE, SINCE + timedelta(days=7), ((MODEL, len(pictures)),), pictures, no_audit(LABELS))
    return replace(window, **fields)


def audit_of(right: int, wrong: int, unknown: int = 0) -> AuditedPictures:
    """Return an audit sample with some right, some wrong, and some of a label that the model does not know."""
    predicted = tuple(LABELS[index % 5] for index in range(right + wrong + unknown))
    truths = [*predicted[:right], *(LABELS[(index + 1) % 5] for index in range(right, right + wrong))]
    candidates = np.array([[0.6 if label == name else 0.1 for name in LABELS] for label in predicted]).reshape(-1, 5)
    return AuditedPictures(LABELS, predicted, (*truths, *["orchids"] * unknown), candidates)


def reordered(pictures: Pictures, order: Any) -> Pictures:
    """Return the same pictures in another order."""
    return Pictures(
        tuple(pictures.labels[index] for index in order),
        *(values[order] for values in (pictures.scores, pictures.statistics, pictures.novelty, pictures.embeddings)),
    )
