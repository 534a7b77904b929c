"""A model bundle: a folder with a manifest, the model, its labels and a model card, checked whole on loading.

``manifest.json`` says all that serving needs to know; its sha256 is the model's digest, and since it holds the
digests of the other files, one digest pins everything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.errors import InvalidBundle
from shared.fields import Fields
from shared.types import ModelFacts

FORMAT = 1
MANIFEST = "manifest.json"
LABELS = "labels.txt"

RUNTIMES = ("litert", "keras", "saved_model")
DTYPES = ("uint8", "float32")
FITS = ("crop", "stretch", "pad")
FILTERS = ("nearest", "bilinear", "bicubic", "lanczos")
ACTIVATIONS = ("logits", "softmax")
CHANNELS = ("RGB", "L")


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What the model takes: one RGB picture, shape (1, height, width, 3)."""

    height_px: int
    width_px: int
    dtype: str
    """``uint8``: pixels as they are; ``float32``: ``pixels * scale + offset``."""
    scale: float
    offset: float
    fit: str
    """``crop``: the centre, in the model's proportions; ``stretch``: all of it; ``pad``: all of it, on black."""
    filter: str
    """Pillow's resampling filter by name."""
    channels: str = "RGB"
    """``RGB``: colours as they are; ``L``: the picture's luminance (ITU-R 601) in all three channels."""

    @property
    def long_edge_px(self) -> int:
        """The smallest edge that a decoded picture needs for a resize that invents nothing."""
        return max(self.height_px, self.width_px)


@dataclass(frozen=True, slots=True)
class Threshold:
    """How a bundle of two labels decides: not by the better score, but by one label's score alone."""

    positive: str
    """The label that is given where its score is at least ``score``; elsewhere it is the other one."""
    score: float
    """Calibrated, above 0 and below 1."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """``manifest.json``, parsed. Every field is described in docs/bundle.md."""

    name: str
    version: str
    description: str
    runtime: str
    model_file: str
    labels: tuple[str, ...]
    input: InputSpec
    activation: str
    """What the model returns: ``logits``, or ``softmax`` probabilities."""
    temperature: float
    """Logits are divided by it before the softmax; above 1 it makes scores more modest."""
    review_below: float
    """A best score below this needs a person."""
    metrics: Mapping[str, Any]
    lineage: Mapping[str, Any]
    files: Mapping[str, str]
    """File name to sha256, 64 hex digits."""
    threshold: Threshold | None = None
    """Only with two labels; without it the label with the best score is given."""

    def as_json(self) -> dict[str, Any]:
        """Return the manifest as it is written to ``manifest.json``."""
        spec, threshold = self.input, self.threshold
        decides = {} if threshold is None else {"positive": threshold.positive, "threshold": threshold.score}
        return {
            "format": FORMAT,
            "name": self.name,
            "version": self.version,
            "description": self.description,
            "runtime": self.runtime,
            "model_file": self.model_file,
            "labels": list(self.labels),
            "input": {
                "height_px": spec.height_px,
                "width_px": spec.width_px,
                "channels": spec.channels,
                "dtype": spec.dtype,
                "scale": spec.scale,
                "offset": spec.offset,
            },
            "resize": {"fit": spec.fit, "filter": spec.filter},
            "output": {"activation": self.activation},
            "calibration": {"temperature": self.temperature},
            "decision": {"review_below": self.review_below, **decides},
            "metrics": dict(self.metrics),
            "lineage": dict(self.lineage),
            "files": dict(self.files),
        }


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was read whole: the manifest holds, and every file is what the manifest says."""

    folder: Path
    manifest: Manifest
    digest: str
    """sha256 of ``manifest.json``, 64 hex digits."""

    @property
    def model_path(self) -> Path:
        """Where the model file lies."""
        return self.folder / self.manifest.model_file

    @property
    def facts(self) -> ModelFacts:
        """What a row says of the model."""
        manifest = self.manifest
        return ModelFacts(manifest.name, manifest.version, self.digest, manifest.runtime)


def load_bundle(folder: Path) -> Bundle:
    """Read and check a bundle folder.

    The model itself is not opened here: ``classify.Classifier`` compares its input and output with the manifest.

    Raises:
        InvalidBundle: naming every fault: missing or changed files, fields that are missing, of the wrong type or
            out of range, labels that are empty, repeated or differ from ``labels.txt``.
    """
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
        document = json.loads(content)
    except OSError as error:
        raise InvalidBundle(f"the bundle {folder}", [f"{MANIFEST} cannot be read ({error.strerror})"]) from error
    except (ValueError, RecursionError) as error:
        raise InvalidBundle(f"the bundle {folder}", [f"{MANIFEST} is not JSON ({error})"]) from error
    faults: list[str] = []
    manifest = _manifest_from(document, faults)
    if not faults:
        faults += _faults_of_files(folder, manifest)
    if faults:
        raise InvalidBundle(f"the bundle {folder}", faults)
    return Bundle(folder, manifest, hashlib.sha256(content).hexdigest())


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``manifest.json`` into a folder that already holds the files it names."""
    (folder / MANIFEST).write_text(json.dumps(manifest.as_json(), indent=2, ensure_ascii=False) + "\n", "utf-8")


def digest_of(path: Path) -> str:
    """Return a file's sha256, 64 hex digits; a folder's is over its files' relative names and digests, sorted."""
    if path.is_dir():
        inside = sorted(file for file in path.rglob("*") if file.is_file())
        lines = "".join(f"{digest_of(file)}  {file.relative_to(path).as_posix()}\n" for file in inside)
        return hashlib.sha256(lines.encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest_from(document: Any, faults: list[str]) -> Manifest:
    """Parse what can be parsed, and add a sentence to ``faults`` for each field that cannot."""
    field = Fields(document, faults)
    if field.of("format", int, 0) != FORMAT:
        faults.append(f"format is {field.of('format', int, 0)}, this release reads {FORMAT}")
    labels = tuple(field.of("labels", list, []))
    if not labels or not all(isinstance(label, str) and label.strip() for label in labels):
        faults.append("labels must be a list of at least one non-empty string")
    elif len(set(labels)) != len(labels):
        faults.append("labels has one label twice")
    files = field.of("files", dict, {})
    outside = [name for name in files if Path(name).is_absolute() or ".." in Path(name).parts]
    faults += [f"files names {name!r}, which is outside the bundle" for name in outside]
    model_file = field.of("model_file", str, "")
    faults += [f"files has no digest of {name}" for name in (model_file, LABELS) if name and name not in files]
    return Manifest(
        name=field.of("name", str, "", lambda name: bool(name)),
        version=field.of("version", str, "", lambda version: bool(version)),
        description=field.of("description", str, ""),
        runtime=field.one_of("runtime", RUNTIMES),
        model_file=model_file,
        labels=labels,
        input=InputSpec(
            height_px=field.of("input.height_px", int, 1, lambda px: 1 <= px <= 4096),
            width_px=field.of("input.width_px", int, 1, lambda px: 1 <= px <= 4096),
            dtype=field.one_of("input.dtype", DTYPES),
            scale=field.of("input.scale", float, 1.0),
            offset=field.of("input.offset", float, 0.0),
            fit=field.one_of("resize.fit", FITS),
            filter=field.one_of("resize.filter", FILTERS),
            channels=field.one_of("input.channels", CHANNELS) if field.has("input.channels") else "RGB",
        ),
        activation=field.one_of("output.activation", ACTIVATIONS),
        temperature=field.of("calibration.temperature", float, 1.0, lambda value: 0.01 <= value <= 100),
        review_below=field.of("decision.review_below", float, 0.0, lambda value: 0 <= value <= 1),
        metrics=field.of("metrics", dict, {}),
        lineage=field.of("lineage", dict, {}),
        files=files,
        threshold=_threshold_from(field, labels),
    )


def _threshold_from(field: Fields, labels: tuple[str, ...]) -> Threshold | None:
    """The optional part of ``decision``, which older bundles and those of more than two labels have not."""
    if not field.has("decision.positive") and not field.has("decision.threshold"):
        return None
    if len(labels) != 2:
        field.faults.append(f"decision.threshold needs two labels, there are {len(labels)}")
        return None
    score = field.of("decision.threshold", float, 0.5, lambda value: 0 < value < 1)
    return Threshold(field.one_of("decision.positive", labels), score)


def _faults_of_files(folder: Path, manifest: Manifest) -> list[str]:
    faults = []
    for name, expected in manifest.files.items():
        path = folder / name
        if not _exists(path):
            faults.append(f"{name[:200]} is missing")
        elif (found := digest_of(path)) != expected:
            faults.append(f"{name} has sha256 {found}, the manifest says {expected}")
    if not faults:
        lines = tuple((folder / LABELS).read_text("utf-8", errors="replace").splitlines())
        if lines != manifest.labels:
            faults.append(f"{LABELS} has {list(lines)}, the manifest's labels are {list(manifest.labels)}")
    return faults


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # no file can have such a name
        return False
