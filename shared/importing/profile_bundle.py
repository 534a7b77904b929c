"""A bundle that has no profile gets one, from labelled pictures, cross-validated: ``bucketlens bundle profile``."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Protocol

import numpy as np

from shared.adapters.runtimes.litert import LiteRTModel
from shared.bundles.bundle import Bundle, load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import write_manifest
from shared.errors import Misconfigured
from shared.importing.write import put_in_place
from shared.inference.classifier import Classifier
from shared.signals.novelty import directions_of, novelties_of
from shared.signals.profile import FILE
from shared.training.dataset import Dataset, labels_of, read_dataset
from shared.training.profile import FEWEST, fault_of, look_at, with_profile
from shared.training.silence import silence
from shared.training.splits import folds_of
from shared.wiring import load_model

FOLDS = 5


class Watcher(Protocol):
    """Is called while a profile is made."""

    def on_step(self, what: str) -> None:
        """Something begins that takes its time."""

    def on_pictures(self, what: str, total: int) -> None:
        """So many pictures are gone through."""

    def on_picture(self) -> None:
        """One more is done."""

    def on_remark(self, remark: str) -> None:
        """Something that the owner should know."""


def profile_bundle(folder: Path, data: Path, group_by: str, force: bool, watcher: Watcher) -> Bundle:
    """Write a profile into a bundle, whose digest changes. Unless all of it succeeds, the bundle stays as it is.

    The pictures are divided into folds: how novel each is, is measured by directions of the other folds. The final
    directions are of all.

    Args:
        folder: the bundle's.
        data: has one sub-folder a label of the model; pictures such as the model was trained on.
        group_by: a regular expression; files with the same match in their names are never in two folds.
        force: whether a profile that is there gives way.
        watcher: sees each step.

    Raises:
        Misconfigured: the bundle has a profile already or cannot have one, or the pictures are too few, of one label
            only one, or of labels that the model does not have.
    """
    bundle = load_bundle(folder)
    _check(bundle, force)
    with silence():
        model = load_model(bundle, threads=2)
    if not isinstance(model, LiteRTModel):
        raise _refused(bundle, str(fault_of(0, has_features=False)))
    dataset = _read(bundle, data, watcher)
    parts = folds_of(dataset.examples, FOLDS, group_by)
    examples = [example for part in parts for example in part]
    watcher.on_pictures("looking at them", len(examples))
    seen = look_at(model, examples, bundle.manifest.input, watcher.on_picture)
    fold_of = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    watcher.on_step("making the profile")
    novelties = np.empty(len(examples))
    for fold in range(len(parts)):
        directions = directions_of(seen.features[fold_of != fold])
        novelties[fold_of == fold] = novelties_of(seen.features[fold_of == fold], directions)
    copy = Path(tempfile.mkdtemp(prefix=f".{folder.resolve().name}.", dir=folder.resolve().parent))
    try:
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        how = f"{FOLDS} folds of {dataset.name}"
        manifest = with_profile(copy, bundle.manifest, seen.features, examples, seen, novelties, how)
        write_manifest(copy, manifest)
        with silence():
            Classifier(load_bundle(copy), model).warm_up()
        put_in_place(copy, folder.resolve())
    finally:
        shutil.rmtree(copy, ignore_errors=True)
    return load_bundle(folder)


def _check(bundle: Bundle, force: bool) -> None:
    manifest = bundle.manifest
    if bundle.folder.resolve().is_relative_to(MODELS.resolve()):
        fault = "it ships with Bucketlens and a profile would change its digest, which rows name; copy its folder, and "
        raise _refused(bundle, fault + "give the copy another version in manifest.json")
    if FILE in manifest.files and not force:
        raise _refused(bundle, "it has a profile already; add --force to make it again")
    if manifest.explain is None:
        raise _refused(bundle, str(fault_of(0, has_features=False)))


def _read(bundle: Bundle, data: Path, watcher: Watcher) -> Dataset:
    labels = bundle.manifest.labels
    if unknown := sorted(set(labels_of(data)) - set(labels)):
        known = ", ".join(labels[:10]) + (", …" if len(labels) > 10 else "")
        fault = f"{', '.join(unknown[:5])} is no label of the model, expected sub-folders among {known}"
        raise Misconfigured(f"the pictures in {data.name}", [fault])
    watcher.on_step("reading the pictures")
    dataset = read_dataset(data, shrink_to_px=bundle.manifest.input.long_edge_px)
    for bad in dataset.bad_files[:10]:
        watcher.on_remark(f"left out: {bad.path.name}: {bad.reason}")
    if len(dataset.examples) < FEWEST:
        fault = (
            f"{len(dataset.examples)} of them can be read, expected {FEWEST} or more, and 100 for 1 % of false alarms"
        )
        raise Misconfigured(f"the pictures in {data.name}", [fault])
    return dataset


def _refused(bundle: Bundle, fault: str) -> Misconfigured:
    return Misconfigured(f"the bundle {bundle.manifest.name} {bundle.manifest.version}", [fault])
