"""The table of screened recipes: differences are of the same pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.system.proofs.recipes import FACTS, RESULT, lines


def screened(folder: Path, predicted: list[int], judged: list[str]) -> Path:
    folder.mkdir()
    logits = 2.0 * np.eye(3)[predicted]
    arrays = {"targets": np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0]), "224 px": logits}
    np.savez(folder / RESULT, **arrays)  # type: ignore[arg-type]
    (folder / FACTS).write_text(json.dumps({"set": [folder.name], "minutes": 7, "judged": judged}))
    return folder


def test_table_counts_pictures_that_only_one_recipe_gets_right(tmp_path: Path) -> None:
    pictures = [str(number) for number in range(10)]
    base = screened(tmp_path / "mixup=0", [0, 1, 2, 0, 1, 2, 1, 1, 2, 1], pictures)
    other = screened(tmp_path / "mixup=1", [0, 1, 2, 0, 1, 2, 0, 1, 2, 0], pictures)
    *_, first, second = lines([base, other])
    assert first.split(" | ")[3:4] == ["80.0% ± 12.6%"]
    assert second.split(" | ")[3:4] == ["100.0% ± 0.0%"]
    assert second.endswith("| 2, 0 | 0.50 |")


def test_recipes_judged_on_different_pictures_are_not_compared(tmp_path: Path) -> None:
    base = screened(tmp_path / "one", [0] * 10, ["a"])
    other = screened(tmp_path / "other", [0] * 10, ["b"])
    with pytest.raises(SystemExit, match="was judged on other pictures than"):
        list(lines([base, other]))
