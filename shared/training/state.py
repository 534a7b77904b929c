"""The state from which a killed training run resumes, in one file that is replaced atomically after each epoch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.errors import Misconfigured

Weights = list[npt.NDArray[Any]]

FILE = "state.npz"


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of the learning curve."""

    number: int
    """From 1."""
    loss: float
    """Mean over the epoch, with label smoothing and augmentation."""
    accuracy: float
    """On augmented training pictures, 0 to 1."""
    validation_loss: float
    """Negative log-likelihood after temperature scaling; NaN, as the next two, without validation pictures."""
    validation_accuracy: float
    standard_error: float
    """The standard error of the validation accuracy: sqrt(p (1 - p) / n)."""
    seconds: float


@dataclass(slots=True)
class State:
    """A run's state between two epochs."""

    history: list[Epoch] = field(default_factory=list)
    weights: dict[str, Weights] = field(default_factory=dict)
    """``network``, ``average``, ``chosen`` and ``optimizer``; empty before the first epoch."""

    @property
    def stale_epochs(self) -> int:
        """The number of epochs since the chosen one."""
        return len(self.history) - chosen_epoch(self.history).number if self.history else 0


def chosen_epoch(history: Sequence[Epoch]) -> Epoch:
    """Return the epoch whose weights are kept: the last whose accuracy is within one standard error of the best.

    Without validation pictures it is the last.

    This is the rule of Breiman et al., "Classification and Regression Trees" (1984), section 3.4.3: on a few hundred
    pictures the highest figure is mostly luck, and the epochs with a low learning rate are the better ones.
    """
    if math.isnan(history[-1].validation_accuracy):
        return history[-1]
    best = max(history, key=lambda epoch: epoch.validation_accuracy)
    least = best.validation_accuracy - best.standard_error
    return [epoch for epoch in history if epoch.validation_accuracy >= least][-1]


def save_state(folder: Path, state: State, identity: Mapping[str, Any]) -> None:
    """Replace the saved state; a kill at any moment leaves the old one or the new one.

    Args:
        folder: created if missing.
        state: after at least one epoch.
        identity: what must be equal so that a later run can resume, as JSON values.
    """
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"identity": identity, "history": [asdict(epoch) for epoch in state.history]}
    arrays: dict[str, Any] = {
        f"{part}/{index:04d}": value for part, values in state.weights.items() for index, value in enumerate(values)
    }
    new_file = folder / f"{FILE}.new"
    with new_file.open("wb") as file:
        np.savez(file, **arrays, facts=np.array(json.dumps(facts)))
    new_file.replace(folder / FILE)


def load_state(folder: Path, identity: Mapping[str, Any]) -> State:
    """Return the saved state, or a new one where no state was saved.

    Raises:
        Misconfigured: the state was saved by a run with other data or other options, which are named.
    """
    if not (folder / FILE).exists():
        return State()
    with np.load(folder / FILE, allow_pickle=False) as file:
        facts = json.loads(str(file["facts"]))
        if faults := differences(facts["identity"], json.loads(json.dumps(identity))):
            raise Misconfigured(f"cannot resume from {folder}", faults)
        weights: dict[str, Weights] = {}
        for name in sorted(set(file.files) - {"facts"}):
            weights.setdefault(name.split("/")[0], []).append(file[name])
    return State([Epoch(**epoch) for epoch in facts["history"]], weights)


def differences(saved: Mapping[str, Any], requested: Mapping[str, Any]) -> Sequence[str]:
    """Return a sentence for each field in which two identities differ."""
    return [
        f"{key} was {saved.get(key)!r} then and is {requested.get(key)!r} now"
        for key in sorted({*saved, *requested})
        if saved.get(key) != requested.get(key)
    ]
