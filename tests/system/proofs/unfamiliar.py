"""Print how many pictures of other kinds a bundle's model calls unfamiliar or sends to review.

python -m tests.system.proofs.unfamiliar BUNDLE [--foreign NAME=FOLDER ...] [--pictures 300]

Besides the folders: 200 drawn pages of text, 200 pictures of noise, and the photographs that scikit-learn and
scikit-image ship with, the latter where it is installed (`pip install scikit-image`; the project does not need it). The
exit code is 1 if less than 95 % of a kind are noticed, or more than 1 % of the bundle's own reference pictures are
called unfamiliar.

Example:
    python -m tests.system.proofs.unfamiliar shared/models/flowers_v2 --foreign X-rays=chest_xray/
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from shared.bundles.bundle import load_bundle
from shared.errors import Permanent
from shared.images.files import files_under
from shared.inference.classifier import Classifier
from shared.inference.from_bytes import decode_for
from shared.signals.profile import FILE, read_familiar, read_reference
from shared.training.silence import silence
from shared.types import Classification
from shared.wiring import load_model

MIN_NOTICED, MAX_FALSE_ALARMS = 0.95, 0.01
DRAWN = 200
WORDS = (
    *("the", "a", "of", "patient", "flower", "report", "letter", "invoice", "page", "total", "date", "name"),
    *("signed", "received", "garden", "water", "light"),
)
ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".gif")


def main() -> None:
    """Print a line for each kind of pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--foreign", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--pictures", type=int, default=300, help="The most pictures of a folder.")
    given = parser.parse_args()
    bundle = load_bundle(given.bundle)
    if FILE not in bundle.manifest.files:
        raise SystemExit(f"{given.bundle} has no {FILE}; add one by `bucketlens bundle profile`.")
    with silence():
        classifier = Classifier(bundle, load_model(bundle, threads=2))
    print(f"{bundle.manifest.name} {bundle.manifest.version}, {datetime.now(UTC):%Y-%m-%d}, ", end="")
    print(f"{os.cpu_count()} cores, {platform.machine()}\n")
    print("| pictures | number | unfamiliar | for review | either |\n|---|---|---|---|---|")
    held = _print_false_alarms(given.bundle, bundle.manifest.files[bundle.manifest.model_file])
    for name, contents in kinds(given.foreign, given.pictures):
        held &= _print_line(name, classifier, contents)
    sys.exit(0 if held else 1)


def _print_false_alarms(folder: Path, model_sha256: str) -> bool:
    reference, above = read_reference(folder / FILE), read_familiar(folder / FILE, model_sha256).unfamiliar_above
    false_alarms = float((reference.novelty > above).mean())
    print(f"| the bundle's reference, not trained on | {len(reference)} | {false_alarms:.2%} | | |")
    return false_alarms <= MAX_FALSE_ALARMS


def _print_line(name: str, classifier: Classifier, contents: Sequence[bytes]) -> bool:
    seen = list(_seen(classifier, contents))
    unfamiliar = np.array([bool(one.is_unfamiliar) for one in seen])
    review = np.array([one.needs_review for one in seen])
    either = unfamiliar | review
    print(f"| {name} | {len(seen)} | {unfamiliar.mean():.1%} | {review.mean():.1%} | {either.mean():.1%} |", flush=True)
    return bool(either.mean() >= MIN_NOTICED)


def _seen(classifier: Classifier, contents: Sequence[bytes]) -> Iterator[Classification]:
    for content in contents:
        try:
            yield classifier.classify_with_signals(decode_for(classifier, content).pixels)
        except Permanent as refusal:
            print(f"A file is left out: {refusal}", file=sys.stderr)


def kinds(folders: Sequence[str], most: int) -> Iterator[tuple[str, list[bytes]]]:
    """Yield each kind of pictures: its name, and the bytes of its files."""
    for folder in folders:
        name, _, path = folder.partition("=")
        by_content = sorted(
            hashlib.sha256(file.read_bytes()).hexdigest() + str(file) for file in files_under(Path(path))
        )
        yield name, [Path(entry[64:]).read_bytes() for entry in by_content[:most]]
    random = np.random.default_rng(1)
    yield "drawn pages of text", [_as_png(page_of_text(random)) for _ in range(DRAWN)]
    yield "noise", [_as_png(noise(random)) for _ in range(DRAWN)]
    for package, where in (("sklearn", "datasets/images"), ("skimage", "data")):
        found = importlib.util.find_spec(package)
        files = sorted(Path(str(found.origin)).parent.joinpath(where).iterdir()) if found and found.origin else []
        pictures = [file for file in files if file.suffix.lower() in ENDINGS]
        if pictures:
            yield f"photographs of {package}", [file.read_bytes() for file in pictures]


def page_of_text(random: np.random.Generator) -> Image.Image:
    """Draw a scanned page: dark words on light paper, a little tilted and blurred, with the grain of a scanner."""
    width, height = int(random.integers(500, 900)), int(random.integers(600, 1100))
    paper = tuple(int(value) for value in 255 - random.integers(0, 25, 3))
    image = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(image)
    size = int(random.integers(12, 30))
    font = ImageFont.load_default(size)
    for top in range(size * 2, height - size * 2, round(size * float(random.uniform(1.2, 2)))):
        if random.random() < 0.9:
            words = " ".join(random.choice(WORDS, int(random.integers(2, width // (size * 3) + 3))))
            draw.text((size * 2, top), words, fill=tuple(int(value) for value in random.integers(0, 90, 3)), font=font)
    tilted = image.rotate(float(random.normal(0, 1.5)), fillcolor=paper).filter(
        ImageFilter.GaussianBlur(float(random.uniform(0, 1.5)))
    )
    grain = np.asarray(tilted, np.float32) + random.normal(0, float(random.uniform(0, 8)), (height, width, 1))
    return Image.fromarray(grain.clip(0, 255).astype(np.uint8))


def noise(random: np.random.Generator) -> Image.Image:
    """Draw noise: uniform, normal, or coarse spots, in colours or in grey."""
    channels = int(random.choice([1, 3]))
    edge = int(random.choice([300, 300, 75, 20]))
    values = random.integers(0, 256, (edge, edge, channels)).astype(np.float64)
    if random.random() < 0.5:
        values = random.normal(random.uniform(60, 200), random.uniform(10, 80), (edge, edge, channels))
    pixels = np.broadcast_to(values, (edge, edge, 3)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(pixels)).resize((300, 300), Image.Resampling.BICUBIC)


def _as_png(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    main()
