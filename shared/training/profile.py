"""A bundle's profile: directions of novelty from training pictures, all else from pictures that were kept from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.adapters.runtimes.litert import LiteRTModel
from shared.bundles.bundle import digest_of
from shared.bundles.manifest import InputSpec, Manifest
from shared.errors import Misconfigured
from shared.images.small_copy import small_copy
from shared.inference.classifier import calibrate_scores, decide_label, prepare
from shared.signals.entropy import entropy_of
from shared.signals.novelty import (
    Floats,
    directions_of,
    embedding_of,
    false_alarms_of,
    novelties_of,
    unfamiliar_above,
)
from shared.signals.profile import FILE, Familiar, Reference, write_profile
from shared.signals.statistics import LONG_EDGE_PX, statistics_of
from shared.training.dataset import Example, spread, spread_indices

FEWEST = 30
"""Pictures that a threshold of novelty can be made of; with 30, 3 % of false alarms are to be expected, with 99 1 %."""

DIRECTIONS_FROM = 2_000
"""Training pictures that directions are made from: more change them little and take 5 ms each."""

REFERENCES = 2_000
"""Pictures that a profile keeps numbers of."""

Nothing = Callable[[], None]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a model computed of pictures, a row each."""

    outputs: Floats
    """Shape (pictures, outputs)."""
    features: Floats
    """Shape (pictures, channels); (0, 0) where the model hides its feature map."""


def look_at(
    model: LiteRTModel, examples: Sequence[Example], spec: InputSpec, on_picture: Nothing = lambda: None
) -> Seen:
    """Run a model on pictures.

    Args:
        model: as it is served.
        examples: one at least.
        spec: the model's input.
        on_picture: called after each, from other threads.
    """

    def run(example: Example) -> tuple[Floats, Floats]:
        batch = prepare(example.pixels, spec)
        seen = model.features(batch)
        on_picture()
        return (model.run(batch), np.zeros(0, np.float32)) if seen is None else (seen.outputs, seen.pooled)

    with ThreadPoolExecutor(2) as threads:
        outputs, features = zip(*threads.map(run, examples), strict=True)
    return Seen(np.stack(outputs), np.stack(features))


def novelties_by(
    model: LiteRTModel, training: Sequence[Example], held_out: Sequence[Example], spec: InputSpec
) -> npt.NDArray[np.float64]:
    """Return how novel a model finds pictures that were kept from it, by directions of those that it learned from.

    Returns:
        Shape (held out,), 0 to 1; of no length where the model hides its feature map.
    """
    learned = look_at(model, spread(training, DIRECTIONS_FROM), spec).features
    if not learned.size:
        return np.zeros(0)
    return novelties_of(look_at(model, held_out, spec).features, directions_of(learned))


def profiled(
    folder: Path,
    manifest: Manifest,
    model: LiteRTModel,
    training: Sequence[Example],
    validation: Sequence[Example],
    on_export: Callable[[str], None],
) -> Manifest:
    """Write the profile of a bundle whose validation pictures were kept apart, if there are enough of them.

    Args:
        folder: as of ``with_profile``, and so is ``manifest``.
        manifest: of the bundle.
        model: as it is served.
        training: pictures that it learned from.
        validation: pictures that it did not.
        on_export: is called with what is being made, or why nothing is.
    """
    has_features = model.features(prepare(validation[0].pixels, manifest.input)) is not None
    if fault := fault_of(len(validation), has_features=has_features):
        on_export(f"no profile: {fault}")
        return manifest
    on_export("making the profile")
    learned = look_at(model, spread(training, DIRECTIONS_FROM), manifest.input).features
    seen = look_at(model, validation, manifest.input)
    novelties = novelties_of(seen.features, directions_of(learned))
    return with_profile(folder, manifest, learned, validation, seen, novelties, "validation pictures")


def with_profile(
    folder: Path,
    manifest: Manifest,
    training: Floats,
    held_out: Sequence[Example],
    seen: Seen,
    novelties: npt.NDArray[np.floating],
    how: str,
) -> Manifest:
    """Write a profile into a bundle's folder, and return the manifest that names it.

    Args:
        folder: holds the model's file already.
        manifest: with temperature and thresholds.
        training: features of training pictures, shape (pictures, channels).
        held_out: pictures with labels of the manifest; at least ``FEWEST``.
        seen: what the bundle's model computed of them.
        novelties: of the same pictures, by directions that were made without them.
        how: they were kept from the directions, in words, for the lineage.

    Raises:
        Misconfigured: there are too few pictures, or the model hides its feature map.
    """
    if fault := fault_of(len(held_out), has_features=bool(training.size and seen.features.size)):
        raise Misconfigured("the profile", [fault])
    directions = directions_of(training)
    familiar = Familiar(directions, unfamiliar_above(novelties))
    kept = spread_indices(len(held_out), REFERENCES)
    write_profile(
        folder / FILE,
        digest_of(folder / manifest.model_file),
        familiar,
        _reference(manifest, held_out, seen, novelties, directions, kept),
    )
    facts: dict[str, Any] = {
        "directions": directions.shape[1],
        "directions_from": len(training),
        "novelty_of": len(held_out),
        "how": how,
        "unfamiliar_above": round(familiar.unfamiliar_above, 4),
        "false_alarms": round(false_alarms_of(len(held_out)), 4),
    }
    files = {**manifest.files, FILE: digest_of(folder / FILE)}
    return replace(manifest, files=files, lineage={**manifest.lineage, "profile": facts})


def fault_of(held_out: int, *, has_features: bool) -> str | None:
    """Return why no profile can be made, as a sentence without a full stop; None where one can."""
    if not has_features:
        return "the model gives out no feature map, which novelty and the embedding are made of"
    if held_out < FEWEST:
        return f"{held_out} pictures were kept from training, expected {FEWEST} or more to set the threshold of novelty"
    return None


def _reference(
    manifest: Manifest,
    examples: Sequence[Example],
    seen: Seen,
    novelties: npt.NDArray[np.floating],
    directions: Floats,
    kept: Sequence[int],
) -> Reference:
    labels, activation = list(manifest.labels), manifest.activation
    rows = [calibrate_scores(seen.outputs[index], activation, manifest.temperature, len(labels)) for index in kept]
    classifications = [decide_label(row, manifest) for row in rows]
    return Reference(
        embedding=embedding_of(seen.features[kept], directions),
        statistics=np.array([_statistics(examples[index]) for index in kept], np.float32),
        score=np.array([answer.score for answer in classifications], np.float32),
        entropy=np.array([entropy_of(row) for row in rows], np.float32),
        novelty=novelties[kept].astype(np.float32),
        label=np.array([labels.index(examples[index].label) for index in kept], np.int32),
        predicted=np.array([labels.index(answer.label) for answer in classifications], np.int32),
    )


def _statistics(example: Example) -> list[float]:
    height, width, _ = example.pixels.shape
    return [*astuple(statistics_of(small_copy(example.pixels, LONG_EDGE_PX))), width / height]
