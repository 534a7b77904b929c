"""Which pictures of a data folder a bundle was not trained on: its lineage says how they were divided."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from shared.bundles.manifest import Manifest
from shared.errors import Misconfigured
from shared.training.dataset import Dataset, read_dataset, split

SMALLEST_PX = 32
"""Pictures are decoded no larger than this: what counts is that they decode, and their bytes."""


def held_out_files(folder: Path, manifests: Iterable[Manifest]) -> list[tuple[Path, str]]:
    """Return the files that none of some bundles was trained on, each with its label, in the order of the folder.

    Args:
        folder: the very pictures that all of them were made from, under any names.
        manifests: of the bundles.

    Raises:
        Misconfigured: one was made from other pictures, or does not say from which, or nothing is left.
    """
    dataset = read_dataset(folder, shrink_to_px=SMALLEST_PX)
    held_out = {example.path for example in dataset.examples}
    for manifest in manifests:
        held_out &= _held_out_by(manifest, dataset)
    if not held_out:
        raise Misconfigured(f"the data in {folder}", ["every picture was trained on by one of the bundles"])
    return [(example.path, example.label) for example in dataset.examples if example.path in held_out]


def _held_out_by(manifest: Manifest, dataset: Dataset) -> set[Path]:
    name = f"{manifest.name} {manifest.version}"
    try:
        fingerprint = manifest.lineage["data"]["fingerprint"]
        options = manifest.lineage["options"]
        validation_share, group_by = float(options["validation_share"]), str(options.get("group_by", ""))
    except (KeyError, TypeError, ValueError) as error:
        fault = f"{name} does not say which pictures it was trained on; leave --held-out away"
        raise Misconfigured("the bundle", [fault]) from error
    if fingerprint != dataset.fingerprint:
        fault = (
            f"{name} was made from pictures with the fingerprint {fingerprint[:12]}…, these have "
            f"{dataset.fingerprint[:12]}…; give the folder that it was trained on, or leave --held-out away"
        )
        raise Misconfigured(f"the data in {dataset.name}", [fault])
    return {example.path for example in split(dataset.examples, validation_share, group_by)[1]}
