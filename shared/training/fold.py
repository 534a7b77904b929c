"""A fold of a cross-validation: its network, its outputs for the held-out pictures, and the files of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from shared.adapters.runtimes.litert import LiteRTModel
from shared.training.dataset import Example
from shared.training.export import harder_logits, int8_model, served_logits
from shared.training.feature_map import with_feature_map
from shared.training.fit import Recipe, fit, predicted, prepared
from shared.training.mix import SHARES, between, probe_weights
from shared.training.network import build_network
from shared.training.profile import novelties_by
from shared.training.request import Request, Watcher
from shared.training.silence import silence
from shared.training.state import Epoch, Weights

Arrays = Mapping[str, npt.NDArray[Any]]
Logits = npt.NDArray[np.floating]

AS_THEY_ARE = "as they are"
"""Pictures under no harder condition."""


@dataclass(frozen=True, slots=True)
class Fold:
    """A fold: the pictures that its network learns from and judges, and the folder of its files."""

    number: int
    training: Sequence[Example]
    held_out: Sequence[Example]
    labels: Sequence[str]
    recipe: Recipe
    parent: Path

    @property
    def folder(self) -> Path:
        """The folder of its files; each is replaced atomically, so a kill never leaves an incomplete file."""
        return self.parent / f"fold-{self.number}"

    def fit(self, request: Request, identity: Mapping[str, Any], watcher: Watcher) -> list[Epoch]:
        """Train its network, or resume a stopped run, and keep the outputs and weights of each epoch."""

        def keep(epoch: int, logits: Logits, weights: Weights) -> None:
            halved = {f"weights/{index:04d}": value.astype(np.float16) for index, value in enumerate(weights)}
            _write(self.folder / f"epoch-{epoch:03d}.npz", {"logits": logits, **halved})

        return fit(
            self.training,
            self.held_out,
            self.labels,
            replace(self.recipe, patience=self.recipe.epochs + 1),
            folder=self.folder,
            identity=identity,
            start=request.start,
            on_step=watcher.on_step,
            on_judged=keep,
            on_epoch=watcher.on_epoch,
        )[1]

    def logits(self, epoch: int) -> Logits:
        """Return the held-out pictures' logits by the averaged weights of an epoch, in float32."""
        return self._epoch(epoch)["logits"]

    def mixes(self, epochs: int) -> Arrays:
        """Return its network's logits by each of ``SHARES``, as a string."""

        def make() -> Arrays:
            network, pixels = self._network(self.recipe.image_size), self._pixels(self.recipe.image_size)
            outputs = {}
            for share in SHARES:
                network.set_weights(self._weights(epochs, share))
                outputs[str(share)] = predicted(network, pixels, self.recipe.batch_size)
            return outputs

        return _kept(self.folder / f"mixes-{epochs}.npz", make)

    def sizes(self, epochs: int, share: float, edges: Sequence[int]) -> Arrays:
        """Return its network's logits by each edge in pixels, as a string."""

        def make() -> Arrays:
            weights, outputs = self._weights(epochs, share), {}
            for edge in edges:
                network = self._network(edge)
                network.set_weights(weights)
                outputs[str(edge)] = predicted(network, self._pixels(edge), self.recipe.batch_size)
            return outputs

        return _kept(self.folder / f"sizes-{epochs}-{share}.npz", make)

    def served(self, epochs: int, share: float, size_px: int, harder: bool) -> Arrays:
        """Return its int8 network's logits for the files as they are, and under each harder condition."""

        def make() -> Arrays:
            network, spec = self._network(size_px), self.recipe.input_spec(size_px)
            network.set_weights(self._weights(epochs, share))
            model = int8_model(network, self.training, spec, self._int8(epochs, share, size_px))[0]
            outputs = {AS_THEY_ARE: served_logits(model, self.held_out, spec)}
            return {**outputs, **(harder_logits(model, self.held_out, spec) if harder else {})}

        return _kept(self.folder / f"served-{epochs}-{share}-{size_px}.npz", make)

    def novelties(self, epochs: int, share: float, size_px: int) -> npt.NDArray[np.floating]:
        """Return how novel its int8 network, made by ``served``, finds its pictures; as ``profile.novelties_by``."""

        def make() -> Arrays:
            path, spec = self._int8(epochs, share, size_px), self.recipe.input_spec(size_px)
            explain = with_feature_map(path.read_bytes())[1]
            with silence():
                model = LiteRTModel(path, threads=2, explain=explain)
            return {"novelties": novelties_by(model, self.training, self.held_out, spec)}

        return _kept(self.folder / f"novelties-{epochs}-{share}-{size_px}.npz", make)["novelties"]

    def _int8(self, epochs: int, share: float, size_px: int) -> Path:
        return self.folder / f"int8-{epochs}-{share}-{size_px}.tflite"

    def _epoch(self, epoch: int) -> Arrays:
        return _read(self.folder / f"epoch-{epoch:03d}.npz")

    def _weights(self, epochs: int, share: float) -> Weights:
        kept = self._epoch(epochs)
        weights = [kept[name].astype(np.float32) for name in sorted(kept) if name.startswith("weights/")]
        return weights if share == 1 else between(self._probe(), weights, share)

    def _probe(self) -> Weights:
        def make() -> Arrays:
            weights = probe_weights(self.training, self.labels, self.recipe)
            return {f"{index:04d}": value for index, value in enumerate(weights)}

        kept = _kept(self.folder / "probe.npz", make)
        return [kept[name] for name in sorted(kept)]

    def _network(self, edge: int) -> keras.Model:
        return build_network(edge, len(self.labels), self.recipe.dropout, self.recipe.backbone)

    def _pixels(self, edge: int) -> npt.NDArray[np.uint8]:
        return prepared(self.held_out, self.recipe.input_spec(edge))


def _kept(path: Path, make: Callable[[], Arrays]) -> Arrays:
    """Return the arrays that an earlier run saved, or make and save them."""
    if not path.exists():
        _write(path, make())
    return _read(path)


def _write(path: Path, arrays: Arrays) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new_file = path.with_name(f"{path.name}.new")
    with new_file.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    new_file.replace(path)


def _read(path: Path) -> Arrays:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
