"""Windows drawn from photographs, each judged against a reference of other photographs by the verdict as it ships."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from shared.monitoring.accuracy_band import confidence_threshold
from shared.monitoring.verdict import Verdict, verdict_on
from shared.monitoring.window import ModelVersion, Reference, Validation, Window, no_audit
from shared.signals.novelty import unfamiliar_above
from shared.training.profile import REFERENCES
from tests.system.proofs.observed import Observed, Photographs, together

Indices = npt.NDArray[np.int64]

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
MODEL = ModelVersion("proof", "1", "0" * 64)


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A window that was drawn, and what monitoring concluded."""

    verdict: Verdict
    pictures: Observed
    threshold: float
    """Of Average Thresholded Confidence."""
    others: Indices
    """The pictures of the reference."""

    @property
    def subjects(self) -> set[str]:
        """The tests that found a drift."""
        return set() if self.verdict.drift is None else {test.subject for test in self.verdict.drift.drifted}

    @property
    def accuracy(self) -> float:
        """The share of the window's pictures whose label is right."""
        return float(self.pictures.is_right.mean())

    @property
    def confident(self) -> float:
        """The accuracy that Average Thresholded Confidence estimates."""
        return float((self.pictures.scores >= self.threshold).mean())

    @property
    def band_holds(self) -> bool:
        """Whether the window's accuracy is in the band with its sampling error."""
        band = self.verdict.band
        return band is not None and band.least <= self.accuracy <= band.most


@dataclass(frozen=True, slots=True)
class Design:
    """Which pictures a reference is of. They are never those of the window."""

    name: str
    only_unseen: bool
    """Only pictures of those that windows are drawn from, rather than of all."""
    validates_itself: bool = False
    """Accuracy is estimated by the reference's pictures, rather than by those that the model was not trained on."""
    most: int = REFERENCES
    """Pictures of a reference at most; of more, some are drawn."""


ALL_OTHERS = Design("all other pictures of the data", only_unseen=False)
UNSEEN_OTHERS = Design("the other pictures that windows are drawn from", only_unseen=True)
TRAINED_ON = Design("all other pictures of the data, which also estimate the accuracy", False, validates_itself=True)


def draw(
    photographs: Photographs, design: Design, condition: str, size: int, foreign: int, draws: int, seed: int
) -> Iterator[Drawn]:
    """Draw windows and judge each against a reference that is drawn for it.

    So no window shares a picture with its reference, and pictures of a window without drift could as well be in the
    reference: what is found there is a false alarm.

    Args:
        photographs: to draw from.
        design: of the references.
        condition: of the window's pictures.
        size: of the window.
        foreign: pictures of another domain in it, which count as wrong.
        draws: how many windows.
        seed: the same draws for the same seed.
    """
    random = np.random.default_rng(seed)
    for _ in range(draws):
        rows, others = _divided(random, photographs, design, size - foreign)
        pictures = photographs.changed[condition].at(rows)
        if foreign and photographs.foreign is not None:
            strangers = random.choice(len(photographs.foreign), foreign, replace=False)
            pictures = together(pictures, photographs.foreign.at(strangers))
        unseen = np.delete(photographs.windows, rows)
        reference = reference_of(photographs, others, others if design.validates_itself else unseen)
        verdict = verdict_on(window_of(pictures), reference)
        yield Drawn(verdict, pictures, confidence_threshold(reference.validation), others)


def reference_of(photographs: Photographs, pictures: Indices, validation: Indices) -> Reference:
    """Return a reference of pictures as they are.

    Args:
        photographs: which they are of.
        pictures: what windows are compared with; novelty's threshold is made of them, as a profile's is.
        validation: what accuracy is estimated by.
    """
    whole, judged = photographs.whole.at(pictures), photographs.whole.at(validation)
    return Reference(
        model=MODEL,
        made_at=SINCE - timedelta(days=1),
        source="photographs",
        pictures=whole.pictures(),
        unfamiliar_above=unfamiliar_above(whole.novelty),
        validation=Validation(judged.scores, judged.is_right),
    )


def window_of(pictures: Observed, since: datetime = SINCE, days: int = 7) -> Window:
    """Return a window without an audit."""
    until = since + timedelta(days=days)
    return Window(since, until, ((MODEL, len(pictures)),), pictures.pictures(), no_audit())


def _divided(
    random: np.random.Generator, photographs: Photographs, design: Design, size: int
) -> tuple[Indices, Indices]:
    """Return rows of a window, as indices of ``windows``, and pictures of its reference, as indices of ``whole``."""
    rows = random.choice(len(photographs.windows), size, replace=False)
    if design.only_unseen:
        others = np.delete(photographs.windows, rows)
    else:
        others = np.delete(np.arange(len(photographs.whole)), photographs.windows[rows])
    if len(others) > design.most:
        others = random.choice(others, design.most, replace=False)
    return rows, others
