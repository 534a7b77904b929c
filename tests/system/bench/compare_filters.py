"""Print what each way to resample costs and gains: milliseconds, and accuracy on labelled photographs.

python -m tests.system.bench.compare_filters FOLDER --bundle flowers_v1 --held-out --enlarge 4

FOLDER has one sub-folder a label. Pictures are decoded at a reduced scale as in serving; ``whole`` decodes every pixel.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from shared.bundles.bundle import load_bundle
from shared.bundles.folders import bundle_folder
from shared.bundles.manifest import FILTERS
from shared.images.decode import Limits, decode
from shared.inference.classifier import Classifier, calibrate_scores, decide_label, prepare
from shared.settings import DEFAULT_BUNDLE, own_models
from shared.training.dataset import files_by_label
from shared.training.held_out import held_out_files
from shared.wiring import load_model
from tests.system.bench.compare_reduced_decode import enlarged


@dataclass
class Way:
    """A filter, on pictures that were decoded whole or reduced."""

    filter: str
    is_whole: bool
    decode_ms: list[float] = field(default_factory=list)
    fit_ms: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)


def measure(classifier: Classifier, files: list[tuple[Path, str]], times: float) -> list[Way]:
    """Measure each picture in every way before the next, so that all ways meet the same state of the machine."""
    manifest = classifier.bundle.manifest
    ways = [Way(name, is_whole) for is_whole in (False, True) for name in FILTERS]
    for path, label in track(files, description="classifying"):
        content = enlarged(path, times, "JPEG")
        for way in ways:
            started = time.perf_counter()
            pixels = decode(
                content, Limits(), shrink_to_px=None if way.is_whole else manifest.input.long_edge_px
            ).pixels
            decoded = time.perf_counter()
            batch = prepare(pixels, replace(manifest.input, filter=way.filter))
            way.fit_ms.append(1000 * (time.perf_counter() - decoded))
            way.decode_ms.append(1000 * (decoded - started))
            scores = calibrate_scores(classifier.model.run(batch), manifest.activation, manifest.temperature)
            way.right.append(decide_label(scores, manifest).label == label)
    return ways


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bundle", default=DEFAULT_BUNDLE)
    parser.add_argument("--held-out", action="store_true", help="only pictures that the bundle was not trained on")
    parser.add_argument("--enlarge", type=float, default=1, metavar="TIMES")
    chosen = parser.parse_args()
    bundle = load_bundle(bundle_folder(chosen.bundle, own_models()))
    files = held_out_files(chosen.folder, [bundle.manifest]) if chosen.held_out else files_by_label(chosen.folder)
    ways = measure(Classifier(bundle, load_model(bundle, threads=1)), files, chosen.enlarge)
    table = Table("decode", "filter", "decode ms", "fit ms", "accuracy", title=f"{len(files)} pictures")
    for way in ways:
        kind, accuracy = "whole" if way.is_whole else "reduced", statistics.mean(way.right)
        times = (f"{statistics.median(each):.2f}" for each in (way.decode_ms, way.fit_ms))
        table.add_row(kind, way.filter, *times, f"{accuracy:.2%}")
    Console().print(table)


if __name__ == "__main__":
    main()
