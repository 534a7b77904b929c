"""Write the scores: a table for docs/reliability.md, and the survivors for docs/mutations.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.mutation.chapters import GOAL
from tests.mutation.judged import Judged, judgement_of
from tests.mutation.session import NOTICED, UNTESTED, Result

HEAD = """| chapter | mutants | tried | noticed | of those tried | change nothing | of the others | survivors | on |
|---|---|---|---|---|---|---|---|---|"""


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that no test noticed and that no person judged to change nothing."""

    path: str
    line: int
    place: str
    before: str
    after: str
    is_run: bool
    """Whether any test of the first tier runs its line."""


@dataclass(frozen=True, slots=True)
class Score:
    """How many of a chapter's mutants were noticed."""

    chapter: str
    mutants: int
    """The total of its mutants."""
    tried: int
    noticed: int
    judged: int
    """Mutants that no test noticed and that change nothing, by the list."""
    on: str
    """The day, as ``2026-11-30``."""
    machine: str
    survivors: tuple[Survivor, ...]

    @property
    def plain(self) -> float:
        """The share of the tried mutants that was noticed."""
        return self.noticed / self.tried if self.tried else 0.0

    @property
    def without_judged(self) -> float:
        """The share that was noticed of the mutants that were not judged to change nothing."""
        return self.noticed / (self.tried - self.judged) if self.tried > self.judged else 0.0

    @property
    def is_reached(self) -> bool:
        """Whether the goal is reached."""
        return self.without_judged >= GOAL


def score(
    chapter: str, mutants: int, results: Sequence[Result], entries: Sequence[Judged], on: str, machine: str
) -> Score:
    """Return a chapter's score from the outcomes of its mutants."""
    noticed = sum(result.outcome in NOTICED for result in results)
    left = [result for result in results if result.outcome not in NOTICED and not judgement_of(result.mutant, entries)]
    survivors = tuple(map(_survivor, left))
    return Score(chapter, mutants, len(results), noticed, len(results) - noticed - len(left), on, machine, survivors)


def _survivor(result: Result) -> Survivor:
    mutant = result.mutant
    return Survivor(
        mutant.path, mutant.line, mutant.place, mutant.before, mutant.after, is_run=result.outcome != UNTESTED
    )


def table(scores: Sequence[Score]) -> str:
    """Return the table of the scores, as Markdown, and where they were measured."""
    if not scores:
        return "Nothing is measured yet."
    machines = "; ".join(sorted({score.machine for score in scores}))
    return "\n".join([HEAD, *map(_line, scores), "", f"`make mutate` ({machines})."])


def _line(score: Score) -> str:
    counts = [f"{count:,}" for count in (score.mutants, score.tried, score.noticed, score.judged, len(score.survivors))]
    mutants, tried, noticed, judged, left = counts
    parts = (_per_cent(score.plain), _per_cent(score.without_judged))
    cells = (f"`{score.chapter}`", mutants, tried, noticed, parts[0], judged, parts[1], left, score.on)
    return f"| {' | '.join(cells)} |"


def _per_cent(part: float) -> str:
    return f"{int(part * 1000) / 10:.1f} %"  # cut, not rounded: 84.96 % is not 85


def listed(scores: Sequence[Score]) -> str:
    """Return the survivors of each chapter, as Markdown."""
    return "\n".join(line for score in scores for line in [f"## {score.chapter}", "", *_lines(score), ""])


def _lines(score: Score) -> list[str]:
    lines = []
    for survivor in score.survivors:
        where = f"{survivor.path}:{survivor.line}" + (f", `{survivor.place}`" if survivor.place else "")
        unrun = "" if survivor.is_run else " (no test of the first tier runs it)"
        lines.append(f"- {where}{unrun}: {_code(survivor.before)} → {_code(survivor.after)}")
    return lines or ["None."]


def _code(text: str) -> str:
    return f"`` {text if len(text) <= 150 else f'{text[:150]}…'} ``" if text else "nothing"


def between(document: str, mark: str, text: str) -> str:
    """Return a document with a text between ``<!-- mark -->`` and ``<!-- /mark -->``.

    Raises:
        ValueError: the markers are not there exactly once.
    """
    pattern = re.compile(rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", re.DOTALL)
    if len(pattern.findall(document)) != 1:
        raise ValueError(f"expected <!-- {mark} --> and <!-- /{mark} --> once in the document")
    return pattern.sub(lambda match: f"{match[1]}{text}\n{match[2]}", document)
