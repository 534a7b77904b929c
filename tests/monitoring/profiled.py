"""A copy of the bundle that ships, with a profile of drawings, for tests that classify drawings."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from shared.adapters.runtimes.litert import LiteRTModel
from shared.bundles.bundle import Bundle, load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import write_manifest
from shared.images.decode import Limits, decode
from shared.inference.classifier import calibrate_scores, decide_label
from shared.settings import DEFAULT_BUNDLE
from shared.signals.novelty import directions_of, novelties_of
from shared.training.dataset import Example
from shared.training.profile import look_at, with_profile
from shared.wiring import load_model

WRONG_EVERY = 20
"""Of so many pictures of the profile the model is wrong about one."""


def profiled_copy(folder: Path, pictures: Sequence[bytes]) -> Bundle:
    """Write a copy of the bundle that ships, whose profile is of some pictures, of which the model is right about 95 %.

    Args:
        folder: of the copy; not there yet.
        pictures: files; a half more than a comparison needs, as directions are made of the first third.
    """
    shutil.copytree(MODELS / DEFAULT_BUNDLE, folder)
    bundle = load_bundle(folder)
    manifest = replace(bundle.manifest, version="monitored")
    model = load_model(bundle, threads=2)
    assert isinstance(model, LiteRTModel)
    files = {name: digest for name, digest in manifest.files.items() if name != "profile.npz"}
    examples = [_example(content, manifest.labels[0], manifest.input.long_edge_px) for content in pictures]
    seen = look_at(model, examples, manifest.input)
    labels = manifest.labels
    answers = [
        decide_label(calibrate_scores(outputs, manifest.activation, manifest.temperature, len(labels)), manifest)
        for outputs in seen.outputs
    ]
    truths = [
        answer.label if index % WRONG_EVERY else labels[(labels.index(answer.label) + 1) % len(labels)]
        for index, answer in enumerate(answers)
    ]
    examples = [replace(example, label=truth) for example, truth in zip(examples, truths, strict=True)]
    learned = len(pictures) // 3
    directions = directions_of(seen.features[:learned])
    kept = replace(seen, outputs=seen.outputs[learned:], features=seen.features[learned:])
    novelties = novelties_of(kept.features, directions)
    manifest = replace(manifest, files=files)
    write_manifest(
        folder,
        with_profile(folder, manifest, seen.features[:learned], examples[learned:], kept, novelties, "drawings"),
    )
    return load_bundle(folder)


def _example(content: bytes, label: str, shrink_to_px: int) -> Example:
    pixels = decode(content, Limits(), shrink_to_px=shrink_to_px).pixels
    return Example(Path("drawing.jpg"), label, hashlib.sha256(content).hexdigest(), np.asarray(pixels))
