"""The parts of a model card for a bundle that was trained on everything and measured out of fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.bundles.manifest import Manifest

SIZE_IN_FOLDS = "the smallest is taken whose loss is within one standard error of the least, paired picture\nby picture"


def folds_of(manifest: Manifest) -> str:
    """Describe how the figures were measured, and what to expect of new pictures."""
    metrics, folds = manifest.metrics, manifest.lineage["folds"]
    by_fold = ", ".join(f"{accuracy:.1%}" for accuracy in metrics["accuracy_by_fold"])
    others = ", ".join(
        f"{name} {_between(metrics['intervals'][figure], 3)}"
        for figure, name in (("auc", "AUC"), ("sensitivity", "sensitivity"), ("specificity", "specificity"))
        if figure in metrics["intervals"]
    )
    also = f"\nAlso at 95 %: {others}." if others else ""
    images, accuracy = metrics["images"], _between(metrics["intervals"]["accuracy"])
    return f"""\
On {images} pictures, each judged by a network that had not seen it: the data was divided into {folds["count"]} folds,
and for each of them a network of the same recipe learned from the others. In int8, through the code that serves:
accuracy **{metrics["accuracy"]:.1%}** (95 %: {accuracy}), macro F1 {metrics["macro_f1"]:.3f},
expected calibration error {metrics["ece"]:.3f} (15 bins), negative log-likelihood {metrics["nll"]:.3f}.{also}

By fold: {by_fold}. The served network is one more, trained on all of these pictures with what the folds chose.
Of new pictures like these, expect what stands here: it learned from more than any fold's network did, and the epochs,
the mix, the size, the temperature and the thresholds were chosen on all {images} pictures together. The intervals are
those of counting, as if pictures were independent.
`bucketlens evaluate BUNDLE DATA --held-out` computes the figures again.
"""


def elsewhere_of(metrics: Mapping[str, Any]) -> str:
    """Describe what to expect of pictures that differ from those of training; empty where it was not measured."""
    if "elsewhere" not in metrics:
        return ""
    lines = [
        f"| {figure} | {figures['expected']:.1%} | {_between(figures['interval'])} |"
        for figure, figures in metrics["elsewhere"].items()
    ]
    return f"""
**At another place** than the one that the pictures come from, with other devices, hands and archives, expect:

| | expected | 95 % of places that differ as the conditions above do |
|---|---|---|
{chr(10).join(lines)}

These are the mean over the harder conditions, and the interval of one more condition like them. They are made, not met:
a place may differ in ways that none of them shows. Measure on its own pictures before relying on it.
"""


def divided_into(lineage: Mapping[str, Any]) -> str:
    """Describe how the data was divided."""
    folds = lineage["folds"]
    sizes = ", ".join(map(str, folds["images"]))
    return f"all of them to train on,\n  {folds['count']} folds of {sizes} to choose and measure, divided"


def took_in_folds(lineage: Mapping[str, Any]) -> str:
    """Describe the number of epochs and the time that they took."""
    epochs, folds = lineage["epochs"], lineage["folds"]
    return (
        f"{folds['count']} networks of {epochs['run']} epochs in {epochs['seconds'] / 60:.0f} minutes chose "
        f"{epochs['chosen']} of them; the bundle's took\n  {folds['seconds_of_the_whole'] / 60:.0f} minutes."
    )


def _between(interval: list[float], digits: int = 1) -> str:
    return " to ".join(f"{end:.{digits}%}" if digits == 1 else f"{end:.{digits}f}" for end in interval)
