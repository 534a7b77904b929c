"""Write the documents of the mutation scores, from docs/measured_mutations.json.

The file keeps each chapter's last run, so that a run of one chapter, or on another machine, leaves the others' figures.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from tests.mutation.chapters import CHAPTERS, ROOT
from tests.mutation.report import Score, Survivor, between, listed, table

MEASURED = Path("docs") / "measured_mutations.json"
SCORES = Path("docs") / "reliability.md"
SURVIVORS = Path("docs") / "mutations.md"


def scores(root: Path = ROOT) -> list[Score]:
    """Return the last score of each chapter that has been measured, in the chapters' order."""
    file = root / MEASURED
    document = json.loads(file.read_text("utf-8")) if file.exists() else {}
    known = [chapter.name for chapter in CHAPTERS if chapter.name in document]
    return [
        Score(
            name,
            **{**document[name], "survivors": tuple(Survivor(**survivor) for survivor in document[name]["survivors"])},
        )
        for name in known
    ]


def keep(score: Score, root: Path = ROOT) -> None:
    """Replace a chapter's score, and write the documents."""
    kept = {other.chapter: other for other in scores(root)} | {score.chapter: score}
    content = {
        name: {key: value for key, value in asdict(other).items() if key != "chapter"} for name, other in kept.items()
    }
    (root / MEASURED).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
    for path, text in written(root).items():
        (root / path).write_text(text, "utf-8")


def written(root: Path = ROOT) -> dict[Path, str]:
    """Return the documents as they should be."""
    all_scores = scores(root)
    texts = {SCORES: ("mutations", table(all_scores)), SURVIVORS: ("survivors", listed(all_scores))}
    return {path: between((root / path).read_text("utf-8"), *marked) for path, marked in texts.items()}
