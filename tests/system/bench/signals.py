"""Print what signals cost: processor time per image with and without them, in one run, as a ratio, and memory.

python -m tests.system.bench.signals [--bundle FOLDER] [--pictures FOLDER] [--rounds 20]

An image goes through the HTTPS function without its socket, by a bundle that has no signals and by one that has. Turns
are taken image by image, so that a busy machine slows both. A bundle without a profile gets a made-up one, in a copy:
its numbers cost what others do.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import os
import platform
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
from flask.testing import FlaskClient

from shared.bundles.bundle import Bundle, digest_of, load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import write_manifest
from shared.images.decode import Limits
from shared.images.files import files_under
from shared.images.memory_budget import MemoryBudgets
from shared.inference.classifier import Classifier, prepare
from shared.inference.registry import ModelRegistry
from shared.local.demo.drawings import drawings
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.rate_limit import RateLimit
from shared.pipeline.record import prediction_row
from shared.ports import FeatureModel
from shared.settings import DEFAULT_BUNDLE
from shared.signals.novelty import directions_of
from shared.signals.profile import FILE, Familiar, Reference, write_profile
from shared.training.silence import silence
from shared.types import Classification, Correction, Pixels, Prediction, Recorded
from shared.wiring import load_model
from tests.memory.empty import EmptyStore, EmptyWarehouse
from tests.memory.service import MemoryService, https_function

MOST_PICTURES = 100
MAX_SHARE, MAX_MIB = 0.08, 5.0
"""The bars: of the processor time without signals, and of memory."""


@contextmanager
def with_profile(folder: Path) -> Iterator[Path]:
    """Yield the folder of a bundle that has a profile: this one, or a copy."""
    bundle = load_bundle(folder)
    if FILE in bundle.manifest.files:
        yield folder
        return
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(folder, Path(scratch) / "bundle"))
        write_profile(copy / FILE, bundle.manifest.files[bundle.manifest.model_file], made_up(bundle), no_reference())
        files = {**bundle.manifest.files, FILE: digest_of(copy / FILE)}
        write_manifest(copy, replace(bundle.manifest, files=files))
        yield copy


def made_up(bundle: Bundle) -> Familiar:
    """Return random directions for a model."""
    model = opened(bundle).model
    spec = bundle.manifest.input
    seen = None
    if isinstance(model, FeatureModel):
        seen = model.features(prepare(np.zeros((spec.height_px, spec.width_px, 3), np.uint8), spec))
    if seen is None:
        raise SystemExit(f"The model of {bundle.folder.name} gives out no feature map; name another --bundle.")
    return Familiar(directions_of(np.random.default_rng(0).random((200, len(seen.pooled)), np.float32)), 0.5)


def no_reference() -> Reference:
    """Return a reference of no pictures."""
    numbers, indices = np.zeros(0, np.float32), np.zeros(0, np.int32)
    wide = np.zeros((0, 1), np.float32)
    return Reference(wide, wide, numbers, numbers, numbers, indices, indices)


def opened(bundle: Bundle) -> Classifier:
    """Return the bundle's classifier, which has run once."""
    with silence():
        classifier = Classifier(bundle, load_model(bundle, threads=1))
        classifier.warm_up()
    return classifier


def pictures_in(folder: Path | None) -> list[bytes]:
    """Return files: some of a folder, at equal distances, or drawings as JPEGs."""
    if folder is not None:
        files = list(files_under(folder))
        return [file.read_bytes() for file in files[:: max(1, len(files) // MOST_PICTURES)][:MOST_PICTURES]]
    contents = []
    for drawing in drawings().values():
        drawing.save(content := BytesIO(), "JPEG", quality=92)
        contents.append(content.getvalue())
    return contents


class Plain(Classifier):
    """A classifier without signals."""

    def classify_with_signals(self, pixels: Pixels, *, with_embedding: bool = True) -> Classification:
        return self.classify(pixels)


def function_of(classifier: Classifier) -> FlaskClient:
    """Return the HTTPS function with a model, over a store and a warehouse that keep nothing."""
    pipeline = Pipeline(
        models=ModelRegistry.of([classifier]),
        store=EmptyStore(),
        warehouse=Rows(),
        archive_bucket="archive",
        quarantine_bucket="quarantine",
        limits=Limits(),
        memory=MemoryBudgets.of_instance(512),
        rate=RateLimit(10**9),
    )
    return https_function(MemoryService(pipeline, MAX_IMAGES_PER_MINUTE="1000000000", LOG_FORMAT="json")).test_client()


class Rows(EmptyWarehouse):
    """Writes each row as JSON, as a client of BigQuery does, and keeps none."""

    def append(self, outcome: Recorded | Correction) -> None:
        assert isinstance(outcome, Prediction)
        json.dumps(prediction_row(outcome, datetime.now(UTC)))


def milliseconds(functions: tuple[FlaskClient, FlaskClient], contents: list[bytes], rounds: int) -> list[list[float]]:
    """Return the processor time of each image without and with signals."""
    took: list[list[float]] = [[], []]
    for number in range(rounds + 1):
        for content in contents:
            for which in (0, 1) if number % 2 else (1, 0):
                began = time.process_time()
                answer = functions[which].post("/v1/classify", data=content)
                if number:  # the first round only warms up
                    took[which].append((time.process_time() - began) * 1000)
                assert answer.status_code == 200
    return took


def peak_mib(folder: Path, contents: list[bytes], has_signals: bool) -> float:
    """Return the most memory that a fresh process takes which classifies all pictures twice."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_peak_mib, (folder, contents, has_signals))


def _peak_mib(folder: Path, contents: list[bytes], has_signals: bool) -> float:
    bundle = load_bundle(folder)
    if not has_signals:
        files = {name: digest for name, digest in bundle.manifest.files.items() if name != FILE}
        bundle = dataclasses.replace(bundle, manifest=replace(bundle.manifest, files=files))
    function = function_of((Classifier if has_signals else Plain)(bundle, load_model(bundle, threads=1)))
    for content in contents * 2:
        assert function.post("/v1/classify", data=content).status_code == 200
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure, print, and exit with 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=MODELS / DEFAULT_BUNDLE)
    parser.add_argument("--pictures", type=Path, help="photographs; left out, drawings")
    parser.add_argument("--rounds", type=int, default=20)
    chosen = parser.parse_args()
    contents = pictures_in(chosen.pictures)
    with with_profile(chosen.bundle) as folder:
        classifier = opened(load_bundle(folder))
        functions = function_of(Plain(classifier.bundle, classifier.model)), function_of(classifier)
        without, having = milliseconds(functions, contents, chosen.rounds)
        mib = [peak_mib(folder, contents, has_signals) for has_signals in (False, True)]
    medians = [statistics.median(values) for values in (without, having)]
    share = medians[1] / medians[0] - 1
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores: {medians[0]:.2f} ms of processor "
        f"time per image without signals, {medians[1]:.2f} ms with them ({share:+.1%}); {len(without)} images each; "
        f"memory {mib[0]:.1f} MiB and {mib[1]:.1f} MiB ({mib[1] - mib[0]:+.1f})"
    )
    raise SystemExit(share > MAX_SHARE or mib[1] - mib[0] > MAX_MIB)


if __name__ == "__main__":
    main()
