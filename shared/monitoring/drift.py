"""Drift: every test of a window against its reference, corrected together.

Image statistics find what changed in how pictures are taken, embeddings what changed in what they show, labels how
often each is given, and novelty a few strange pictures among many usual ones, which the others miss.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from shared.monitoring.holm import holm
from shared.monitoring.kolmogorov_smirnov import kolmogorov_smirnov
from shared.monitoring.label_shift import label_shift, total_variation
from shared.monitoring.mean_discrepancy import mean_discrepancy
from shared.monitoring.two_samples import TwoSampleResult
from shared.monitoring.unfamiliar_share import unfamiliar_share
from shared.monitoring.window import STATISTICS, Floats, Pictures, Reference

LABELS, EMBEDDINGS, NOVELTY = "labels", "embeddings", "novelty"


@dataclass(frozen=True, slots=True)
class DriftTest:
    """A test that was made."""

    subject: str
    """``labels``, ``embeddings``, ``novelty`` or an image statistic."""
    method: str
    statistic: float
    p_value: float
    """Before the correction."""
    adjusted_p_value: float
    """After Holm's correction over all tests of the window."""
    is_found: bool
    """The subject has drifted."""
    words: str
    """What differs, with numbers."""


@dataclass(frozen=True, slots=True)
class Drift:
    """The tests of a window."""

    tests: tuple[DriftTest, ...]
    untested: tuple[str, ...]
    """Why the other tests were not made, a sentence for each."""

    @property
    def drifted(self) -> tuple[DriftTest, ...]:
        """The subjects that have drifted, the most certain first."""
        return tuple(sorted((test for test in self.tests if test.is_found), key=lambda test: test.p_value))

    @property
    def covers_pictures(self) -> bool:
        """Whether anything of the pictures themselves was tested, rather than their labels alone."""
        return any(test.subject != LABELS for test in self.tests)


@dataclass(frozen=True, slots=True)
class _Planned:
    """A test that can be made, or the reason why not."""

    subject: str
    method: str
    pictures: int
    reference_pictures: int
    run: Callable[[], TwoSampleResult]
    words: Callable[[], str]


def drift_of(pictures: Pictures, reference: Reference, false_alarms: float, min_pictures: int) -> Drift:
    """Test a window's pictures against a reference.

    The order of the pictures does not matter. A subject that too few pictures have is left out, with a sentence.

    Args:
        pictures: of the window.
        reference: of the same model.
        false_alarms: chance of finding a drift that is not there, over all tests together; above 0, below 1.
        min_pictures: that a test needs of each side.
    """
    planned = list(_plan(pictures, reference))
    runnable = [plan for plan in planned if _lack_of(plan, min_pictures) is None]
    results = [plan.run() for plan in runnable]
    adjusted = holm([result.p_value for result in results])
    tests = tuple(
        DriftTest(plan.subject, plan.method, result.statistic, result.p_value, p, p <= false_alarms, plan.words())
        for plan, result, p in zip(runnable, results, adjusted, strict=True)
    )
    return Drift(tests, tuple(filter(None, (_lack_of(plan, min_pictures) for plan in planned))))


def _plan(pictures: Pictures, reference: Reference) -> Iterator[_Planned]:
    theirs = reference.pictures
    for column, name in enumerate(STATISTICS):
        values, reference_values = (_finite(side.statistics[:, column]) for side in (pictures, theirs))
        yield _Planned(
            *(name, "Kolmogorov-Smirnov", len(values), len(reference_values)),
            partial(kolmogorov_smirnov, values, reference_values),
            partial(_medians, values, reference_values),
        )
    dimensions = pictures.embeddings.shape[1], theirs.embeddings.shape[1]
    rows, reference_rows = _whole(pictures.embeddings), _whole(theirs.embeddings)
    if dimensions[0] != dimensions[1]:
        rows = rows[:0]  # another model's, or not stored
    yield _Planned(
        *(EMBEDDINGS, "maximum mean discrepancy", len(rows), len(reference_rows)),
        partial(mean_discrepancy, rows, reference_rows),
        lambda: "what the pictures show, as the model sees it, differs from the reference",
    )
    counts, reference_counts = Counter(pictures.labels), Counter(theirs.labels)
    yield _Planned(
        *(LABELS, "chi-square", len(pictures), len(theirs)),
        partial(label_shift, counts, reference_counts),
        partial(_most_moved, counts, reference_counts),
    )
    novelty, reference_novelty = _finite(pictures.novelty), _finite(theirs.novelty)
    above, reference_above = (
        int((values > reference.unfamiliar_above).sum()) for values in (novelty, reference_novelty)
    )
    is_known = bool(np.isfinite(reference.unfamiliar_above)) and reference_above < len(reference_novelty)
    yield _Planned(
        *(NOVELTY, "beta-binomial", len(novelty), len(reference_novelty) if is_known else 0),
        partial(unfamiliar_share, above, len(novelty), reference_above, len(reference_novelty)),
        lambda: (
            f"{above} of {len(novelty)} pictures are unfamiliar, {reference_above} of {len(reference_novelty)} of the "
            "reference"
        ),
    )


def _lack_of(plan: _Planned, min_pictures: int) -> str | None:
    """Return the sentence on why a test is left out, or None."""
    if plan.reference_pictures < min_pictures:
        return f"{plan.subject}: {_have(plan.reference_pictures)} of the reference, expected {min_pictures} or more."
    if plan.pictures < min_pictures:
        return f"{plan.subject}: {_have(plan.pictures)} of the window, expected {min_pictures} or more."
    return None


def _have(pictures: int) -> str:
    return f"known of {pictures or 'no'} picture{'s' * (pictures != 1)}"


def _finite(values: Floats) -> Floats:
    finite: Floats = values[np.isfinite(values)]
    return finite


def _whole(rows: Floats) -> Floats:
    """Return the rows without a missing number; none where rows have no numbers at all."""
    whole: Floats = rows[np.isfinite(rows).all(axis=1)] if rows.shape[1] else rows[:0]
    return whole


def _medians(values: Floats, reference: Floats) -> str:
    return f"median {np.median(values):.3g}, {np.median(reference):.3g} in the reference"


def _most_moved(counts: Counter[str], reference: Counter[str]) -> str:
    """Name the label whose share moved most."""
    of, reference_of = counts.total(), reference.total()
    shares = {label: (counts[label] / of, reference[label] / reference_of) for label in sorted({*counts, *reference})}
    label, (share, before) = max(shares.items(), key=lambda item: abs(item[1][0] - item[1][1]))
    moved = total_variation(counts, reference)
    return f"{label} is given to {share:.1%} of the pictures, {before:.1%} in the reference; {moved:.1%} moved in all"
