"""Criteria for a challenger: each compares one metric, and together they make the verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shared.release.confidence_bounds import least_fall, least_rise, wilson_interval
from shared.release.metrics import Comparison, Side


class Finding(StrEnum):
    """The finding of a criterion, and of a verdict."""

    GOOD = "good"
    """Better, equal, or not certainly worse."""
    WORSE = "worse"
    UNKNOWN = "unknown"
    """Not enough evidence yet."""


EXIT_CODES = {Finding.GOOD: 0, Finding.WORSE: 1, Finding.UNKNOWN: 3}


def _bound(default: float, help: str) -> Any:
    """Declare a criterion's bound, with a sentence for the command line."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """The bounds that a challenger must keep. Shares are 0 to 1; a bound is broken at 95 % certainty.

    The command line's options are generated from these fields.
    """

    min_images: int = _bound(50, "Images that each side needs before figures are compared or the verdict can be good.")
    min_shared: int = _bound(20, "Pictures that both must have seen before labels are compared; 0: good without any.")
    min_judged: int = _bound(20, "Labelled images that each side needs before corrections are compared.")
    min_agreement: float = _bound(0.9, "Least share of the pictures that both saw to which both give the same label.")
    max_rejected_rise: float = _bound(0.01, "By how much the share of rejected uploads may rise.")
    max_corrected_rise: float = _bound(0.01, "By how much the share of corrected labels may rise.")
    max_score_fall: float = _bound(0.02, "By how much the mean calibrated score may fall.")
    max_latency_ratio: float = _bound(1.5, "How many times as long as the champion's the slowest 5 % may take.")
    latency_slack_ms: float = _bound(50.0, "Milliseconds by which the slowest 5 % may take longer in any case.")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One criterion with its finding, both sides' metrics, and the bound (``asked``, the name in JSON)."""

    criterion: str
    finding: Finding
    champion: str
    challenger: str
    asked: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result for a challenger, and why."""

    finding: Finding
    why: str
    evidence: tuple[Evidence, ...]

    @property
    def exit_code(self) -> int:
        """0 for better or equal, 1 for worse, 3 for not enough evidence."""
        return EXIT_CODES[self.finding]


def judge(comparison: Comparison, criteria: Criteria) -> Verdict:
    """Evaluate every criterion.

    A challenger is worse if one criterion finds it worse. It is good if there are enough images, no criterion is
    against it, and its labels were checked: both sides saw the same pictures, or people corrected some (unless
    ``min_shared`` is 0).
    """
    images = _images(comparison, criteria)
    labels = (_agreement(comparison, criteria), _corrections(comparison, criteria))
    evidence = (
        images,
        *labels,
        _rejections(comparison, criteria),
        _confidence(comparison, criteria),
        _latency(comparison, criteria),
    )
    if worse := [item.criterion for item in evidence if item.finding is Finding.WORSE]:
        return Verdict(Finding.WORSE, f"the challenger is worse by {', '.join(worse)}", evidence)
    if images.finding is Finding.UNKNOWN:
        return Verdict(Finding.UNKNOWN, f"not enough evidence yet: {images.asked} are required", evidence)
    if all(item.finding is Finding.UNKNOWN for item in labels) and criteria.min_shared:
        why = "nothing is known of its labels yet: show both the same pictures (--shadow), or label some"
        return Verdict(Finding.UNKNOWN, why, evidence)
    return Verdict(Finding.GOOD, "the challenger is as good as the champion, or better", evidence)


def _images(comparison: Comparison, criteria: Criteria) -> Evidence:
    champion, challenger = comparison.champion.images, comparison.challenger.images
    finding = Finding.GOOD if min(champion, challenger) >= criteria.min_images else Finding.UNKNOWN
    return Evidence("images", finding, f"{champion}", f"{challenger}", f"at least {criteria.min_images} images each")


def _agreement(comparison: Comparison, criteria: Criteria) -> Evidence:
    share = _share(comparison.agreed, comparison.shared)
    most = wilson_interval(comparison.agreed, comparison.shared)[1]
    is_known = comparison.shared >= max(criteria.min_shared, 1)
    bound = f"at least {criteria.min_agreement:.0%} alike, of at least {criteria.min_shared} pictures"
    # People's labels count for more: a challenger that disagrees with the champion may be right.
    outvoted = _corrections(comparison, criteria).finding is Finding.GOOD and comparison.champion.corrected > 0
    is_worse = most < criteria.min_agreement and not outvoted
    return Evidence("agreement of labels", _finding(is_known, is_worse), "", share, bound)


def _corrections(comparison: Comparison, criteria: Criteria) -> Evidence:
    champion, challenger = comparison.champion, comparison.challenger
    rise = least_rise((champion.corrected, champion.judged), (challenger.corrected, challenger.judged))
    is_known = min(champion.judged, challenger.judged) >= max(criteria.min_judged, 1)
    bound = f"at most {criteria.max_corrected_rise:.1%} more, of at least {criteria.min_judged} labelled each"
    finding = _finding(is_known, rise > criteria.max_corrected_rise)
    shares = _share(champion.corrected, champion.judged), _share(challenger.corrected, challenger.judged)
    return Evidence("corrections by people", finding, *shares, bound)


def _rejections(comparison: Comparison, criteria: Criteria) -> Evidence:
    champion, challenger = comparison.champion, comparison.challenger
    rise = least_rise((champion.rejected, champion.images), (challenger.rejected, challenger.images))
    finding = _finding(_is_measured(comparison, criteria), rise > criteria.max_rejected_rise)
    shares = _share(champion.rejected, champion.images), _share(challenger.rejected, challenger.images)
    return Evidence("rejected uploads", finding, *shares, f"at most {criteria.max_rejected_rise:.1%} more")


def _confidence(comparison: Comparison, criteria: Criteria) -> Evidence:
    champion, challenger = comparison.champion, comparison.challenger
    fall = least_fall(_scores(champion), _scores(challenger))
    is_known = _is_measured(comparison, criteria) and min(champion.scored, challenger.scored) > 1
    means = _number(champion.mean_score, "{:.3f}"), _number(challenger.mean_score, "{:.3f}")
    finding = _finding(is_known, fall > criteria.max_score_fall)
    return Evidence("mean confidence", finding, *means, f"at most {criteria.max_score_fall:.2f} less")


def _latency(comparison: Comparison, criteria: Criteria) -> Evidence:
    before, after = comparison.champion.p95_ms, comparison.challenger.p95_ms
    bound = f"at most {criteria.max_latency_ratio:g} times, or {criteria.latency_slack_ms:g} ms more"
    shown = (_number(before, "{:.0f} ms"), _number(after, "{:.0f} ms"))
    if before is None or after is None or comparison.is_shadow:
        bound = "not compared: a shadow runs elsewhere" if comparison.is_shadow else bound
        return Evidence("95 % answer within", Finding.UNKNOWN, *shown, bound)
    is_worse = after > criteria.max_latency_ratio * before and after > before + criteria.latency_slack_ms
    return Evidence("95 % answer within", _finding(_is_measured(comparison, criteria), is_worse), *shown, bound)


def _is_measured(comparison: Comparison, criteria: Criteria) -> bool:
    return min(comparison.champion.images, comparison.challenger.images) >= max(criteria.min_images, 1)


def _finding(is_known: bool, is_worse: bool) -> Finding:
    if not is_known:
        return Finding.UNKNOWN
    return Finding.WORSE if is_worse else Finding.GOOD


def _scores(side: Side) -> tuple[float, float, int]:
    return side.mean_score or 0.0, side.deviation or 0.0, side.scored


def _share(hits: int, of: int) -> str:
    return f"{hits / of:.1%} of {of}" if of else "none"


def _number(value: float | None, form: str) -> str:
    return "none" if value is None else form.format(value)
