"""Criteria: when a challenger is worse, and when the evidence is not enough."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from shared.release.confidence_bounds import least_fall, least_rise, wilson_interval
from shared.release.criteria import Criteria, Finding
from shared.release.metrics import Comparison, LabelPair
from tests.release.comparisons import EQUAL, SIDE, against, finding, judged


def test_criteria_find_an_equal_challenger_good_with_exit_code_0() -> None:
    assert (judged().finding, judged().exit_code) == (Finding.GOOD, 0)


@pytest.mark.parametrize(
    ("criterion", "comparison"),
    [
        ("rejected uploads", against(rejected=30)),
        ("mean confidence", against(mean_score=0.7)),
        ("95 % answer within", against(p95_ms=200.0)),
        (
            "agreement of labels",
            replace(EQUAL, pairs=(LabelPair("roses", "tulips", 30), LabelPair("roses", "roses", 70))),
        ),
        (
            "corrections by people",
            replace(
                EQUAL,
                champion=replace(SIDE, judged=100, corrected=4),
                challenger=replace(SIDE, judged=100, corrected=30),
            ),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_criterion_makes_a_challenger_worse_with_exit_code_1(criterion: str, comparison: Comparison) -> None:
    verdict = judged(comparison)
    assert (verdict.finding, verdict.exit_code) == (Finding.WORSE, 1)
    assert criterion in verdict.why
    assert [evidence.criterion for evidence in verdict.evidence if evidence.finding is Finding.WORSE] == [criterion]


@pytest.mark.parametrize(
    "comparison",
    [
        against(rejected=3),
        against(mean_score=0.79),
        against(p95_ms=100.0),
        replace(EQUAL, champion=replace(SIDE, p95_ms=1000.0), challenger=replace(SIDE, p95_ms=1400.0)),
        replace(EQUAL, pairs=(LabelPair("roses", "tulips", 3), LabelPair("roses", "roses", 20))),
    ],
)
def test_criteria_accept_differences_by_chance_or_within_bounds(comparison: Comparison) -> None:
    assert judged(comparison).finding is Finding.GOOD


def test_criteria_find_too_few_images_unknown_with_exit_code_3() -> None:
    verdict = judged(against(images=10, rejected=9))
    assert (verdict.finding, verdict.exit_code) == (Finding.UNKNOWN, 3)
    assert "at least 50 images each" in verdict.why


def test_criteria_need_evidence_about_labels() -> None:
    blind = replace(EQUAL, pairs=(LabelPair("roses", "roses", 19),))
    assert judged(blind).finding is Finding.UNKNOWN
    assert "--shadow" in judged(blind).why
    assert judged(blind, min_shared=0).finding is Finding.GOOD
    corrected = replace(SIDE, judged=50, corrected=2)
    assert judged(Comparison(corrected, corrected, ())).finding is Finding.GOOD


def test_criteria_need_no_minimum_of_images_for_clearly_worse_labels() -> None:
    comparison = replace(against(images=25), pairs=(LabelPair("roses", "tulips", 25),))
    assert judged(comparison).finding is Finding.WORSE


def test_corrections_by_people_outvote_the_champion() -> None:
    """A challenger that differs where the champion is corrected is better, not worse."""
    comparison = Comparison(
        replace(SIDE, judged=100, corrected=30),
        replace(SIDE, judged=100, corrected=2),
        (LabelPair("roses", "tulips", 30), LabelPair("roses", "roses", 70)),
    )
    assert judged(comparison).finding is Finding.GOOD


def test_latency_of_a_shadow_is_not_compared() -> None:
    verdict = judged(replace(against(p95_ms=900.0), is_shadow=True))
    assert finding(verdict, "95 % answer within") is Finding.UNKNOWN
    assert verdict.finding is Finding.GOOD


def test_criterion_shows_its_evidence() -> None:
    for evidence in judged().evidence:
        assert evidence.asked
        assert evidence.challenger


def test_criterion_is_documented_with_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "release.md").read_text("utf-8")
    for criterion in fields(Criteria):
        assert f"| `--{criterion.name.replace('_', '-')}` | {criterion.default} |" in page


def test_wilson_interval_of_nothing_is_everything() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_rise_is_certain_only_with_many_images() -> None:
    assert least_rise((10, 100), (20, 100)) < 0.05
    assert least_rise((1000, 10_000), (2000, 10_000)) == pytest.approx(0.1, abs=0.01)
    assert least_rise((0, 50), (0, 50)) < 0
    assert least_fall((0.8, 0.1, 10_000), (0.7, 0.1, 10_000)) == pytest.approx(0.1, abs=0.005)
    assert least_fall((0.8, 0.3, 20), (0.75, 0.3, 20)) < 0
