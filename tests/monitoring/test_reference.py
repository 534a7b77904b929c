"""Tests that a bundle's profile becomes a reference whose numbers compare exactly with those of rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from shared.errors import InvalidBundle
from shared.monitoring.drift import drift_of
from shared.monitoring.reference import NOT_KNOWN, as_stored, made_at, reference_of, stored_threshold
from shared.monitoring.window_rows import pictures_from
from shared.signals.novelty import unfamiliar_above
from shared.signals.profile import FILE
from tests.monitoring.drawn import LABELS, MADE_AT, drawn_reference
from tests.monitoring.drawn_rows import drawn_bundle, write_drawn_profile


def test_reference_is_that_of_the_bundle(tmp_path: Path) -> None:
    bundle, drawn = drawn_bundle(tmp_path), drawn_reference(np.random.default_rng(0))
    reference = reference_of(bundle)
    assert reference is not None
    assert (reference.model.name, reference.model.version) == (bundle.manifest.name, "2")
    assert (reference.model.digest, reference.made_at) == (bundle.digest, MADE_AT)
    assert reference.pictures.labels == drawn.pictures.labels
    assert reference.validation.is_right.tolist() == drawn.validation.is_right.tolist()
    assert reference.pictures.statistics == pytest.approx(drawn.pictures.statistics, rel=1e-6)
    assert reference.pictures.embeddings.shape == drawn.pictures.embeddings.shape


def test_reference_of_a_bundle_without_a_profile_is_none(tmp_path: Path) -> None:
    assert reference_of(drawn_bundle(tmp_path, has_profile=False)) is None


def test_reference_refuses_a_profile_of_another_model(tmp_path: Path) -> None:
    bundle = drawn_bundle(tmp_path)
    write_drawn_profile(tmp_path, "f" * 64)
    with pytest.raises(InvalidBundle, match="another model"):
        reference_of(bundle)
    (tmp_path / FILE).write_bytes(b"no profile")
    with pytest.raises(InvalidBundle, match="cannot be read"):
        reference_of(bundle)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("pictures", [30, 257, 2000])
def test_threshold_is_the_novelty_of_a_picture_and_leaves_as_many_above_it(pictures: int, seed: int) -> None:
    """The profile's is of float64, and the pictures' novelties of float32: half of them are rounded up."""
    novelties = np.random.default_rng(seed).beta(4, 20, size=pictures)
    stored = novelties.astype(np.float32).astype(np.float64)
    threshold = stored_threshold(unfamiliar_above(novelties), stored)
    assert threshold in stored
    assert (stored > threshold).sum() == (novelties > unfamiliar_above(novelties)).sum()


def test_threshold_of_a_picture_that_was_not_kept_is_the_next_lower_one() -> None:
    kept = np.array([0.1, 0.2, 0.4])
    assert stored_threshold(0.3, kept) == 0.2
    assert np.isnan(stored_threshold(0.05, kept))


def test_same_numbers_in_rows_and_in_the_profile_are_equal(tmp_path: Path) -> None:
    """Proportions are few: were those of rows 4 / 3 and the profile's its float32, all of them would have drifted."""
    aspects, n = np.array([4 / 3, 3 / 4, 1.5]), 90
    drawn = drawn_reference(np.random.default_rng(1), n)
    drawn.pictures.statistics[:, -1] = np.resize(aspects, n)
    bundle = drawn_bundle(tmp_path)
    write_drawn_profile(tmp_path, bundle.manifest.files[bundle.manifest.model_file], drawn)
    reference = reference_of(bundle)
    assert reference is not None
    names = ("brightness", "contrast", "sharpness", "saturation", "colourfulness", "aspect")
    rows = [
        dict(zip(names, drawn.pictures.statistics[index].tolist(), strict=True))
        | {"label": LABELS[0], "score": 0.5, "novelty": float(drawn.pictures.novelty[index]), "embedding": []}
        for index in range(n)
    ]
    pictures = pictures_from(rows)
    assert np.array_equal(pictures.statistics, reference.pictures.statistics)
    assert np.array_equal(pictures.novelty, reference.pictures.novelty)
    [aspect] = [test for test in drift_of(pictures, reference, 0.01, 50).tests if test.subject == "aspect"]
    assert aspect.p_value == 1


def test_numbers_that_a_row_lacks_stay_unknown() -> None:
    assert np.isnan(as_stored([[float("nan"), 1.0]])).tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("lineage", "expected"),
    [
        ({"trained_at": "2026-11-21T18:14:38Z"}, datetime(2026, 11, 21, 18, 14, 38, tzinfo=UTC)),
        ({"imported_at": "2026-11-21T18:14:38"}, datetime(2026, 11, 21, 18, 14, 38, tzinfo=UTC)),
        ({"trained_at": "some day", "imported_at": "2026-11-21"}, datetime(2026, 11, 21, tzinfo=UTC)),
        ({"trained_at": 7}, None),
        ({}, None),
    ],
)
def test_model_was_made_when_its_lineage_says_so(
    tmp_path: Path, lineage: dict[str, object], expected: datetime | None
) -> None:
    bundle = drawn_bundle(tmp_path)
    bundle = replace(bundle, manifest=replace(bundle.manifest, lineage=lineage))
    assert made_at(bundle) == expected
    reference = reference_of(bundle)
    assert reference is not None
    assert reference.made_at == (expected or NOT_KNOWN)
