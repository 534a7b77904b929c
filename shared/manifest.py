"""``manifest.json``: all that serving needs to know of a model, as types, and how it is read and written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.fields import Fields

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


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``manifest.json`` into a folder that already holds the files it names."""
    (folder / MANIFEST).write_text(json.dumps(manifest.as_json(), indent=2, ensure_ascii=False) + "\n", "utf-8")


def manifest_from(document: Any, faults: list[str]) -> Manifest:
    """Parse what can be parsed, and add a sentence to ``faults`` for each field that cannot.

    Args:
        document: ``manifest.json`` as ``json.loads`` returns it, of any type.
        faults: is added to; where it stays empty, the manifest holds in itself (its files are not looked at).
    """
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
