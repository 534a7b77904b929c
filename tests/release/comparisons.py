"""Comparisons of a champion with a challenger, and what the criteria say of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.release.criteria import Criteria, Finding, Verdict, judge
from shared.release.metrics import Comparison, LabelPair, Side

SIDE = Side(images=200, scored=200, mean_score=0.8, deviation=0.2, p95_ms=60.0)
ALIKE = (LabelPair("roses", "roses", 60), LabelPair("tulips", "tulips", 38), LabelPair("roses", "tulips", 2))
EQUAL = Comparison(SIDE, SIDE, ALIKE)


def judged(comparison: Comparison = EQUAL, **criteria: Any) -> Verdict:
    return judge(comparison, Criteria(**criteria))


def against(**figures: Any) -> Comparison:
    return replace(EQUAL, challenger=replace(SIDE, **figures))


def finding(verdict: Verdict, criterion: str) -> Finding:
    [match] = [evidence.finding for evidence in verdict.evidence if evidence.criterion == criterion]
    return match
