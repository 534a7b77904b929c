"""Windows and references: the rows that monitoring compares, as arrays that are checked when they are made.

Nothing here reads a table. A query fills a ``Window`` from the rows of some days, and must leave out shadows, probes
and generated pictures; a bundle's profile fills a ``Reference``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

STATISTICS = ("brightness", "contrast", "sharpness", "saturation", "colourfulness", "aspect")
"""Image statistics of a row's ``signals``, in the order of the columns of ``Pictures.statistics``."""


@dataclass(frozen=True, slots=True, order=True)
class ModelVersion:
    """The model of some rows."""

    name: str
    version: str
    digest: str
    """sha256 of the bundle's manifest, 64 hex digits."""

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Numbers of n pictures that a model classified. Row i of every array is of the same picture.

    A number that a row lacks is NaN: rows from before the column, models without a profile, embeddings that a
    deployment does not store.

    Raises:
        ValueError: an array has another shape.
    """

    labels: tuple[str, ...]
    """The label that the model gave, of length n."""
    scores: Floats
    """Calibrated score of that label, shape (n,), 0 to 1."""
    statistics: Floats
    """Shape (n, len(STATISTICS)), in the units of ``shared.signals``."""
    novelty: Floats
    """Shape (n,), 0 to 1."""
    embeddings: Floats
    """Shape (n, dimensions); zero dimensions where none is stored."""

    def __post_init__(self) -> None:
        n = len(self)
        _check("scores", self.scores, (n,))
        _check("statistics", self.statistics, (n, len(STATISTICS)))
        _check("novelty", self.novelty, (n,))
        _check("embeddings", self.embeddings, (n, None))

    def __len__(self) -> int:
        return len(self.labels)


def without_signals(labels: Sequence[str], scores: Sequence[float]) -> Pictures:
    """Return pictures of which only labels and scores are known: rows from before signals were recorded."""
    n = len(labels)
    unknown = np.full((n, len(STATISTICS)), np.nan)
    return Pictures(tuple(labels), np.asarray(scores, np.float64), unknown, np.full(n, np.nan), np.empty((n, 0)))


@dataclass(frozen=True, slots=True, eq=False)
class AuditedPictures:
    """Labelled pictures of the audit sample: chosen uniformly, so that figures of them hold for all pictures.

    Pictures of the review queue are the hardest ones, and must not be among them.

    Raises:
        ValueError: an array has another shape, or a given label is not the model's.
    """

    model_labels: tuple[str, ...]
    """Every label of the model, in the bundle's order."""
    predicted: tuple[str, ...]
    """The label that the model gave, of length n."""
    truths: tuple[str, ...]
    """The label that a person gave, of length n; the model may not know it."""
    candidates: Floats
    """Calibrated score of each label, shape (n, len(model_labels)), 0 to 1."""

    def __post_init__(self) -> None:
        n = len(self)
        _check("truths", np.asarray(self.truths), (n,))
        _check("candidates", self.candidates, (n, len(self.model_labels)))
        if foreign := sorted(set(self.predicted) - set(self.model_labels)):
            raise ValueError(
                f"The model gave {foreign[0]!r}, which is not of its labels {', '.join(self.model_labels)}."
            )

    def __len__(self) -> int:
        return len(self.predicted)


def no_audit(model_labels: Sequence[str] = ()) -> AuditedPictures:
    """Return an audit sample without labels."""
    return AuditedPictures(tuple(model_labels), (), (), np.empty((0, len(model_labels))))


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """Pictures with known labels that the model was not trained on: how its scores relate to its accuracy.

    Raises:
        ValueError: an array has another shape, or there are no pictures.
    """

    scores: Floats
    """Calibrated score of the label that was given, shape (n,), 0 to 1; n is at least 1."""
    is_right: Bools
    """Whether that label is the true one, shape (n,)."""

    def __post_init__(self) -> None:
        if self.scores.shape == (0,):
            raise ValueError("The validation has no pictures; at least one is needed.")
        _check("is_right", self.is_right, (len(self.scores),))

    @property
    def accuracy(self) -> float:
        """Share of the pictures whose label is right, 0 to 1."""
        return float(self.is_right.mean())


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What a window is compared with."""

    model: ModelVersion
    made_at: datetime
    """When the model was made; aware, UTC. There are no rows of it from before."""
    source: str
    """What the pictures are, as it stands in sentences: ``the validation pictures of flowers 2``."""
    pictures: Pictures
    """Pictures that are as they should be: those of the validation, or of an earlier period."""
    unfamiliar_above: float
    """The novelty above which a picture is unfamiliar; a value that a picture of the reference has. NaN: not known."""
    validation: Validation


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The rows of a period.

    Raises:
        ValueError: the period ends before it begins, or one of its times has no time zone.
    """

    since: datetime
    """Aware; included."""
    until: datetime
    """Aware; not included."""
    models: tuple[tuple[ModelVersion, int], ...]
    """The models that gave labels in this period, each with its number of rows."""
    pictures: Pictures
    """All of them, or as many as are compared, chosen uniformly."""
    audit: AuditedPictures
    """Labelled pictures of the audit sample, of the same model; they may reach further back."""

    def __post_init__(self) -> None:
        if self.since.tzinfo is None or self.until.tzinfo is None:
            raise ValueError("A window's times need a time zone.")
        if self.until <= self.since:
            raise ValueError(f"The window ends {self.until.isoformat()}, before it begins, {self.since.isoformat()}.")


def _check(name: str, array: npt.NDArray[Any], shape: tuple[int | None, ...]) -> None:
    is_equal = array.ndim == len(shape) and all(
        expected in (None, size) for expected, size in zip(shape, array.shape, strict=True)
    )
    if not is_equal:
        expected = ", ".join("any" if size is None else str(size) for size in shape)
        raise ValueError(f"{name} has the shape {array.shape}, expected ({expected}).")
