"""Import a user's own model as a bundle: read, decide, convert, compare with the original, and only then write."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from shared.adapters.runtimes.litert import LiteRTModel
from shared.bundles.bundle import Bundle
from shared.bundles.manifest import InputSpec, Manifest
from shared.errors import Misconfigured
from shared.importing.agreement import Agreement, compare
from shared.importing.calibrate import better_scaling, calibrate, read_labelled
from shared.importing.convert import converted
from shared.importing.decide import Choices, ModelUse, decide
from shared.importing.facts import Facts
from shared.importing.last_activation import without_activation
from shared.importing.lineage import Conversion, lineage_of
from shared.importing.samples import FEW, made_up_pictures, read_samples
from shared.importing.scaling import in_steps, scaling_name
from shared.importing.source import KERAS, TFLITE, Source, find_source
from shared.importing.tensorflow_graph import Original, read_keras, read_saved_model
from shared.importing.tflite_file import input_quantisation, read_tflite
from shared.importing.write import check_free, write_bundle
from shared.inference.classifier import Classifier
from shared.ports import Model
from shared.training.feature_map import with_feature_map
from shared.training.quiet import silence
from shared.training.report import Report, too_few
from shared.types import Pixels


class Watcher(Protocol):
    """A display of an import's progress."""

    def on_step(self, what: str) -> None:
        """Note the next step."""

    def on_pictures(self, what: str, total: int) -> None:
        """Note that this number of pictures is processed next."""

    def on_picture(self) -> None:
        """Note that another picture is done."""

    def on_agreement(self, agreement: Agreement) -> None:
        """Note how far the converted model agrees with the original; nothing is written yet."""

    def on_measured(self, report: Report, manifest: Manifest) -> None:
        """Note the figures on labelled pictures and the fitted manifest; nothing is written yet."""

    def on_remark(self, remark: str) -> None:
        """Note a remark for the owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request: the model to import, the bundle to write, and the options."""

    path: Path
    out: Path
    name: str
    version: str
    description: str = ""
    choices: Choices
    temperature: float = 1.0
    review_below: float = 0.5
    keep: bool = False
    """Serve the model with TensorFlow, unconverted."""
    precision: str | None = None
    """One of ``convert.PRECISIONS``; None for int8 with samples and float32 without."""
    samples: Path | None = None
    calibrate: Path | None = None
    """A folder of labelled pictures, on which temperature, threshold and review score are fitted."""
    least_agreement: float = 0.95
    force: bool = False
    options: Mapping[str, Any]
    """The command's options, for the lineage."""


class TooFarOff(Misconfigured):
    """The converted model differs too much from the original; nothing was written."""


def import_bundle(request: Request, watcher: Watcher) -> Bundle:
    """Import a model as a bundle. Unless every step succeeds, nothing is written.

    Raises:
        Misconfigured: with everything that is wrong or missing, and what to do; or the bundle exists already.
        TooFarOff: the converted model's labels differ from the original's too often.
    """
    check_free(request.out, request.force)
    with tempfile.TemporaryDirectory() as scratch:
        watcher.on_step(f"reading {request.path.name}")
        source = find_source(request.path, Path(scratch))
        if source.kind == TFLITE:
            return _as_it_is(request, source, watcher)
        read = read_keras if source.kind == KERAS else read_saved_model
        original = read(source.path, request.choices.size)
        use = _decide(source, original.facts, request.choices, watcher)
        if request.keep:
            return _kept(request, source, original, use, watcher)
        return _converted(request, source, original, use, watcher)


def _decide(source: Source, facts: Facts, choices: Choices, watcher: Watcher) -> ModelUse:
    use = decide(source, facts, choices)
    for remark in use.remarks:
        watcher.on_remark(remark)
    if facts.scaling is not None and use.scaling != facts.scaling:
        watcher.on_remark(
            f"--scaling is {scaling_name(use.scaling)}, {facts.scaling_from} is for {scaling_name(facts.scaling)}: "
            "if the model scales pixels itself, leave --scaling out"
        )
    return use


def _as_it_is(request: Request, source: Source, watcher: Watcher) -> Bundle:
    """Import a .tflite file, which is served unchanged."""
    if request.samples or request.precision:
        fault = "--samples and --precision convert Keras models and SavedModels; a .tflite file is served as it is"
        raise Misconfigured("the options", [fault])
    use = _decide(source, read_tflite(source.path), request.choices, watcher)
    manifest = _manifest(request, source, use, "litert", "model.tflite")
    with silence():
        model = LiteRTModel(source.path)
    manifest = _measured(request, (manifest, model), (manifest, model), watcher)
    return write_bundle(manifest, request.out, lambda path: shutil.copyfile(source.path, path), request.force)


def _kept(request: Request, source: Source, original: Original, use: ModelUse, watcher: Watcher) -> Bundle:
    """Import a model that TensorFlow serves unconverted."""
    if request.samples or request.precision:
        fault = "--samples and --precision are of a conversion; --runtime keep converts nothing"
        raise Misconfigured("the options", [fault])
    if original.is_rewritten:
        fault = "its layers compute with channels first, which TensorFlow does on GPUs only; leave --runtime keep out"
        raise Misconfigured(f"the model {source.path.name}", [fault])
    runtime, file = ("keras", "model.keras") if source.kind == KERAS else ("saved_model", "model")
    manifest = _manifest(request, source, use, runtime, file)
    manifest = _measured(request, (manifest, original.model), (manifest, original.model), watcher)
    if source.kind == KERAS:
        return write_bundle(manifest, request.out, original.save, request.force)
    return write_bundle(manifest, request.out, lambda path: shutil.copytree(source.path, path), request.force)


def _converted(request: Request, source: Source, original: Original, use: ModelUse, watcher: Watcher) -> Bundle:
    samples = _samples(request, use.input, watcher)
    precision = request.precision or ("int8" if samples else "float32")
    if precision == "int8" and not samples:
        fault = "int8 needs --samples FOLDER with pictures such as will be classified, or else add --precision float32"
        raise Misconfigured("the options", [fault])
    watcher.on_step(f"converting to {precision}")
    shortened = None
    if precision == "int8":
        shortened = without_activation(original.frozen, use.activation, original.facts.outputs)
    content, explain = with_feature_map(converted(shortened or original.frozen, precision, use.input, samples))
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.tflite"
        path.write_bytes(content)
        activation = use.activation if shortened is None else "logits"
        served = replace(use, input=_input_of(path, use), activation=activation)
        with silence():
            model = LiteRTModel(path, explain=explain)
    before = _manifest(request, source, use, "keras", "model.keras")
    after = _manifest(request, source, served, "litert", "model.tflite")
    pictures = samples or made_up_pictures()
    watcher.on_pictures("comparing with the original", len(pictures))
    first = Classifier(Bundle(request.out, before, ""), original.model)
    agreement = compare(first, Classifier(Bundle(request.out, after, ""), model), pictures, watcher.on_picture)
    watcher.on_agreement(agreement)
    if agreement.same_label < request.least_agreement:
        raise TooFarOff(f"the {precision} model", [_too_far(agreement, request, precision, len(samples))])
    conversion = Conversion(precision, len(samples), agreement)
    manifest = _manifest(request, source, served, "litert", "model.tflite", conversion)
    whole = _measured(request, (replace(manifest, explain=explain), model), (before, original.model), watcher)
    return write_bundle(whole, request.out, lambda path: path.write_bytes(content), request.force)


def _measured(
    request: Request, served: tuple[Manifest, Model], original: tuple[Manifest, Model], watcher: Watcher
) -> Manifest:
    """Calibrate and measure the served model, if labelled pictures were given."""
    manifest, model = served
    if request.calibrate is None:
        return manifest
    watcher.on_step("reading the labelled pictures")
    labelled = read_labelled(request.calibrate, manifest, lambda: None)
    if labelled.left_out:
        watcher.on_remark(f"{labelled.left_out} files in {request.calibrate} are not pictures and were left out")
    watcher.on_pictures("calibrating", len(labelled.pictures))
    fitted, report = calibrate(manifest, model, labelled, request.choices.positive, watcher.on_picture)
    watcher.on_measured(report, fitted)
    for remark in (too_few(report.images, "labelled pictures"), better_scaling(*original, labelled)):
        if remark:
            watcher.on_remark(remark)
    return fitted


def _samples(request: Request, spec: InputSpec, watcher: Watcher) -> list[Pixels]:
    if request.samples is None:
        return []
    watcher.on_step("reading the samples")
    samples, left_out = read_samples(request.samples, spec.long_edge_px, lambda: None)
    if left_out:
        watcher.on_remark(f"{left_out} files in {request.samples} are not pictures and were left out")
    if len(samples) < FEW:
        watcher.on_remark(
            f"{len(samples)} samples are few: other pictures may go beyond what these show, and the agreement shows "
            f"little; {FEW} or more, of every label, are better"
        )
    return samples


def _input_of(path: Path, use: ModelUse) -> InputSpec:
    """Return the converted model's input: the original's, or in int8 the same in its steps."""
    quantisation = input_quantisation(path)
    if quantisation is None:
        return use.input
    scale, offset = in_steps(use.scaling, quantisation, "uint8")
    return replace(use.input, dtype="uint8", scale=scale, offset=offset)


def _manifest(
    request: Request,
    source: Source,
    use: ModelUse,
    runtime: str,
    model_file: str,
    conversion: Conversion | None = None,
) -> Manifest:
    return Manifest(
        name=request.name,
        version=request.version,
        description=request.description,
        runtime=runtime,
        model_file=model_file,
        labels=use.labels,
        input=use.input,
        activation=use.activation,
        temperature=request.temperature,
        review_below=request.review_below,
        metrics={},
        lineage=lineage_of(request.path, source, use, request.options, conversion),
        files={},
        threshold=use.threshold,
    )


def _too_far(agreement: Agreement, request: Request, precision: str, samples: int) -> str:
    more = f"give more samples than {samples}, or " if precision == "int8" and samples < 4 * FEW else ""
    remedy = "add --precision float32 (four times the size, and slower)" if precision != "float32" else ""
    other = remedy or "add --runtime keep, which serves it with TensorFlow"
    return (
        f"it gives {agreement}; at least {request.least_agreement:.1%} is required, so nothing was written; "
        f"{more}{other}, or take it as it is with a lower --least-agreement"
    )
