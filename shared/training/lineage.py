"""A model's lineage: data, recipe, code and libraries, as in the manifest."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.training.backbones import BACKBONES
from shared.training.dataset import Dataset, Example
from shared.training.fit import Recipe
from shared.training.libraries import library_versions
from shared.training.mix import Mix
from shared.training.splits import BY_THRESHOLD
from shared.training.start import Start
from shared.training.state import Epoch, chosen_epoch

LIBRARIES = ("tensorflow-cpu", "tensorflow", "keras", "ai-edge-litert", "numpy", "pillow", "scikit-learn")
"""The packages that decide the result."""

CODE = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Lineage:
    """Everything that a model was made from."""

    dataset: Dataset
    training: Sequence[Example]
    validation: Sequence[Example]
    history: Sequence[Epoch]
    mixes: Sequence[Mix]
    """The tried mixes, the chosen one first; empty without mixing."""
    recipe: Recipe
    options: Mapping[str, Any]
    """The command's options, without paths of its machine."""
    code: Mapping[str, Any]
    """From ``code_version`` at the run's start, since files may change while it runs."""
    start: Start | None = None
    """The bundle that training began with, instead of ImageNet weights."""
    folds: Mapping[str, Any] | None = None
    """The choices of the folds; None where validation pictures were kept apart."""

    def as_json(self) -> dict[str, Any]:
        """Return the manifest's part ``lineage``."""
        counts = self.dataset.counts
        return {
            "data": {
                "name": self.dataset.name,
                "fingerprint": self.dataset.fingerprint,
                "images": sum(counts.values()),
                "by_label": counts,
                "training": len(self.training),
                "validation": len(self.validation),
                "left_out": len(self.dataset.bad_files),
                "split": BY_THRESHOLD,
            },
            **({} if self.folds is None else {"folds": dict(self.folds)}),
            "network": BACKBONES[self.recipe.backbone].title,
            "pretrained": self.start.source if self.start else BACKBONES[self.recipe.backbone].source,
            "options": dict(self.options),
            "recipe": asdict(self.recipe),
            "seed": self.recipe.seed,
            "epochs": {
                "run": len(self.history),
                "chosen": chosen_epoch(self.history).number,
                "seconds": round(sum(epoch.seconds for epoch in self.history)),
                "curve": [_rounded(epoch) for epoch in self.history],
            },
            "mix_with_probe": [asdict(mix) for mix in self.mixes],
            "code": dict(self.code),
            "libraries": library_versions(LIBRARIES),
            "trained_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def code_version(folder: Path = CODE) -> dict[str, Any]:
    """Return the commit of the code, and whether files differ from it; None without git.

    The bundles are left out, since a run writes them and does not depend on them.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--", ".", ":(exclude)shared/models")
    return {"commit": commit, "has_changes": None if changes is None else bool(changes)}


def _rounded(epoch: Epoch) -> dict[str, float]:
    figures = {name: value for name, value in asdict(epoch).items() if name not in ("number", "seconds")}
    return {name: round(value, 4) for name, value in figures.items() if not math.isnan(value)}


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", *arguments]
    try:
        answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
