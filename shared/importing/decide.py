"""From what a file says and what its owner says to what the manifest says; what neither says is asked for, at once."""

from __future__ import annotations

from dataclasses import dataclass

from shared.bundles.manifest import InputSpec, Threshold
from shared.errors import Misconfigured
from shared.importing.facts import Facts
from shared.importing.labels import told_apart
from shared.importing.scaling import QUESTION, SIGNED, Quantisation, Scaling, in_steps
from shared.importing.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the owner of a model says of it; None leaves it to the file, or to a default."""

    labels: tuple[str, ...] | None = None
    scaling: Scaling | None = None
    activation: str | None = None
    layout: str | None = None
    """``NHWC`` or ``NCHW``."""
    size: tuple[int, int] | None = None
    """Height and width, for a network that takes any."""
    fit: str | None = None
    filter: str | None = None
    grey: bool = False
    positive: str | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """The part of a manifest that says how the model is used."""

    input: InputSpec
    activation: str
    labels: tuple[str, ...]
    """With one output, the label that the output is the score of comes second."""
    threshold: Threshold | None
    scaling: Scaling
    scaling_from: str
    """Where it was learnt."""
    remarks: tuple[str, ...] = ()
    """What the owner should know of it."""


def decide(source: Source, facts: Facts, wishes: Wishes) -> Decided:
    """Put together what is needed to serve a model.

    Raises:
        Misconfigured: naming everything that is missing or contradicts itself, and the option that says it.
    """
    faults: list[str] = []
    labels, doubled = told_apart(_labels(source, facts, wishes, faults))
    remarks = (doubled,) if doubled else ()
    layout = _layout(facts, wishes, faults)
    _, *sizes = facts.shape if layout == "NHWC" else (facts.shape[0], *facts.shape[2:], facts.shape[1])
    height, width, depth = sizes
    scaling, scaling_from = _scaling(source, facts, wishes, depth, faults)
    activation = wishes.activation or facts.activation
    if activation is None:
        faults.append(
            "what its outputs are cannot be seen from its last layer; add --activation softmax (probabilities that "
            "add up to 1), sigmoid (a probability each) or logits (any numbers, the largest wins)"
        )
    if activation == "softmax" and facts.outputs == 1:
        faults.append("it has one output with a softmax, which is always 1; train it with a sigmoid instead")
    threshold = _threshold(facts, wishes, labels, faults)
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
        fit=wishes.fit or ("crop" if source.is_teachable_machine else "stretch"),
        filter=wishes.filter or ("lanczos" if source.is_teachable_machine else "bilinear"),
        channels="L" if depth == 1 or wishes.grey else scaling.channels,
        depth=depth,
        layout=layout,
    )
    return Decided(spec, activation, labels, threshold, scaling, scaling_from, remarks)


def _labels(source: Source, facts: Facts, wishes: Wishes, faults: list[str]) -> tuple[str, ...]:
    labels = wishes.labels or source.labels or facts.labels
    if labels is None:
        faults.append(
            f"it does not name its labels, and has {facts.outputs} output{'s' * (facts.outputs > 1)}; add --labels "
            f"with {max(2, facts.outputs)} names, in the order of training: a,b,… or a file with one a line"
        )
        return ()
    expected = max(2, facts.outputs)
    if len(labels) != expected:
        one = " with one output, the score of the second" if facts.outputs == 1 else ""
        shown = ", ".join(labels[:10])
        faults.append(f"it needs {expected} labels{one}, there are {len(labels)}: {shown:.200}")
    return labels


def _layout(facts: Facts, wishes: Wishes, faults: list[str]) -> str:
    channels = {"NHWC": facts.shape[-1], "NCHW": facts.shape[1]}
    fits = [layout for layout, depth in channels.items() if depth in (1, 3)]
    layout = wishes.layout or (fits[0] if fits else "NHWC")
    if layout not in fits:
        option = "--channels-first" if layout == "NCHW" else "--channels-last"
        where = f"channels {'first' if layout == 'NCHW' else 'last'} ({option} or the default)"
        other = "; without it would fit" if fits and wishes.layout else ""
        faults.append(f"it takes shape {facts.shape}, which is no picture of 1 or 3 channels with {where}{other}")
    return layout


def _scaling(source: Source, facts: Facts, wishes: Wishes, depth: int, faults: list[str]) -> tuple[Scaling | None, str]:
    found, where = facts.scaling, facts.scaling_from
    if wishes.scaling is not None:
        found, where = wishes.scaling, "--scaling"
    elif found is None and source.is_teachable_machine:
        found, where = SIGNED, "Teachable Machine's convention"
    elif found is None and facts.dtype == "uint8":
        found, where = _of_bytes(facts.quantisation)
    if found is None:
        faults.append(QUESTION)
    elif depth == 1 and (isinstance(found.scale, tuple) or isinstance(found.offset, tuple)):
        faults.append("it takes one channel, but --scaling has numbers for three; add MEAN,STD of one")
    return found, where


def _of_bytes(quantisation: Quantisation | None) -> tuple[Scaling, str]:
    """Bytes are pixels: whoever quantised the model chose its steps so, whatever real numbers they stand for."""
    if quantisation is None:
        return Scaling(1.0, 0.0), "its input of bytes"
    return Scaling(quantisation.step, -quantisation.zero * quantisation.step), "its input of bytes"


def _numbers(scaling: Scaling, facts: Facts) -> tuple[float | tuple[float, float, float], ...]:
    """Scale and offset from pixels to what the input takes."""
    if facts.dtype == "float32":
        return scaling.scale, scaling.offset
    if facts.quantisation is None:
        return 1.0, 0.0 if facts.dtype == "uint8" else -128.0
    return in_steps(scaling, facts.quantisation, facts.dtype)


def _threshold(facts: Facts, wishes: Wishes, labels: tuple[str, ...], faults: list[str]) -> Threshold | None:
    wanted = facts.outputs == 1 or wishes.positive is not None or wishes.threshold is not None
    if not wanted or not labels:
        return None
    if len(labels) != 2:
        if facts.outputs != 1:
            faults.append(f"--positive and --threshold need two labels, there are {len(labels)}")
        return None
    positive = wishes.positive or labels[1]
    if positive not in labels:
        faults.append(f"--positive is {positive!r}, expected one of {', '.join(labels)}")
        return None
    return Threshold(positive, 0.5 if wishes.threshold is None else wishes.threshold)
