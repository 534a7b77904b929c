"""The pictures of a data folder that a bundle was not trained on, by the division in its lineage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from shared.bundles.bundle import Bundle
from shared.bundles.manifest import Manifest
from shared.errors import Misconfigured
from shared.training.dataset import Dataset, Example, read_dataset
from shared.training.out_of_fold import classifications_of, is_in_folds, read_out_of_fold
from shared.training.report import Report, report_of
from shared.training.splits import BY_ORDER, BY_THRESHOLD, split

SMALLEST_PX = 32
"""Pictures are decoded no larger than this, since only their bytes matter and that they decode."""


def held_out_files(folder: Path, manifests: Iterable[Manifest]) -> list[tuple[Path, str]]:
    """Return the files that none of the bundles was trained on, each with its label, in the order of the folder.

    For a bundle that was trained in folds these are all files: each was judged by a network that had not seen it.

    Args:
        folder: the same pictures that all bundles were made from, under any names.
        manifests: the bundles' manifests.

    Raises:
        Misconfigured: a bundle was made from other pictures, its lineage does not name them, or no picture is left.
    """
    return [(example.path, example.label) for example in held_out_examples(folder, manifests)]


def report_out_of_fold(bundle: Bundle, examples: Sequence[Example]) -> Report:
    """Compare the out-of-fold predictions with the labels; no picture is classified again.

    Args:
        bundle: a bundle that was trained in folds.
        examples: ``held_out_examples`` of this bundle, and of others that are compared with it.

    Raises:
        Misconfigured: the out-of-fold predictions are not in the bundle's folder, or lack an example.
    """
    manifest = bundle.manifest
    by_sha256 = {picture.sha256: picture for picture in read_out_of_fold(bundle.folder, manifest)}
    if unknown := [example for example in examples if example.sha256 not in by_sha256]:
        fault = f"the out-of-fold predictions lack {unknown[0].path.name}; use the file that training wrote"
        raise Misconfigured(f"the bundle {manifest.name} {manifest.version}", [fault])
    results = classifications_of([by_sha256[example.sha256] for example in examples], manifest)
    return report_of(results, [example.label for example in examples], manifest.labels, manifest.threshold)


def held_out_examples(folder: Path, manifests: Iterable[Manifest]) -> list[Example]:
    """Read the pictures of ``held_out_files``, in the order of the folder. Raises what that raises."""
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
        fault = f"{name} does not name the pictures it was trained on; leave out --held-out"
        raise Misconfigured("the bundle", [fault]) from error
    if rule not in (BY_THRESHOLD, BY_ORDER):
        fault = f"{name} divided its pictures by the rule {rule!r}, unknown to this release; use a later release"
        raise Misconfigured("the bundle", [fault])
    if fingerprint != dataset.fingerprint:
        fault = (
            f"{name} was made from pictures with the fingerprint {fingerprint[:12]}…, these have "
            f"{dataset.fingerprint[:12]}…; give the folder that it was trained on, or leave out --held-out"
        )
        raise Misconfigured(f"the data in {dataset.name}", [fault])
    if in_folds:
        return {example.path for example in dataset.examples}
    return {example.path for example in split(dataset.examples, validation_share, group_by, rule)[1]}
