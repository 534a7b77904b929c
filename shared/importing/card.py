"""The model card of an imported bundle, from its manifest: its use, the assumptions, and its origin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shared.bundles.manifest import Manifest

CARD = "README.md"

CHANNELS = {"RGB": "RGB", "BGR": "blue first", "L": "in shades of grey"}
RUNTIMES = {"litert": "LiteRT", "keras": "Keras", "saved_model": "TensorFlow"}


def write_card(folder: Path, manifest: Manifest) -> None:
    """Write the model card into a bundle."""
    parts = (_head(manifest), _decision(manifest), _conversion(manifest.lineage), _origin(manifest))
    (folder / CARD).write_text("\n".join(part for part in parts if part), "utf-8")


def _head(manifest: Manifest) -> str:
    spec, lineage = manifest.input, manifest.lineage
    last = "first" if spec.layout == "NCHW" else "last"
    return f"""# {manifest.name} {manifest.version}

{manifest.description or "An imported model without a description."}

- **Returns** one of {len(manifest.labels)} labels: {", ".join(manifest.labels)}.
  It knows no others: a picture of something else gets one of these.
- **Takes** any picture, which serving fits to {spec.width_px} x {spec.height_px} px ({spec.fit}, {spec.filter}),
  {CHANNELS[spec.channels]}; the model itself takes {spec.dtype} of shape {spec.shape}, channels {last}.
- **Scaling**: {lineage["scaling"]["is"]}, known from {lineage["scaling"]["from"]}. Where that is not how it was
  trained, its labels are poor: import it again with another `--scaling`.
- **Is run by** {RUNTIMES[manifest.runtime]}: `{manifest.model_file}` returns {_returned(manifest)}.
- **Scores** are calibrated with temperature {manifest.temperature:g}{_uncalibrated(manifest)}.

{_measured(manifest)}
"""


def _measured(manifest: Manifest) -> str:
    if not manifest.metrics:
        return (
            "Nothing was measured on labelled pictures: `bucketlens evaluate` with this bundle and a folder of them "
            "does that."
        )
    images, accuracy = manifest.metrics["images"], manifest.metrics["accuracy"]
    return (
        f"Accuracy **{accuracy:.1%}** on the {images} labelled pictures that temperature and threshold were fitted on; "
        "the accuracy on other pictures may be lower."
    )


def _returned(manifest: Manifest) -> str:
    kinds = {"logits": "logits", "softmax": "softmax probabilities", "sigmoid": "sigmoid probabilities"}
    return kinds[manifest.activation]


def _uncalibrated(manifest: Manifest) -> str:
    return ", that is not at all: read them as an order, not as probabilities" if manifest.temperature == 1 else ""


def _decision(manifest: Manifest) -> str:
    rule = "The label with the best score is given."
    if manifest.threshold is not None:
        positive = manifest.threshold.positive
        other = next(label for label in manifest.labels if label != positive)
        rule = f"**{positive}** where its score is at least **{manifest.threshold.score:g}**, else {other}."
    return f"""## Which label is given

{rule} A score of the given label below {manifest.review_below:g} sets `needs_review`.
"""


def _conversion(lineage: Any) -> str:
    conversion = lineage["conversion"]
    if conversion is None:
        return ""
    agreement = conversion["agreement"]
    return f"""## What conversion changed

Converted to {conversion["precision"]} ({conversion["ranges"]}). Against the original, both through the code that
serves, on {agreement["pictures"]} {conversion["compared_on"]}: the same label for **{agreement["same_label"]:.1%}**,
scores differ by {agreement["mean_score_difference"]:.4f} in the mean and by
{agreement["largest_score_difference"]:.4f} at most.
"""


def _origin(manifest: Manifest) -> str:
    lineage = manifest.lineage
    source = lineage["imported_from"]
    libraries = ", ".join(f"{name} {version}" for name, version in lineage["libraries"].items())
    return f"""## Where it comes from

- Imported from `{source["file"]}`, {source["kind"]}, sha256 `{source["sha256"]}`, at {lineage["imported_at"]}.
- Libraries: {libraries}.
"""
