"""When a challenger is worse, and when nobody can tell yet."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from shared.release.chance import least_fall, least_rise, wilson
from shared.release.criteria import Criteria, Finding, Verdict, judge
from shared.release.figures import Comparison, Pair, Side

SIDE = Side(images=200, scored=200, mean_score=0.8, deviation=0.2, p95_ms=60.0)
ALIKE = (Pair("roses", "roses", 60), Pair("tulips", "tulips", 38), Pair("roses", "tulips", 2))
EQUAL = Comparison(SIDE, SIDE, ALIKE)


def judged(found: Comparison = EQUAL, **asked: Any) -> Verdict:
    return judge(found, Criteria(**asked))


def against(**figures: Any) -> Comparison:
    return replace(EQUAL, challenger=replace(SIDE, **figures))


def finding(verdict: Verdict, criterion: str) -> Finding:
    [found] = [one.finding for one in verdict.evidence if one.criterion == criterion]
    return found


def test_equal_is_good_and_exits_with_0() -> None:
    assert (judged().finding, judged().exit_code) == (Finding.GOOD, 0)


@pytest.mark.parametrize(
    ("criterion", "found"),
    [
        ("rejected uploads", against(rejected=30)),
        ("mean confidence", against(mean_score=0.7)),
        ("95 % answer within", against(p95_ms=200.0)),
        ("agreement of labels", replace(EQUAL, pairs=(Pair("roses", "tulips", 30), Pair("roses", "roses", 70)))),
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
def test_one_criterion_is_enough_to_be_worse_which_exits_with_1(criterion: str, found: Comparison) -> None:
    verdict = judged(found)
    assert (verdict.finding, verdict.exit_code) == (Finding.WORSE, 1)
    assert criterion in verdict.why
    assert [one.criterion for one in verdict.evidence if one.finding is Finding.WORSE] == [criterion]


@pytest.mark.parametrize(
    "found",
    [
        against(rejected=3),
        against(mean_score=0.79),
        against(p95_ms=100.0),
        replace(EQUAL, champion=replace(SIDE, p95_ms=1000.0), challenger=replace(SIDE, p95_ms=1400.0)),
        replace(EQUAL, pairs=(Pair("roses", "tulips", 3), Pair("roses", "roses", 20))),
    ],
)
def test_what_may_be_chance_or_is_within_bounds_is_good(found: Comparison) -> None:
    assert judged(found).finding is Finding.GOOD


def test_too_few_images_are_no_evidence_which_exits_with_3() -> None:
    verdict = judged(against(images=10, rejected=9))
    assert (verdict.finding, verdict.exit_code) == (Finding.UNKNOWN, 3)
    assert "at least 50 images each" in verdict.why


def test_nothing_is_good_while_nobody_knows_its_labels() -> None:
    blind = replace(EQUAL, pairs=(Pair("roses", "roses", 19),))
    assert judged(blind).finding is Finding.UNKNOWN
    assert "--shadow" in judged(blind).why
    assert judged(blind, min_shared=0).finding is Finding.GOOD
    corrected = replace(SIDE, judged=50, corrected=2)
    assert judged(Comparison(corrected, corrected, ())).finding is Finding.GOOD


def test_labels_that_are_clearly_worse_need_no_minimum_of_images() -> None:
    found = replace(against(images=25), pairs=(Pair("roses", "tulips", 25),))
    assert judged(found).finding is Finding.WORSE


def test_people_outvote_the_champion() -> None:
    """A challenger that differs where the champion is corrected is better, not worse."""
    found = Comparison(
        replace(SIDE, judged=100, corrected=30),
        replace(SIDE, judged=100, corrected=2),
        (Pair("roses", "tulips", 30), Pair("roses", "roses", 70)),
    )
    assert judged(found).finding is Finding.GOOD


def test_a_shadows_latency_is_not_compared() -> None:
    verdict = judged(replace(against(p95_ms=900.0), is_shadow=True))
    assert finding(verdict, "95 % answer within") is Finding.UNKNOWN
    assert verdict.finding is Finding.GOOD


def test_every_criterion_shows_its_evidence() -> None:
    for one in judged().evidence:
        assert one.asked
        assert one.challenger


def test_every_criterion_is_documented_with_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "release.md").read_text("utf-8")
    for one in fields(Criteria):
        assert f"| `--{one.name.replace('_', '-')}` | {one.default} |" in page


def test_wilsons_interval_holds_what_was_published() -> None:
    """Newcombe 1998, table I, 95 % two-sided: 81 of 263 gives 0.2553 to 0.3662; one-sided at 95 % it is narrower."""
    least, most = wilson(81, 263)
    assert 0.2553 < least < 81 / 263 < most < 0.3662
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_rise_is_certain_only_with_many() -> None:
    assert least_rise((10, 100), (20, 100)) < 0.05
    assert least_rise((1000, 10_000), (2000, 10_000)) == pytest.approx(0.1, abs=0.01)
    assert least_rise((0, 50), (0, 50)) < 0
    assert least_fall((0.8, 0.1, 10_000), (0.7, 0.1, 10_000)) == pytest.approx(0.1, abs=0.005)
    assert least_fall((0.8, 0.3, 20), (0.75, 0.3, 20)) < 0
