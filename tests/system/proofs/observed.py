"""What a model and its signals give for photographs under each condition, computed once and kept in a file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.adapters.runtimes.litert import LiteRTModel
from shared.bundles.bundle import Bundle
from shared.errors import Misconfigured
from shared.images.small_copy import small_copy
from shared.inference.classifier import calibrate_scores, decide_label
from shared.monitoring.window import Bools, Floats, Pictures
from shared.signals.novelty import EMBEDDING_DIGITS, directions_of, embedding_of, novelties_of
from shared.signals.statistics import LONG_EDGE_PX, statistics_of
from shared.training.dataset import Dataset, Example, read_dataset, spread
from shared.training.held_out import held_out_examples
from shared.training.profile import look_at
from shared.training.silence import silence
from shared.training.splits import folds_of
from shared.wiring import load_model
from tests.system.proofs.conditions import CONDITIONS, NONE, change

FOLDS = 5
"""As those of ``bucketlens bundle profile``: a picture's novelty is by directions of the other folds' pictures."""

FOREIGN = "another domain"

MOST_CHANGED = 500
"""Pictures that are changed by each condition; of more, some at equal distances."""


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """Numbers of n pictures, a row each."""

    labels: npt.NDArray[np.str_]
    """The label that the model gave, shape (n,)."""
    scores: Floats
    statistics: Floats
    novelty: Floats
    embeddings: Floats
    is_right: Bools
    """Whether the label is the true one, shape (n,); never for pictures of another domain."""

    def __len__(self) -> int:
        return len(self.labels)

    def at(self, indices: npt.NDArray[Any]) -> Observed:
        """Return some of the pictures."""
        return Observed(*(getattr(self, field.name)[indices] for field in fields(self)))

    def pictures(self) -> Pictures:
        """Return what monitoring takes: everything but the truth."""
        return Pictures(tuple(map(str, self.labels)), self.scores, self.statistics, self.novelty, self.embeddings)


def together(first: Observed, second: Observed) -> Observed:
    """Return the pictures of both."""
    return Observed(
        *(np.concatenate([getattr(side, field.name) for side in (first, second)]) for field in fields(Observed))
    )


@dataclass(frozen=True, slots=True, eq=False)
class Photographs:
    """The pictures of a proof."""

    whole: Observed
    """All pictures of the data as they are, which references are drawn from."""
    changed: Mapping[str, Observed]
    """By condition; row i of each is picture ``windows[i]`` of ``whole``."""
    windows: npt.NDArray[np.int64]
    """The pictures that windows are drawn from."""
    are_unseen: bool
    """Whether the model was not trained on the pictures of the windows."""
    foreign: Observed | None
    """Pictures of another domain."""


def photographs(
    bundle: Bundle, data: Path, foreign: Path | None, kept_in: Path | None, on_step: Callable[[str], None]
) -> Photographs:
    """Observe photographs, or read what an earlier call kept.

    Windows are drawn from pictures that the model was not trained on, by the bundle's own division. Data that it was
    not made from are all new to it. Where a model was trained on every picture, windows are of these.

    Args:
        bundle: of a model that gives out its feature map.
        data: has one sub-folder a label of the model.
        foreign: a folder of pictures of another domain, in sub-folders.
        kept_in: a folder for the numbers; None to keep none.
        on_step: called with what is being done.

    Raises:
        Misconfigured: the data cannot be read, or the model hides its feature map.
    """
    on_step("reading the pictures")
    dataset = read_dataset(data, shrink_to_px=bundle.manifest.input.long_edge_px)
    strangers = [] if foreign is None else spread(_files(foreign, bundle), MOST_CHANGED)
    names = [bundle.manifest.files[bundle.manifest.model_file], dataset.fingerprint, *(e.sha256 for e in strangers)]
    key = hashlib.sha256("".join(names).encode()).hexdigest()[:16]
    unseen = _unseen(bundle, data, dataset)
    candidates = spread(unseen or dataset.examples, MOST_CHANGED)
    index_of = {example.path: index for index, example in enumerate(dataset.examples)}
    windows = np.array([index_of[example.path] for example in candidates], np.int64)
    file = None if kept_in is None else kept_in / f"observed-{key}.npz"
    if file is None or not file.exists():
        parts = _observe(bundle, dataset, windows, strangers, on_step)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            _write(file, parts)
    else:
        parts = _read(file)
    changed = {condition: parts[condition] for condition in CONDITIONS}
    return Photographs(parts["whole"], changed, windows, bool(unseen), parts.get(FOREIGN))


def _files(folder: Path, bundle: Bundle) -> Sequence[Example]:
    return read_dataset(folder, shrink_to_px=bundle.manifest.input.long_edge_px).examples


def _unseen(bundle: Bundle, data: Path, dataset: Dataset) -> Sequence[Example]:
    """Return the pictures that the model was not trained on; none where it was trained on all of them."""
    made_from = bundle.manifest.lineage.get("data", {})
    if not isinstance(made_from, Mapping) or made_from.get("fingerprint") != dataset.fingerprint:
        return dataset.examples
    if bundle.manifest.lineage.get("folds"):
        return []
    return held_out_examples(data, [bundle.manifest])


def _observe(
    bundle: Bundle,
    dataset: Dataset,
    windows: npt.NDArray[np.int64],
    strangers: Sequence[Example],
    on_step: Callable[[str], None],
) -> dict[str, Observed]:
    with silence():
        model = load_model(bundle, threads=2)
    if not isinstance(model, LiteRTModel) or bundle.manifest.explain is None:
        raise Misconfigured(f"the bundle {bundle.manifest.name}", ["its model gives out no feature map"])
    spec = bundle.manifest.input
    on_step(f"classifying {len(dataset.examples)} pictures")
    whole = look_at(model, dataset.examples, spec)
    group_by = str(bundle.manifest.lineage.get("options", {}).get("group_by", ""))
    parts = folds_of(dataset.examples, FOLDS, group_by)
    fold_by_path = {example.path: fold for fold, part in enumerate(parts) for example in part}
    folds = np.array([fold_by_path[example.path] for example in dataset.examples])
    every = directions_of(whole.features)
    by_fold = [directions_of(whole.features[folds != fold]) for fold in range(FOLDS)]

    def numbers(examples: Sequence[Example], of_folds: npt.NDArray[Any] | None, seen: Any) -> Observed:
        novelty = novelties_of(seen.features, every)
        if of_folds is not None:
            for fold, directions in enumerate(by_fold):
                novelty[of_folds == fold] = novelties_of(seen.features[of_folds == fold], directions)
        embeddings = embedding_of(seen.features, every).astype(np.float64).round(EMBEDDING_DIGITS)
        manifest = bundle.manifest
        answers = [
            decide_label(
                calibrate_scores(row, manifest.activation, manifest.temperature, len(manifest.labels)), manifest
            )
            for row in seen.outputs
        ]
        return Observed(
            labels=np.array([answer.label for answer in answers]),
            scores=np.array([answer.score for answer in answers]),
            statistics=np.array([_statistics(example) for example in examples]),
            novelty=novelty,
            embeddings=embeddings,
            is_right=np.array([a.label == e.label for a, e in zip(answers, examples, strict=True)]),
        )

    observed = {"whole": numbers(dataset.examples, folds, whole)}
    observed[NONE] = observed["whole"].at(windows)
    as_they_are = [dataset.examples[index] for index in windows]
    for condition in CONDITIONS:
        if condition != NONE:
            on_step(f"classifying {len(windows)} pictures: {condition}")
            examples = [replace(example, pixels=change(example.pixels, condition)) for example in as_they_are]
            observed[condition] = numbers(examples, folds[windows], look_at(model, examples, spec))
    if strangers:
        on_step(f"classifying {len(strangers)} pictures of {FOREIGN}")
        observed[FOREIGN] = numbers(strangers, None, look_at(model, strangers, spec))
    return observed


def _statistics(example: Example) -> list[float]:
    height, width, _ = example.pixels.shape
    return [*astuple(statistics_of(small_copy(example.pixels, LONG_EDGE_PX))), width / height]


def _write(path: Path, parts: Mapping[str, Observed]) -> None:
    arrays = {
        f"{name}/{field.name}": getattr(observed, field.name)
        for name, observed in parts.items()
        for field in fields(Observed)
    }
    new_file = path.with_name(f"{path.name}.new")
    with new_file.open("wb") as file:
        np.savez(file, **arrays)
    new_file.replace(path)


def _read(path: Path) -> dict[str, Observed]:
    with np.load(path, allow_pickle=False) as file:
        names = {name.split("/")[0] for name in file.files}
        return {name: Observed(*(file[f"{name}/{field.name}"] for field in fields(Observed))) for name in names}
