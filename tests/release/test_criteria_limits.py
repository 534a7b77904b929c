"""Each criterion's limit: what is exactly at it, one below and one above; and whose word counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.release.confidence_bounds import least_fall, least_rise, wilson_interval
from shared.release.criteria import Criteria, Finding, judge
from shared.release.metrics import Comparison, LabelPair, Side
from tests.release.comparisons import ALIKE, EQUAL, SIDE, against, finding, judged

DIFFERENT = (LabelPair("roses", "tulips", 30), LabelPair("roses", "roses", 70))


def sides(champion: int, challenger: int, corrected: tuple[int, int] = (0, 0)) -> tuple[Side, Side]:
    """Return both sides, of which people labelled so many images and corrected so many."""
    return (
        replace(SIDE, judged=champion, corrected=corrected[0]),
        replace(SIDE, judged=challenger, corrected=corrected[1]),
    )


def test_people_who_corrected_nobody_do_not_outvote_the_champion() -> None:
    """Where no label was corrected on either side, nothing says that the challenger, who differs, is right."""
    verdict = judged(Comparison(*sides(100, 100), DIFFERENT))
    assert finding(verdict, "corrections by people") is Finding.GOOD
    assert finding(verdict, "agreement of labels") is Finding.WORSE
    assert verdict.finding is Finding.WORSE


def test_one_correction_of_the_champion_is_the_word_of_people() -> None:
    verdict = judged(Comparison(*sides(100, 100, (1, 0)), DIFFERENT))
    assert finding(verdict, "agreement of labels") is Finding.GOOD


def test_people_who_correct_the_challenger_more_do_not_outvote_the_champion() -> None:
    verdict = judged(Comparison(*sides(100, 100, (5, 40)), DIFFERENT))
    assert [one.criterion for one in verdict.evidence if one.finding is Finding.WORSE] == [
        "agreement of labels",
        "corrections by people",
    ]


def test_too_few_labels_of_people_do_not_outvote_the_champion() -> None:
    assert finding(judged(Comparison(*sides(19, 100, (5, 0)), DIFFERENT)), "agreement of labels") is Finding.WORSE


@pytest.mark.parametrize(("images", "expected"), [(49, Finding.UNKNOWN), (50, Finding.GOOD), (51, Finding.GOOD)])
@pytest.mark.parametrize("side", ["champion", "challenger"])
def test_as_many_images_as_are_asked_for_are_enough(side: str, images: int, expected: Finding) -> None:
    few = replace(SIDE, images=images)
    found = replace(EQUAL, champion=few) if side == "champion" else replace(EQUAL, challenger=few)
    for criterion in ("images", "rejected uploads", "mean confidence", "95 % answer within"):
        assert finding(judged(found), criterion) is expected, criterion


@pytest.mark.parametrize(("shared", "expected"), [(19, Finding.UNKNOWN), (20, Finding.GOOD), (21, Finding.GOOD)])
def test_as_many_shared_pictures_as_are_asked_for_are_enough(shared: int, expected: Finding) -> None:
    verdict = judged(replace(EQUAL, pairs=(LabelPair("roses", "roses", shared),)))
    assert finding(verdict, "agreement of labels") is expected


@pytest.mark.parametrize(
    ("judged_images", "expected"),
    [((19, 20), Finding.UNKNOWN), ((20, 19), Finding.UNKNOWN), ((20, 20), Finding.GOOD), ((21, 21), Finding.GOOD)],
)
def test_as_many_labels_as_are_asked_for_are_enough(judged_images: tuple[int, int], expected: Finding) -> None:
    verdict = judged(Comparison(*sides(*judged_images), ALIKE))
    assert finding(verdict, "corrections by people") is expected


def test_of_nothing_nothing_is_known_whatever_is_asked() -> None:
    """A minimum of 0 asks for no evidence, and does not make some of none."""
    verdict = judged(Comparison(Side(), Side(), ()), min_images=0, min_shared=0, min_judged=0)
    findings = {one.criterion: one.finding for one in verdict.evidence}
    assert findings.pop("images") is Finding.GOOD
    assert set(findings.values()) == {Finding.UNKNOWN}


BEFORE, AFTER = (10, 200), (40, 200)
LIMITS: dict[str, tuple[Comparison, str, Callable[[], float]]] = {
    "rejected uploads": (
        Comparison(replace(SIDE, rejected=BEFORE[0]), replace(SIDE, rejected=AFTER[0]), ALIKE),
        "max_rejected_rise",
        lambda: least_rise(BEFORE, AFTER),
    ),
    "corrections by people": (
        Comparison(*sides(200, 200, (BEFORE[0], AFTER[0])), ALIKE),
        "max_corrected_rise",
        lambda: least_rise(BEFORE, AFTER),
    ),
    "mean confidence": (
        against(mean_score=0.7),
        "max_score_fall",
        lambda: least_fall((0.8, 0.2, 200), (0.7, 0.2, 200)),
    ),
}
"""By criterion: figures, the option, and by how much they are worse at least."""


@pytest.mark.parametrize("criterion", LIMITS)
def test_what_is_exactly_as_much_worse_as_it_may_be_is_good(criterion: str) -> None:
    found, option, measured = LIMITS[criterion]
    worse_by = measured()
    assert worse_by > 0

    def at(limit: float) -> Finding:
        asked: dict[str, Any] = {option: limit}
        return finding(judge(found, Criteria(**asked)), criterion)

    assert (at(worse_by), at(worse_by + 1e-9), at(worse_by - 1e-9)) == (Finding.GOOD, Finding.GOOD, Finding.WORSE)


def test_an_agreement_that_may_be_exactly_what_is_asked_for_is_good() -> None:
    most = wilson_interval(70, 100)[1]
    found = replace(EQUAL, pairs=DIFFERENT)
    assert finding(judged(found, min_agreement=most), "agreement of labels") is Finding.GOOD
    assert finding(judged(found, min_agreement=most + 1e-9), "agreement of labels") is Finding.WORSE


@pytest.mark.parametrize(
    ("before_ms", "after_ms", "expected"),
    [
        (60.0, 110.0, Finding.GOOD),  # the slack, exactly
        (60.0, 110.1, Finding.WORSE),
        (1000.0, 1500.0, Finding.GOOD),  # the ratio, exactly
        (1000.0, 1500.1, Finding.WORSE),
        (100.0, 150.0, Finding.GOOD),  # both
        (100.0, 150.1, Finding.WORSE),
    ],
)
def test_latency_is_worse_beyond_both_the_ratio_and_the_slack(
    before_ms: float, after_ms: float, expected: Finding
) -> None:
    found = replace(EQUAL, champion=replace(SIDE, p95_ms=before_ms), challenger=replace(SIDE, p95_ms=after_ms))
    assert finding(judged(found), "95 % answer within") is expected


def test_a_mean_of_a_single_score_says_nothing() -> None:
    one, two = (against(scored=scored, mean_score=0.1, deviation=None) for scored in (1, 2))
    assert finding(judged(one), "mean confidence") is Finding.UNKNOWN
    assert finding(judged(two), "mean confidence") is Finding.WORSE


@pytest.mark.parametrize(("least", "shared", "expected"), [(0, 0, "unknown"), (0, 1, "good"), (1, 1, "good")])
def test_one_shared_picture_is_evidence_where_no_more_are_asked_for(least: int, shared: int, expected: str) -> None:
    found = replace(EQUAL, pairs=(LabelPair("roses", "roses", shared),))
    assert finding(judged(found, min_shared=least), "agreement of labels") == expected


@pytest.mark.parametrize(("least", "labelled", "expected"), [(0, 0, "unknown"), (0, 1, "good"), (1, 1, "good")])
def test_one_label_of_a_person_is_evidence_where_no_more_are_asked_for(
    least: int, labelled: int, expected: str
) -> None:
    verdict = judged(Comparison(*sides(labelled, labelled), ALIKE), min_judged=least)
    assert finding(verdict, "corrections by people") == expected


def test_latency_of_one_side_alone_is_not_compared() -> None:
    for champion, challenger in ((SIDE, replace(SIDE, p95_ms=None)), (replace(SIDE, p95_ms=None), SIDE)):
        verdict = judged(replace(EQUAL, champion=champion, challenger=challenger))
        assert finding(verdict, "95 % answer within") is Finding.UNKNOWN


def test_latency_says_what_is_asked_of_it_or_that_a_shadow_is_not_compared() -> None:
    for found, expected in (
        (EQUAL, "at most 1.5 times, or 50 ms more"),
        (against(p95_ms=None), "at most 1.5 times, or 50 ms more"),
        (replace(EQUAL, is_shadow=True), "not compared: a shadow runs elsewhere"),
    ):
        [asked] = [one.asked for one in judged(found).evidence if one.criterion == "95 % answer within"]
        assert asked == expected


def test_evidence_shows_both_sides_and_none_where_there_is_nothing() -> None:
    shown = {one.criterion: (one.champion, one.challenger) for one in judged(Comparison(SIDE, Side(), ALIKE)).evidence}
    assert shown == {
        "images": ("200", "0"),
        "agreement of labels": ("", "98.0% of 100"),
        "corrections by people": ("none", "none"),
        "rejected uploads": ("0.0% of 200", "none"),
        "mean confidence": ("0.800", "none"),
        "95 % answer within": ("60 ms", "none"),
    }


@pytest.mark.parametrize(("least", "images", "expected"), [(0, 0, "unknown"), (0, 1, "good"), (1, 1, "good")])
def test_one_image_of_each_side_is_evidence_where_no_more_are_asked_for(least: int, images: int, expected: str) -> None:
    side = replace(SIDE, images=images)
    verdict = judged(Comparison(side, side, ALIKE), min_images=least)
    assert finding(verdict, "rejected uploads") == finding(verdict, "95 % answer within") == expected
