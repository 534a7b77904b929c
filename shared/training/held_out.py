"""Which pictures of a data folder a bundle can be judged on: its lineage says how they were divided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from shared.bundles.bundle import Bundle
from shared.bundles.manifest import Manifest
from shared.errors import Misconfigured
from shared.training.dataset import Dataset, Example, read_dataset
from shared.training.out_of_fold import is_in_folds, read_out_of_fold, said_of
from shared.training.report import Report, report_of
from shared.training.splits import BY_ORDER, BY_THRESHOLD, split

SMALLEST_PX = 32
"""Pictures are decoded no larger than this: what counts is that they decode, and their bytes."""


def held_out_files(folder: Path, manifests: Iterable[Manifest]) -> list[tuple[Path, str]]:
    """Return the files that none of some bundles was trained on, each with its label, in the order of the folder.

    Of a bundle that was trained in folds these are all: each was judged by a network that had not seen it.

    Args:
        folder: the very pictures that all of them were made from, under any names.
        manifests: of the bundles.

    Raises:
        Misconfigured: one was made from other pictures, or does not say from which, or nothing is left.
    """
    return [(example.path, example.label) for example in held_out_examples(folder, manifests)]


def report_out_of_fold(bundle: Bundle, examples: Sequence[Example]) -> Report:
    """Compare what the networks of the folds said with the labels; nothing is classified.

    Args:
        bundle: trained in folds.
        examples: of ``held_out_examples`` of this bundle, and of others that are to be judged on the same.

    Raises:
        Misconfigured: what the folds' networks said is not beside the bundle, or lacks one of the examples.
    """
    manifest = bundle.manifest
    said = {one.sha256: one for one in read_out_of_fold(bundle.folder, manifest)}
    if unknown := [example for example in examples if example.sha256 not in said]:
        fault = f"the out-of-fold predictions say nothing of {unknown[0].path.name}; take those that training wrote"
        raise Misconfigured(f"the bundle {manifest.name} {manifest.version}", [fault])
    results = said_of([said[example.sha256] for example in examples], manifest)
    return report_of(results, [example.label for example in examples], manifest.labels, manifest.threshold)


def held_out_examples(folder: Path, manifests: Iterable[Manifest]) -> list[Example]:
    """Read the pictures of ``held_out_files``, in the order of the folder. Raises as that."""
    dataset = read_dataset(folder, shrink_to_px=SMALLEST_PX)
    held_out = {example.path for example in dataset.examples}
    for manifest in manifests:
        held_out &= _held_out_by(manifest, dataset)
    if not held_out:
        raise Misconfigured(f"the data in {folder}", ["every picture was trained on by one of the bundles"])
    return [example for example in dataset.examples if example.path in held_out]


def _held_out_by(manifest: Manifest, dataset: Dataset) -> set[Path]:
    name, in_folds = f"{manifest.name} {manifest.version}", is_in_folds(manifest)
    try:
        data, options = manifest.lineage["data"], manifest.lineage["options"]
        fingerprint, rule = data["fingerprint"], data.get("split", BY_ORDER)
        group_by = str(options.get("group_by", ""))
        validation_share = 0.0 if in_folds else float(options["validation_share"])
    except (KeyError, TypeError, ValueError) as error:
        fault = f"{name} does not say which pictures it was trained on; leave --held-out away"
        raise Misconfigured("the bundle", [fault]) from error
    if rule not in (BY_THRESHOLD, BY_ORDER):
        fault = f"{name} divided its pictures by the rule {rule!r}, which this release does not know; take a later one"
        raise Misconfigured("the bundle", [fault])
    if fingerprint != dataset.fingerprint:
        fault = (
            f"{name} was made from pictures with the fingerprint {fingerprint[:12]}…, these have "
            f"{dataset.fingerprint[:12]}…; give the folder that it was trained on, or leave --held-out away"
        )
        raise Misconfigured(f"the data in {dataset.name}", [fault])
    if in_folds:
        return {example.path for example in dataset.examples}
    return {example.path for example in split(dataset.examples, validation_share, group_by, rule)[1]}
