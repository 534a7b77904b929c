"""When a challenger is worse, stated: each criterion weighs one figure, and the verdict is made of theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shared.release.chance import least_fall, least_rise, wilson
from shared.release.figures import Comparison, Side


class Finding(StrEnum):
    """What a criterion says, and a verdict."""

    GOOD = "good"
    """Better, equal, or not worse beyond doubt."""
    WORSE = "worse"
    UNKNOWN = "unknown"
    """Not enough evidence yet."""


EXIT_CODES = {Finding.GOOD: 0, Finding.WORSE: 1, Finding.UNKNOWN: 3}


def _asked(default: float, help: str) -> Any:
    """Declare a criterion's bound, with a sentence for the command line."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What is asked of a challenger. Shares are 0 to 1; a bound counts as broken at 95 % certainty.

    The command line's options are made of this.
    """

    min_images: int = _asked(50, "Images of each side before figures are compared, or anything is called good.")
    min_shared: int = _asked(20, "Pictures that both saw before their labels are compared; 0: good without any.")
    min_judged: int = _asked(20, "Images of each side that people labelled before corrections are compared.")
    min_agreement: float = _asked(0.9, "Share of shared pictures that both give the same label.")
    max_rejected_rise: float = _asked(0.01, "By how much the share of rejected uploads may rise.")
    max_corrected_rise: float = _asked(0.01, "By how much the share of corrected labels may rise.")
    max_score_fall: float = _asked(0.02, "By how much the mean score, which is calibrated, may fall.")
    max_latency_ratio: float = _asked(1.5, "How many times as long the slowest 5 % may take.")
    latency_slack_ms: float = _asked(50.0, "Milliseconds that they may take longer in any case.")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One criterion, what was found, and what was asked for."""

    criterion: str
    finding: Finding
    champion: str
    challenger: str
    asked: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done with a challenger, and why."""

    finding: Finding
    why: str
    evidence: tuple[Evidence, ...]

    @property
    def exit_code(self) -> int:
        """0 for better or equal, 1 for worse, 3 for not enough evidence."""
        return EXIT_CODES[self.finding]


def judge(found: Comparison, asked: Criteria) -> Verdict:
    """Weigh every criterion.

    Worse is what one criterion finds worse. Good needs the images, no criterion against it, and somebody's word on the
    labels: the same pictures seen by both, or people's corrections (unless ``min_shared`` is 0).
    """
    images = _images(found, asked)
    labels = (_agreement(found, asked), _corrections(found, asked))
    evidence = (images, *labels, _rejections(found, asked), _confidence(found, asked), _latency(found, asked))
    if worse := [one.criterion for one in evidence if one.finding is Finding.WORSE]:
        return Verdict(Finding.WORSE, f"the challenger is worse by {', '.join(worse)}", evidence)
    if images.finding is Finding.UNKNOWN:
        return Verdict(Finding.UNKNOWN, f"not enough evidence yet: {images.asked} are asked for", evidence)
    if all(one.finding is Finding.UNKNOWN for one in labels) and asked.min_shared:
        why = "nothing is known of its labels yet: show both the same pictures (--shadow), or label some"
        return Verdict(Finding.UNKNOWN, why, evidence)
    return Verdict(Finding.GOOD, "the challenger is as good as the champion, or better", evidence)


def _images(found: Comparison, asked: Criteria) -> Evidence:
    champion, challenger = found.champion.images, found.challenger.images
    finding = Finding.GOOD if min(champion, challenger) >= asked.min_images else Finding.UNKNOWN
    return Evidence("images", finding, f"{champion}", f"{challenger}", f"at least {asked.min_images} images each")


def _agreement(found: Comparison, asked: Criteria) -> Evidence:
    share = _share(found.agreed, found.shared)
    most = wilson(found.agreed, found.shared)[1]
    is_known = found.shared >= max(asked.min_shared, 1)
    wanted = f"at least {asked.min_agreement:.0%} alike, of at least {asked.min_shared} pictures"
    # People's word counts for more: who disagrees may be right.
    outvoted = _corrections(found, asked).finding is Finding.GOOD and found.champion.corrected > 0
    is_worse = most < asked.min_agreement and not outvoted
    return Evidence("agreement of labels", _finding(is_known, is_worse), "", share, wanted)


def _corrections(found: Comparison, asked: Criteria) -> Evidence:
    champion, challenger = found.champion, found.challenger
    rise = least_rise((champion.corrected, champion.judged), (challenger.corrected, challenger.judged))
    is_known = min(champion.judged, challenger.judged) >= max(asked.min_judged, 1)
    wanted = f"at most {asked.max_corrected_rise:.1%} more, of at least {asked.min_judged} labelled each"
    finding = _finding(is_known, rise > asked.max_corrected_rise)
    shares = _share(champion.corrected, champion.judged), _share(challenger.corrected, challenger.judged)
    return Evidence("corrections by people", finding, *shares, wanted)


def _rejections(found: Comparison, asked: Criteria) -> Evidence:
    champion, challenger = found.champion, found.challenger
    rise = least_rise((champion.rejected, champion.images), (challenger.rejected, challenger.images))
    finding = _finding(_is_measured(found, asked), rise > asked.max_rejected_rise)
    shares = _share(champion.rejected, champion.images), _share(challenger.rejected, challenger.images)
    return Evidence("rejected uploads", finding, *shares, f"at most {asked.max_rejected_rise:.1%} more")


def _confidence(found: Comparison, asked: Criteria) -> Evidence:
    champion, challenger = found.champion, found.challenger
    fall = least_fall(_scores(champion), _scores(challenger))
    is_known = _is_measured(found, asked) and min(champion.scored, challenger.scored) > 1
    means = _number(champion.mean_score, "{:.3f}"), _number(challenger.mean_score, "{:.3f}")
    finding = _finding(is_known, fall > asked.max_score_fall)
    return Evidence("mean confidence", finding, *means, f"at most {asked.max_score_fall:.2f} less")


def _latency(found: Comparison, asked: Criteria) -> Evidence:
    before, after = found.champion.p95_ms, found.challenger.p95_ms
    wanted = f"at most {asked.max_latency_ratio:g} times, or {asked.latency_slack_ms:g} ms more"
    shown = (_number(before, "{:.0f} ms"), _number(after, "{:.0f} ms"))
    if before is None or after is None or found.is_shadow:
        wanted = "not compared: a shadow runs elsewhere" if found.is_shadow else wanted
        return Evidence("95 % answer within", Finding.UNKNOWN, *shown, wanted)
    is_worse = after > asked.max_latency_ratio * before and after > before + asked.latency_slack_ms
    return Evidence("95 % answer within", _finding(_is_measured(found, asked), is_worse), *shown, wanted)


def _is_measured(found: Comparison, asked: Criteria) -> bool:
    return min(found.champion.images, found.challenger.images) >= max(asked.min_images, 1)


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
