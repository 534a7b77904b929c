"""Tests that windows are drawn apart from their references, by drawn numbers instead of photographs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shared.monitoring.window import STATISTICS
from tests.monitoring.drawn import LABELS
from tests.system.proofs.bars import bars_of
from tests.system.proofs.conditions import CONDITIONS, NONE, change
from tests.system.proofs.draws import ALL_OTHERS, TRAINED_ON, UNSEEN_OTHERS, draw
from tests.system.proofs.figures import figures_of
from tests.system.proofs.observed import Observed, Photographs

WHOLE, UNSEEN = 400, 150
DARK = "dark ×0.45"


def _observed(random: np.random.Generator, n: int) -> Observed:
    scores = random.beta(20, 1, n)
    return Observed(
        labels=random.choice(LABELS, n),
        scores=scores,
        statistics=random.normal(size=(n, len(STATISTICS))),
        novelty=random.beta(4, 20, n),
        embeddings=random.normal(size=(n, 4)),
        is_right=random.uniform(size=n) < scores,
    )


@pytest.fixture(scope="module")
def pictures() -> Photographs:
    """Numbers of pictures of which each condition but the dark one leaves all as it is."""
    random = np.random.default_rng(1)
    whole, windows = _observed(random, WHOLE), np.arange(0, UNSEEN)
    unseen = whole.at(windows)
    dark = replace(unseen, statistics=unseen.statistics - np.eye(1, len(STATISTICS)) * 2)
    strangers = replace(_observed(random, 60), novelty=random.uniform(0.95, 1, 60), is_right=np.zeros(60, bool))
    changed = {condition: dark if condition == DARK else unseen for condition in CONDITIONS}
    return Photographs(whole, changed, windows, are_unseen=True, foreign=strangers)


@pytest.mark.parametrize("design", [ALL_OTHERS, UNSEEN_OTHERS, TRAINED_ON], ids=str)
def test_draws_share_no_picture_between_window_and_reference(pictures: Photographs, design: object) -> None:
    for drawn in draw(pictures, design, NONE, 60, 0, 5, seed=1):  # type: ignore[arg-type]
        in_window = {float(score) for score in drawn.pictures.scores}
        assert len(in_window) == 60
        assert in_window.isdisjoint(pictures.whole.scores[drawn.others])


def test_draws_find_the_shift_of_a_condition_and_nothing_else(pictures: Photographs) -> None:
    for drawn in draw(pictures, ALL_OTHERS, DARK, 60, 0, 5, seed=1):
        assert drawn.subjects == {STATISTICS[0]}
    assert [drawn.subjects for drawn in draw(pictures, ALL_OTHERS, NONE, 60, 0, 5, seed=1)] == [set()] * 5


def test_draws_count_pictures_of_another_domain_as_wrong(pictures: Photographs) -> None:
    for drawn in draw(pictures, ALL_OTHERS, NONE, 60, 20, 3, seed=1):
        assert len(drawn.pictures) == 60
        assert drawn.accuracy <= 40 / 60
        assert "novelty" in drawn.subjects


def test_draws_with_the_same_seed_are_the_same(pictures: Photographs) -> None:
    first, second = (list(draw(pictures, UNSEEN_OTHERS, NONE, 60, 0, 3, seed=7)) for _ in range(2))
    assert [list(drawn.pictures.scores) for drawn in first] == [list(drawn.pictures.scores) for drawn in second]


def test_figures_and_bars_report_what_was_drawn(pictures: Photographs) -> None:
    figures = [
        figures_of(condition, list(draw(pictures, ALL_OTHERS, condition, 60, 0, 4, seed=1))) for condition in CONDITIONS
    ]
    by_condition = {figure.condition: figure for figure in figures}
    assert by_condition[NONE].found == 0
    assert by_condition[DARK].found == 1
    assert by_condition[DARK].by == ((STATISTICS[0], 1.0),)
    assert str(by_condition[DARK]).count("|") == str(figures[0].HEADER[1]).count("|")
    holds = {bar.words.split(" found")[0]: bar.holds for bar in bars_of(figures, "all")}
    assert holds[DARK]
    assert not holds["grey"]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_condition_keeps_the_size_of_a_picture_and_its_pixels_apart(condition: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)
    before = pixels.copy()
    changed = change(pixels, condition)
    assert changed.shape == pixels.shape
    assert changed.dtype == np.uint8
    assert (pixels == before).all()
    assert (changed == pixels).all() == (condition == NONE)
