"""Print how often a decode at a reduced scale gives the label that the decode of every pixel gives.

python -m tests.system.bench.compare_reduced_decode FOLDER --enlarge 4

Photographs that are hardly larger than the model's input are decoded whole anyway, so they can be enlarged first.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from rich.progress import track

from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS
from shared.images.decode import Limits, decode
from shared.inference.classifier import Classifier
from shared.settings import DEFAULT_BUNDLE
from shared.wiring import load_model

PHOTOGRAPHS = (".jpg", ".jpeg", ".png", ".webp")


def enlarged(path: Path, times: float, format: str) -> bytes:
    """Return the file as it is, or its picture enlarged and encoded again."""
    if times == 1:
        return path.read_bytes()
    picture = Image.open(path).convert("RGB")
    size = round(picture.width * times), round(picture.height * times)
    content = BytesIO()
    picture.resize(size, Image.Resampling.BICUBIC).save(content, format, quality=92)
    return content.getvalue()


def compared(paths: list[Path], times: float, format: str) -> Iterator[tuple[bool, float]]:
    """Yield for each picture whether both decodes give one label, and by how much the first label's score differs."""
    bundle = load_bundle(MODELS / DEFAULT_BUNDLE)
    classifier = Classifier(bundle, load_model(bundle, threads=1))
    for path in track(paths, description=f"{format} x {times:g}"):
        content = enlarged(path, times, format)
        whole, reduced = (
            classifier.classify(decode(content, Limits(), shrink_to_px=edge).pixels)
            for edge in (None, bundle.manifest.input.long_edge_px)
        )
        score = {candidate.label: candidate.score for candidate in reduced.candidates}[whole.label]
        yield whole.label == reduced.label, abs(whole.score - score)


def main() -> None:
    """Measure and print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--enlarge", type=float, default=1, metavar="TIMES")
    parser.add_argument("--format", default="JPEG", choices=("JPEG", "PNG", "WEBP"))
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every Nth photograph")
    chosen = parser.parse_args()
    paths = sorted(path for path in chosen.folder.rglob("*") if path.suffix.lower() in PHOTOGRAPHS)[:: chosen.every]
    same, differences = zip(*compared(paths, chosen.enlarge, chosen.format), strict=True)
    print(
        f"{chosen.format} x {chosen.enlarge:g}: {sum(same)} of {len(paths)} labels are the same "
        f"({np.mean(same):.2%}); the first label's score differs by {np.mean(differences):.4f} on average, "
        f"by {np.max(differences):.3f} at most"
    )


if __name__ == "__main__":
    main()
