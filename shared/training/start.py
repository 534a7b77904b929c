"""The weights that training begins with: a network's ImageNet weights, or those of an earlier bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from shared.bundles.bundle import digest_of, load_bundle
from shared.errors import Misconfigured
from shared.training.backbones import BACKBONES
from shared.training.network import load_pretrained


@dataclass(frozen=True, slots=True)
class Start:
    """An earlier bundle to start from."""

    name: str
    """Name and version, such as ``flowers 1``."""
    digest: str
    """Of the bundle's manifest."""
    file: Path
    """Its network for retraining."""
    network: str
    """Its architecture, as ``Backbone.title`` has it."""
    labels: tuple[str, ...]
    began_with: str
    """Where its own weights came from."""
    epochs: int
    """How many epochs it was trained for."""

    @property
    def source(self) -> str:
        """The source of the weights, for the lineage."""
        before = f"{self.epochs} epochs from {self.began_with}"
        return f"the bundle {self.name} (digest {self.digest}), itself trained for {before}"


def read_start(folder: Path) -> Start:
    """Read a bundle to start from.

    Raises:
        InvalidBundle: the bundle cannot be used.
        Misconfigured: its network for retraining is missing, or differs from its manifest's digest.
    """
    bundle = load_bundle(folder)
    lineage: dict[str, Any] = dict(bundle.manifest.lineage)
    retraining = lineage.get("retraining", {})
    file = folder / str(retraining.get("file"))
    if not file.is_file() or digest_of(file) != retraining.get("sha256"):
        fault = f"{folder.name} has no network for retraining, or not the one in its manifest; choose another bundle"
        raise Misconfigured("the bundle to start from", [fault])
    manifest = bundle.manifest
    return Start(
        name=f"{manifest.name} {manifest.version}",
        digest=bundle.digest,
        file=file,
        network=str(lineage.get("network")),
        labels=manifest.labels,
        began_with=str(lineage.get("pretrained")),
        epochs=int(lineage.get("epochs", {}).get("run", 0)),
    )


def load_start(model: keras.Model, backbone: str, labels: Sequence[str], start: Start | None) -> None:
    """Fill a network with the weights that training begins with.

    Args:
        model: from ``build_network``.
        backbone: its name.
        labels: of the data; a bundle to start from must have the same.
        start: None for the ImageNet weights, which leave the last layer as it is.

    Raises:
        Misconfigured: the weights are missing, or the bundle has other labels or is another network.
    """
    if start is None:
        load_pretrained(model)
        return
    faults = []
    if tuple(labels) != start.labels:
        faults.append(f"it has the labels {', '.join(start.labels)}, the data has {', '.join(labels)}")
    if start.network != BACKBONES[backbone].title:
        faults.append(f"it is {start.network}; choose that with --backbone")
    if faults:
        raise Misconfigured(f"the bundle {start.name} to start from", faults)
    model.set_weights(keras.models.load_model(start.file).get_weights())
