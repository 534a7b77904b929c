"""Cross-validation: all choices and figures are of pictures that the judging network has not seen.

Each fold's network learns from the other folds and judges its own. The number of epochs, the share of a linear probe in
the weights and the serving size are chosen on all pictures together. Each network is then converted to int8 and judges
its fold again through the serving path; those outputs make the figures of the card.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.errors import Misconfigured
from shared.training.batches import targets_of
from shared.training.dataset import Dataset
from shared.training.fit import Recipe, epoch_of, identity_of
from shared.training.fold import AS_THEY_ARE, Arrays, Fold
from shared.training.mix import SHARES, Mix
from shared.training.out_of_fold import Judged, judged_by
from shared.training.paired import Tried, compare_candidates, plainest_candidate
from shared.training.request import FOLDS_FILE, Request, Watcher
from shared.training.splits import folds_of
from shared.training.state import Epoch, chosen_epoch, differences

Logits = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class CrossValidated:
    """The choices of a cross-validation, and the outputs of its networks."""

    history: Sequence[Epoch]
    """The folds' learning curves as one: mean loss, and validation on all pictures."""
    epochs: int
    mixes: Sequence[Mix]
    """The tried mixes, the chosen one first; empty without mixing."""
    share: float
    """The share of the fine-tuned weights."""
    sizes: Sequence[Tried]
    size_px: int
    judged: Sequence[Judged]
    """Every picture, by the int8 network of its fold, through the serving path."""
    targets: npt.NDArray[np.int64]
    """Indices of the true labels of the same pictures."""
    harder: Mapping[str, Logits]
    """Condition to the logits of the same pictures under it; empty where no condition was requested."""
    float32: Logits
    """Logits of the same pictures before conversion."""
    novelties: npt.NDArray[np.floating]
    """Novelty of the same pictures by directions of the other folds; of no length if the feature maps are hidden."""
    fold_sizes: Sequence[int]
    identity: Mapping[str, Any]
    mixed: Sequence[Tried]

    def as_json(self, seconds: float) -> dict[str, Any]:
        """Return the lineage's part on folds; ``seconds`` is the training time of the bundle's own network."""
        return {
            "count": len(self.fold_sizes),
            "images": list(self.fold_sizes),
            "chosen": {"epochs": self.epochs, "share": self.share, "size_px": self.size_px},
            "shares": [asdict(mix) for mix in self.mixed],
            "sizes": [asdict(size) for size in self.sizes],
            "seconds_of_the_whole": round(seconds),
        }


def cross_validate(
    request: Request, dataset: Dataset, recipe: Recipe, folder: Path, watcher: Watcher
) -> CrossValidated:
    """Train a network for each fold, or resume the run whose state is in ``folder``, and choose.

    The folder holds the weights of every epoch in half precision, 7 MB each for an EfficientNet-Lite0.

    Args:
        request: the number of folds, the grouping, and the sizes that serving may use.
        dataset: already in grey where the recipe is grey.
        recipe: how each network is trained; ``patience`` is ignored, since all have the same number of epochs.
        folder: the state is kept here.
        watcher: sees each step.

    Raises:
        Misconfigured: the data cannot be divided into folds, or ``folder`` holds the state of a run with another
            identity.
    """
    parts = folds_of(dataset.examples, request.folds, request.group_by)
    watcher.on_folds(dataset, [len(part) for part in parts])
    watcher.on_recipe(recipe)
    whole = _identity(request, dataset, recipe)
    _check(folder, whole)
    folds = [
        Fold(
            number,
            [example for other in parts if other is not part for example in other],
            part,
            dataset.labels,
            recipe,
            folder,
        )
        for number, part in enumerate(parts, start=1)
    ]
    histories = []
    for fold in folds:
        watcher.on_run(f"fold {fold.number} of {len(folds)}", len(fold.training), len(fold.held_out))
        histories.append(fold.fit(request, {**whole, "fold": fold.number}, watcher))
    targets = targets_of([example for part in parts for example in part], dataset.labels)
    history = _together(histories, folds, targets)
    epochs = chosen_epoch(history).number
    mixed = [Tried(1.0, 0.0, 0.0, 0.0, 0.0)]
    if recipe.mix:
        watcher.on_export("mixing with linear probes")
        mixed = compare_candidates(_pooled([fold.mixes(epochs) for fold in folds], SHARES), targets)
    share = plainest_candidate(mixed).value
    watcher.on_export("choosing the size to serve at")
    edges = sorted(set(request.plan.serve_sizes))
    by_size = _pooled([fold.sizes(epochs, share, edges) for fold in folds], edges)
    sizes = compare_candidates(by_size, targets)
    size_px = round(plainest_candidate(sizes).value)
    watcher.on_export(f"converting each fold's network to int8 at {size_px} px, and running it as serving does")
    harder = request.plan.harder and len(dataset.labels) == 2
    served = [fold.served(epochs, share, size_px, harder) for fold in folds]
    pictures = [
        picture
        for fold, outputs in zip(folds, served, strict=True)
        for picture in judged_by(fold.number, fold.held_out, outputs[AS_THEY_ARE])
    ]
    conditions = [name for name in served[0] if name != AS_THEY_ARE]
    return CrossValidated(
        history=history,
        epochs=epochs,
        mixes=_as_mixes(mixed) if recipe.mix else [],
        share=share,
        sizes=sizes,
        size_px=size_px,
        judged=pictures,
        targets=targets,
        harder={name: np.concatenate([outputs[name] for outputs in served]) for name in conditions},
        float32=next(logits for edge, logits in by_size if edge == size_px),
        novelties=np.concatenate([fold.novelties(epochs, share, size_px) for fold in folds]),
        fold_sizes=[len(part) for part in parts],
        identity={**whole, "fold": 0},
        mixed=mixed if recipe.mix else [],
    )


def _together(
    histories: Sequence[Sequence[Epoch]], folds: Sequence[Fold], targets: npt.NDArray[np.int64]
) -> list[Epoch]:
    curve = []
    for epochs in zip(*histories, strict=True):
        logits = np.concatenate([fold.logits(epochs[0].number) for fold in folds])
        loss, accuracy = (
            float(np.mean(values)) for values in zip(*((epoch.loss, epoch.accuracy) for epoch in epochs), strict=True)
        )
        curve.append(
            epoch_of(epochs[0].number, loss, accuracy, logits, targets, sum(epoch.seconds for epoch in epochs))
        )
    return curve


def _pooled(outputs: Sequence[Arrays], values: Sequence[float]) -> list[tuple[float, Logits]]:
    return [(value, np.concatenate([of_fold[str(value)] for of_fold in outputs])) for value in values]


def _as_mixes(tried: Sequence[Tried]) -> list[Mix]:
    chosen = plainest_candidate(tried)
    return [
        Mix(candidate.value, candidate.accuracy, candidate.nll)
        for candidate in [chosen, *(other for other in tried if other is not chosen)]
    ]


def _identity(request: Request, dataset: Dataset, recipe: Recipe) -> dict[str, Any]:
    common = identity_of(recipe, dataset.fingerprint, 0.0, request.group_by, request.start)
    plan = {"serve_sizes": sorted(set(request.plan.serve_sizes)), "harder": request.plan.harder}
    return {**common, "folds": request.folds, **plan}


def _check(folder: Path, identity: Mapping[str, Any]) -> None:
    """Check that a run resumes its own state, and create the state of a new run."""
    file = folder / FOLDS_FILE
    if file.exists():
        if faults := differences(json.loads(file.read_text("utf-8")), json.loads(json.dumps(identity))):
            raise Misconfigured(f"cannot resume from {folder}", faults)
        return
    folder.mkdir(parents=True, exist_ok=True)
    new_file = folder / f"{FOLDS_FILE}.new"
    new_file.write_text(json.dumps(identity), "utf-8")
    new_file.replace(file)
