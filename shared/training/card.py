"""The model card: what a bundle is, its measured figures and its limits, from its manifest alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from shared.bundles.manifest import Manifest
from shared.training.binary import Goal
from shared.training.calibration import HIGHEST_REVIEW, LOWEST_REVIEW
from shared.training.card_of_folds import (
    SIZE_IN_FOLDS,
    divided_into,
    elsewhere_of,
    folds_of,
    took_in_folds,
)
from shared.training.out_of_fold import is_in_folds

CARD = "README.md"

CHANNELS = {"RGB": "RGB", "L": "in shades of grey"}


class Rules(Protocol):
    """The part of a plan that the card describes."""

    @property
    def review_accuracy(self) -> float:
        """The accuracy that predictions without review should have, 0 to 1."""

    @property
    def goal(self) -> Goal:
        """The goal of the threshold of two labels."""


def write_card(folder: Path, manifest: Manifest, plan: Rules) -> None:
    """Write the model card into a bundle.

    Args:
        folder: the bundle's folder.
        manifest: with metrics and lineage.
        plan: the rules by which its thresholds were chosen.
    """
    parts = (
        _head(manifest),
        _limits(manifest),
        _measured(manifest),
        _threshold(manifest, plan.goal),
        _review(manifest, plan.review_accuracy),
        _sizes(manifest),
        _origin(manifest),
    )
    (folder / CARD).write_text("\n".join(part for part in parts if part), "utf-8")


def _head(manifest: Manifest) -> str:
    spec, lineage, colours = manifest.input, manifest.lineage, CHANNELS[manifest.input.channels]
    fitted = f"{spec.fit}, {spec.filter}"
    gives = "logits" if manifest.explain is None else "logits,\n  and its last feature map, for heatmaps"
    return f"""# {manifest.name} {manifest.version}

{manifest.description}

- **Returns** one of {len(manifest.labels)} labels: {", ".join(manifest.labels)}.
  It knows no others: a picture of something else gets one of these, as a rule with a low score.
- **Takes** any picture, which serving fits to {spec.width_px} x {spec.height_px} px ({fitted}), {colours}.
- **Is** {lineage["network"]}, int8, run by LiteRT: `{manifest.model_file}` takes pixels as uint8 and returns {gives}.
  `{lineage["retraining"]["file"]}` is the same network for retraining: Keras, float16 weights, pixels 0 to 255.
- **Scores** are softmax(logits / {manifest.temperature}).
"""


def _limits(manifest: Manifest) -> str:
    limits = manifest.lineage.get("limits", "")
    return f"## What it is not for, and where it fails\n\n{limits}\n" if limits else ""


def _threshold(manifest: Manifest, goal: Goal) -> str:
    if manifest.threshold is None:
        return ""
    positive, other = (
        manifest.threshold.positive,
        next(label for label in manifest.labels if label != manifest.threshold.positive),
    )
    metrics, pictures = manifest.metrics, _pictures(manifest)
    rows = [_binary_row("as they are", metrics)]
    rows += [_binary_row(condition, figures) for condition, figures in metrics.get("harder", {}).items()]
    return f"""## Which label is given

**{positive}** where its score is at least **{manifest.threshold.score}**, else {other}: the threshold decides, not 0.5.
The rule: highest specificity where sensitivity is {goal.sensitivity:.0%} and one standard error more, as a mean over
the {pictures} and copies of them that are made harder on purpose, as another device, another hand or another
archive would give them; below a specificity of {goal.specificity:.0%} both would fall short by as much.

| {metrics["images"]} {pictures} | AUC | accuracy | sensitivity | specificity | calibration error |
|---|---|---|---|---|---|
{chr(10).join(rows)}

![Scores of {positive} against how often it is the true label](reliability.png)
{elsewhere_of(metrics)}"""


VALIDATED = """\
On {images} validation pictures, with the int8 model, through the code that serves:
accuracy **{accuracy:.1%}**, macro F1 {macro_f1:.3f},
expected calibration error {ece:.3f} (15 bins), negative log-likelihood {nll:.3f}.

These pictures were not trained on, but they chose the epoch, the size, the temperature and the threshold:
expect a little less of new ones.
"""


def _pictures(manifest: Manifest) -> str:
    return "out-of-fold pictures" if is_in_folds(manifest) else "validation pictures"


def _binary_row(name: str, metrics: Mapping[str, Any]) -> str:
    return (
        f"| {name} | {metrics['auc']:.4f} | {metrics['accuracy']:.1%} "
        f"| {metrics['sensitivity']:.1%} | {metrics['specificity']:.1%} | {metrics['ece']:.3f} |"
    )


def _measured(manifest: Manifest) -> str:
    metrics = manifest.metrics
    summary = folds_of(manifest) if is_in_folds(manifest) else VALIDATED.format(**metrics)
    rows = "\n".join(
        f"| {label} | {row['precision']:.3f} | {row['recall']:.3f} | {row['f1']:.3f} | {row['images']} |"
        for label, row in metrics["by_label"].items()
    )
    return f"""## Measured

{summary}
| label | precision | recall | F1 | pictures |
|---|---|---|---|---|
{rows}

![Rows: the true label; columns: the predicted one](confusion_matrix.png)
![Loss and accuracy by epoch](learning_curve.png)
"""


def _review(manifest: Manifest, review_accuracy: float) -> str:
    metrics = manifest.metrics
    accepted = metrics["accepted_accuracy"]
    copies = " and their harder copies" if "harder" in metrics else ""
    outcome = "none is left above it" if accepted is None else f"the others are {accepted:.1%} right"
    return f"""## When a person should look

A best score below **{manifest.review_below:.2f}** sets `needs_review`.
The rule: the smallest threshold from {LOWEST_REVIEW:.2f} to {HIGHEST_REVIEW:.2f} at which the
{_pictures(manifest)}{copies} above it are at least {review_accuracy:.1%} right, else {HIGHEST_REVIEW:.2f}.
Here {metrics["needs_review"]:.1%} of them need review, and {outcome}.
"""


def _sizes(manifest: Manifest) -> str:
    metrics = manifest.metrics
    rule = SIZE_IN_FOLDS if is_in_folds(manifest) else SIZE_BY_VALIDATION
    rows = "\n".join(
        f"| {figures['size_px']} | {figures['accuracy']:.1%} | {figures['nll']:.4f} |" for figures in metrics["sizes"]
    )
    return f"""## What was given up for size and speed

| compared with float32 weights | same label | mean difference of a logit | largest |
|---|---|---|---|
{_converted(metrics)}
{_compared("float16, for retraining", metrics["float16_against_float32"])}

The network in float32 by serving size; {rule}:

| pixels | accuracy | negative log-likelihood |
|---|---|---|
{rows}
"""


SIZE_BY_VALIDATION = "a larger one is taken where its loss is at least 5 % lower and its accuracy\nno lower"


def _converted(metrics: Mapping[str, Any]) -> str:
    if (served := metrics.get("served_against_float32")) is None:
        return _compared("int8, served", metrics["int8_against_float32"])
    return "\n".join(
        (
            _compared("int8, the folds' networks", metrics["int8_against_float32"]),
            _compared(f"int8, served, on {served['images']} pictures of training", served),
        )
    )


def _compared(name: str, agreement: dict[str, Any]) -> str:
    return (
        f"| {name} | {agreement['same_label']:.1%} | {agreement['mean_logit_difference']:.4f} "
        f"| {agreement['largest_logit_difference']:.4f} |"
    )


def _grouped(options: Mapping[str, Any]) -> str:
    return f", files with the same `{options['group_by']}` together" if options.get("group_by") else ""


def _mixed(trials: list[dict[str, Any]], pictures: str) -> str:
    if not trials:
        return ""
    chosen = trials[0]
    alone = next(trial for trial in trials if trial["share"] == 1)
    return (
        f"- {chosen['share']:.0%} of the fine-tuned weights, the rest a linear probe's: on the {pictures}\n"
        f"  the negative log-likelihood is {chosen['nll']:.4f} instead of {alone['nll']:.4f}, the accuracy\n"
        f"  {chosen['accuracy']:.1%} instead of {alone['accuracy']:.1%}.\n"
    )


def _origin(manifest: Manifest) -> str:
    lineage = manifest.lineage
    data, epochs, code = lineage["data"], lineage["epochs"], lineage["code"]
    counts = ", ".join(f"{label} {count}" for label, count in data["by_label"].items())
    libraries = ", ".join(f"{name} {version}" for name, version in lineage["libraries"].items())
    changes = ", with changes that were not committed" if code["has_changes"] else ""
    divided = f"{data['training']} to train on, {data['validation']} to\n  validate on, split"
    took = f"{epochs['run']} epochs in {epochs['seconds'] / 60:.0f} minutes; "
    took += f"the weights of epoch {epochs['chosen']} were kept."
    if is_in_folds(manifest):
        divided, took = divided_into(lineage), took_in_folds(lineage)
    return f"""## Where it comes from

- Data: `{data["name"]}`, {data["images"]} pictures ({counts}); {divided}
  by content{_grouped(lineage["options"])}. Fingerprint `{data["fingerprint"]}`.
- Began with {lineage["pretrained"]}.
- {took}
  Seed {lineage["seed"]}, {lineage["trained_at"]}.
{_mixed(lineage["mix_with_probe"], _pictures(manifest))}- Code: commit `{code["commit"]}`{changes}.
- Libraries: {libraries}.
"""
