"""Decide the manifest from the facts in a file and the owner's choices, and report everything missing together."""

from __future__ import annotations

from dataclasses import dataclass

from shared.bundles.manifest import InputSpec, Threshold
from shared.errors import Misconfigured
from shared.importing.facts import Facts
from shared.importing.labels import without_repeats
from shared.importing.scaling import QUESTION, SIGNED, Quantisation, Scaling, in_steps
from shared.importing.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The owner's choices for a model; None leaves a choice to the file, or to a default."""

    labels: tuple[str, ...] | None = None
    scaling: Scaling | None = None
    activation: str | None = None
    layout: str | None = None
    """``NHWC`` or ``NCHW``."""
    size: tuple[int, int] | None = None
    """Height and width, for a network that takes any size."""
    fit: str | None = None
    filter: str | None = None
    grey: bool = False
    positive: str | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class ModelUse:
    """The use of a model: the part of a manifest that describes its input and outputs."""

    input: InputSpec
    activation: str
    labels: tuple[str, ...]
    """With one output, the label of its score comes second."""
    threshold: Threshold | None
    scaling: Scaling
    scaling_from: str
    """Where the scaling is known from."""
    remarks: tuple[str, ...] = ()
    """Remarks for the owner."""


def decide(source: Source, facts: Facts, choices: Choices) -> ModelUse:
    """Decide how a model is used, from its file and the owner's choices.

    Raises:
        Misconfigured: with every missing or contradictory fact, and the option for it.
    """
    faults: list[str] = []
    labels, doubled = without_repeats(_labels(source, facts, choices, faults))
    remarks = (doubled,) if doubled else ()
    layout = _layout(facts, choices, faults)
    _, *sizes = facts.shape if layout == "NHWC" else (facts.shape[0], *facts.shape[2:], facts.shape[1])
    height, width, depth = sizes
    scaling, scaling_from = _scaling(source, facts, choices, depth, faults)
    activation = choices.activation or facts.activation
    if activation is None:
        faults.append(
            "what its outputs are cannot be seen from its last layer; add --activation softmax (probabilities that "
            "add up to 1), sigmoid (a probability each) or logits (any numbers, the largest wins)"
        )
    if activation == "softmax" and facts.outputs == 1:
        faults.append("it has one output with a softmax, which is always 1; train it with a sigmoid instead")
    threshold = _threshold(facts, choices, labels, faults)
    if faults or activation is None or scaling is None:
        raise Misconfigured(f"the model {source.path.name}", faults)
    if facts.outputs == 1 and threshold is not None and labels[0] == threshold.positive:
        labels = labels[::-1]
    scale, offset = _numbers(scaling, facts)
    spec = InputSpec(
        height_px=height,
        width_px=width,
        dtype=facts.dtype,
        scale=scale,
        offset=offset,
        fit=choices.fit or ("crop" if source.is_teachable_machine else "stretch"),
        filter=choices.filter or ("lanczos" if source.is_teachable_machine else "bilinear"),
        channels="L" if depth == 1 or choices.grey else scaling.channels,
        depth=depth,
        layout=layout,
    )
    return ModelUse(spec, activation, labels, threshold, scaling, scaling_from, remarks)


def _labels(source: Source, facts: Facts, choices: Choices, faults: list[str]) -> tuple[str, ...]:
    labels = choices.labels or source.labels or facts.labels
    if labels is None:
        faults.append(
            f"it does not name its labels, and has {facts.outputs} output{'s' * (facts.outputs > 1)}; add --labels "
            f"with {max(2, facts.outputs)} names, in the order of training: a,b,… or a file with one a line"
        )
        return ()
    expected = max(2, facts.outputs)
    if len(labels) != expected:
        hint = " with one output, the score of the second" if facts.outputs == 1 else ""
        shown = ", ".join(labels[:10])
        faults.append(f"it needs {expected} labels{hint}, there are {len(labels)}: {shown:.200}")
    return labels


def _layout(facts: Facts, choices: Choices, faults: list[str]) -> str:
    channels = {"NHWC": facts.shape[-1], "NCHW": facts.shape[1]}
    fits = [layout for layout, depth in channels.items() if depth in (1, 3)]
    layout = choices.layout or (fits[0] if fits else "NHWC")
    if layout not in fits:
        option = "--channels-first" if layout == "NCHW" else "--channels-last"
        where = f"channels {'first' if layout == 'NCHW' else 'last'} ({option} or the default)"
        other = "; without it would fit" if fits and choices.layout else ""
        faults.append(f"it takes shape {facts.shape}, which is not a picture of 1 or 3 channels with {where}{other}")
    return layout


def _scaling(
    source: Source, facts: Facts, choices: Choices, depth: int, faults: list[str]
) -> tuple[Scaling | None, str]:
    scaling, where = facts.scaling, facts.scaling_from
    if choices.scaling is not None:
        scaling, where = choices.scaling, "--scaling"
    elif scaling is None and source.is_teachable_machine:
        scaling, where = SIGNED, "Teachable Machine's convention"
    elif scaling is None and facts.dtype == "uint8":
        scaling, where = _of_bytes(facts.quantisation)
    if scaling is None:
        faults.append(QUESTION)
    elif depth == 1 and (isinstance(scaling.scale, tuple) or isinstance(scaling.offset, tuple)):
        faults.append("it takes one channel, but --scaling has numbers for three; add MEAN,STD of one")
    return scaling, where


def _of_bytes(quantisation: Quantisation | None) -> tuple[Scaling, str]:
    """Return the scaling of a bytes input, whose bytes are pixels in the model's own steps."""
    if quantisation is None:
        return Scaling(1.0, 0.0), "its input of bytes"
    return Scaling(quantisation.step, -quantisation.zero * quantisation.step), "its input of bytes"


def _numbers(scaling: Scaling, facts: Facts) -> tuple[float | tuple[float, float, float], ...]:
    """Return scale and offset from pixels to the input's numbers."""
    if facts.dtype == "float32":
        return scaling.scale, scaling.offset
    if facts.quantisation is None:
        return 1.0, 0.0 if facts.dtype == "uint8" else -128.0
    return in_steps(scaling, facts.quantisation, facts.dtype)


def _threshold(facts: Facts, choices: Choices, labels: tuple[str, ...], faults: list[str]) -> Threshold | None:
    needs_threshold = facts.outputs == 1 or choices.positive is not None or choices.threshold is not None
    if not needs_threshold or not labels:
        return None
    if len(labels) != 2:
        if facts.outputs != 1:
            faults.append(f"--positive and --threshold need two labels, there are {len(labels)}")
        return None
    positive = choices.positive or labels[1]
    if positive not in labels:
        faults.append(f"--positive is {positive!r}, expected one of {', '.join(labels)}")
        return None
    return Threshold(positive, 0.5 if choices.threshold is None else choices.threshold)
