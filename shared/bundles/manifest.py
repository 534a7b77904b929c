"""``manifest.json``: everything that serving needs to know about a model, as types, and how it is read and written."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shared.bundles.json_fields import Fields

FORMAT = 1
MANIFEST = "manifest.json"
LABELS = "labels.txt"

RUNTIMES = tuple(sorted(path.stem for path in (Path(__file__).parents[1] / "adapters" / "runtimes").glob("[a-z]*.py")))
"""The modules of ``shared.adapters.runtimes``: a new module there is a new runtime."""
DTYPES = ("uint8", "int8", "float32")
FITS = ("crop", "stretch", "pad")
FILTERS = ("nearest", "bilinear", "bicubic", "lanczos")
ACTIVATIONS = ("logits", "softmax", "sigmoid")
CHANNELS = ("RGB", "L", "BGR")
LAYOUTS = ("NHWC", "NCHW")

Numbers = float | tuple[float, float, float]
"""One number for all channels, or a number for each channel."""


@dataclass(frozen=True, slots=True)
class InputSpec:
    """The model's input: one picture, of the shape ``shape``."""

    height_px: int
    width_px: int
    dtype: str
    """``float32``: ``pixels * scale + offset``; ``uint8``, ``int8``: the same, rounded and clipped to the range."""
    scale: Numbers
    offset: Numbers
    fit: str
    """``crop``: the centre, in the model's proportions; ``stretch``: all of it; ``pad``: all of it, on black."""
    filter: str
    """Pillow's resampling filter by name."""
    channels: str = "RGB"
    """``RGB``: colours as they are; ``BGR``: blue first; ``L``: the picture's luminance (ITU-R 601) in all channels."""
    depth: int = 3
    """Number of channels that the model takes, 3 or 1."""
    layout: str = "NHWC"
    """``NHWC``: channels last; ``NCHW``: channels first."""

    @property
    def long_edge_px(self) -> int:
        """The longer edge: a picture whose edges are at least this long is never enlarged to fit."""
        return max(self.height_px, self.width_px)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(1, height, width, depth), or with channels first (1, depth, height, width)."""
        if self.layout == "NCHW":
            return (1, self.depth, self.height_px, self.width_px)
        return (1, self.height_px, self.width_px, self.depth)

    @property
    def takes_pixels(self) -> bool:
        """Whether the model takes a resized picture's bytes unchanged."""
        return self.dtype == "uint8" and self.layout == "NHWC" and self.scale == 1.0 and self.offset == 0.0


@dataclass(frozen=True, slots=True)
class Threshold:
    """The rule by which a bundle of two labels decides: by one label's score alone, not by the better score."""

    positive: str
    """The label of a picture whose score for it is at least ``score``; any other picture gets the other label."""
    score: float
    """Calibrated, above 0 and below 1."""


@dataclass(frozen=True, slots=True)
class Explain:
    """The tensors of a .tflite model that a class activation map is made of."""

    feature_map: str
    """The output that the last layer averages over height and width, shape (1, height, width, channels)."""
    class_weights: str
    """The last layer's weights: a constant, shape (labels, channels)."""


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
    """The kind of the model's outputs: ``logits``, or the probabilities of a ``softmax`` or a ``sigmoid``.

    With two labels and a single output, it is the second label's ``sigmoid`` probability, or the logit of that.
    """
    temperature: float
    """The divisor of the logits before the softmax; above 1 it lowers the best score."""
    review_below: float
    """A prediction whose score is below this needs review."""
    metrics: Mapping[str, Any]
    lineage: Mapping[str, Any]
    files: Mapping[str, str]
    """File name to sha256, 64 hex digits."""
    threshold: Threshold | None = None
    """Only with two labels; without it the label with the best score wins."""
    explain: Explain | None = None
    """Only where the model returns its feature map; other models are explained by occlusion."""

    def as_json(self) -> dict[str, Any]:
        """Return the manifest as the JSON object of ``manifest.json``."""
        spec, threshold, explain = self.input, self.threshold, self.explain
        rule = {} if threshold is None else {"positive": threshold.positive, "threshold": threshold.score}
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
                "scale": _as_written(spec.scale),
                "offset": _as_written(spec.offset),
                **({} if spec.depth == 3 else {"depth": spec.depth}),
                **({} if spec.layout == "NHWC" else {"layout": spec.layout}),
            },
            "resize": {"fit": spec.fit, "filter": spec.filter},
            "output": {"activation": self.activation},
            "calibration": {"temperature": self.temperature},
            "decision": {"review_below": self.review_below, **rule},
            **({} if explain is None else {"explain": asdict(explain)}),
            "metrics": dict(self.metrics),
            "lineage": dict(self.lineage),
            "files": dict(self.files),
        }


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``manifest.json`` into a folder that already holds the files that the manifest names."""
    (folder / MANIFEST).write_text(json.dumps(manifest.as_json(), indent=2, ensure_ascii=False) + "\n", "utf-8")


def manifest_from(document: Any, faults: list[str]) -> Manifest:
    """Parse a manifest, and add a sentence to ``faults`` for each field with a fault, which gets a default.

    Args:
        document: ``manifest.json`` as ``json.loads`` returns it, of any type.
        faults: gets the faults; where it stays empty, the manifest is valid (its files are not checked).
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
        input=_input_from(field),
        activation=field.one_of("output.activation", ACTIVATIONS),
        temperature=field.of("calibration.temperature", float, 1.0, lambda value: 0.01 <= value <= 100),
        review_below=field.of("decision.review_below", float, 0.0, lambda value: 0 <= value <= 1),
        metrics=field.of("metrics", dict, {}),
        lineage=field.of("lineage", dict, {}),
        files=files,
        threshold=_threshold_from(field, labels),
        explain=_explain_from(field),
    )


def _input_from(field: Fields) -> InputSpec:
    spec = InputSpec(
        height_px=field.of("input.height_px", int, 1, lambda px: 1 <= px <= 4096),
        width_px=field.of("input.width_px", int, 1, lambda px: 1 <= px <= 4096),
        dtype=field.one_of("input.dtype", DTYPES),
        scale=_numbers_from(field, "input.scale", 1.0),
        offset=_numbers_from(field, "input.offset", 0.0),
        fit=field.one_of("resize.fit", FITS),
        filter=field.one_of("resize.filter", FILTERS),
        channels=field.one_of("input.channels", CHANNELS) if field.has("input.channels") else "RGB",
        depth=field.of("input.depth", int, 3, lambda depth: depth in (1, 3)) if field.has("input.depth") else 3,
        layout=field.one_of("input.layout", LAYOUTS) if field.has("input.layout") else "NHWC",
    )
    if spec.depth == 1 and spec.channels != "L":
        field.faults.append(f"input.channels is {spec.channels!r}, expected 'L' where input.depth is 1")
    if spec.depth == 1 and not (isinstance(spec.scale, float) and isinstance(spec.offset, float)):
        field.faults.append("input.scale and input.offset must be one number each where input.depth is 1")
    return spec


def _numbers_from(field: Fields, path: str, default: float) -> Numbers:
    """Read a number, or a list of three."""
    if not field.is_a(path, list):
        number: float = field.of(path, float, default)
        return number
    numbers = field.of(path, list, [])
    if len(numbers) != 3 or not all(type(number) in (int, float) and math.isfinite(number) for number in numbers):
        field.faults.append(f"{path} is {numbers!r:.80}, expected one number or a list of three")
        return default
    first, second, third = (float(number) for number in numbers)
    return (first, second, third)


def _as_written(numbers: Numbers) -> float | list[float]:
    return list(numbers) if isinstance(numbers, tuple) else numbers


def _threshold_from(field: Fields, labels: tuple[str, ...]) -> Threshold | None:
    """Read the optional part of ``decision``; older bundles and bundles with more than two labels lack it."""
    if not field.has("decision.positive") and not field.has("decision.threshold"):
        return None
    if len(labels) != 2:
        field.faults.append(f"decision.threshold needs two labels, there are {len(labels)}")
        return None
    score = field.of("decision.threshold", float, 0.5, lambda value: 0 < value < 1)
    return Threshold(field.one_of("decision.positive", labels), score)


def _explain_from(field: Fields) -> Explain | None:
    """Read the optional part ``explain``; older bundles and bundles of other runtimes lack it."""
    if not field.has("explain"):
        return None
    return Explain(
        field.of("explain.feature_map", str, "", lambda name: bool(name)),
        field.of("explain.class_weights", str, "", lambda name: bool(name)),
    )
