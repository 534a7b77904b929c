"""``profile.npz``: what a bundle knows of the pictures that its model was trained and measured on.

A file of numpy (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html) without pickled objects. It
holds the directions of novelty, its threshold, the digest of the model that it was made with, and numbers of reference
pictures that the model had not seen, which later rows can be compared with.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.errors import InvalidBundle
from shared.signals.novelty import Floats

FILE = "profile.npz"

MAX_BYTES = 32 * 1024 * 1024
"""Of all arrays together; 2,000 reference pictures of a network of 1,280 channels take 0.5 MB."""

ADVICE = "make it again with `bucketlens bundle profile`"


@dataclass(frozen=True, slots=True, eq=False)
class Familiar:
    """What serving reads of a profile."""

    directions: Floats
    """Orthonormal columns, shape (channels, directions), float32 (``novelty.directions_of``)."""
    unfamiliar_above: float
    """The novelty above which a picture is unfamiliar, 0 to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Pictures that the directions were not made from, a row each; all arrays have as many.

    The accuracy that a model is expected to have on other pictures follows from ``score``, ``label`` and ``predicted``
    (Garg et al., "Leveraging Unlabeled Data to Predict Out-of-Distribution Performance", 2022), and so does the
    confusion matrix.
    """

    embedding: Floats
    """Shape (pictures, directions), float32."""
    statistics: Floats
    """Shape (pictures, 6), float32: brightness, contrast, sharpness, saturation, colourfulness, aspect."""
    score: Floats
    """Of the predicted label, calibrated, 0 to 1."""
    entropy: Floats
    """In bits."""
    novelty: Floats
    """0 to 1, by directions that were made without the picture."""
    label: npt.NDArray[np.int32]
    """Index of the true label."""
    predicted: npt.NDArray[np.int32]
    """Index of the predicted label."""

    def __len__(self) -> int:
        return len(self.score)


def write_profile(path: Path, model_sha256: str, familiar: Familiar, reference: Reference) -> None:
    """Write a profile. The same content makes the same bytes.

    Args:
        path: of the file.
        model_sha256: of the model's file, 64 hex digits; the profile is valid for no other.
        familiar: what serving reads.
        reference: what monitoring compares with.
    """
    arrays = {field.name: getattr(reference, field.name) for field in fields(Reference)}
    with path.open("wb") as file:
        np.savez(
            file,
            model_sha256=np.array(model_sha256),
            directions=familiar.directions,
            unfamiliar_above=np.array(familiar.unfamiliar_above, np.float64),
            **{f"reference_{name}": values for name, values in arrays.items()},
        )


def read_familiar(path: Path, model_sha256: str) -> Familiar:
    """Read what serving needs of a profile.

    Raises:
        InvalidBundle: the file cannot be read or is not a profile, or it was made with another model.
    """
    arrays = _arrays(path, ("model_sha256", "directions", "unfamiliar_above"))
    made_with, directions, threshold = arrays["model_sha256"], arrays["directions"], arrays["unfamiliar_above"]
    if made_with.ndim or made_with.dtype.kind != "U" or str(made_with) != model_sha256:
        fault = f"it was made with another model (sha256 {str(made_with)[:12]}…, this one has {model_sha256[:12]}…)"
        raise InvalidBundle(f"the profile {path.name}", [f"{fault}; {ADVICE}"])
    is_valid = (
        directions.ndim == 2
        and directions.dtype == np.float32
        and 1 <= directions.shape[1] <= directions.shape[0]
        and bool(np.isfinite(directions).all())
        and not threshold.ndim
        and threshold.dtype == np.float64
        and 0 <= float(threshold) <= 1
    )
    if not is_valid:
        fault = f"its directions or its threshold are not what a profile has; {ADVICE}"
        raise InvalidBundle(f"the profile {path.name}", [fault])
    return Familiar(np.ascontiguousarray(directions), float(threshold))


def read_reference(path: Path) -> Reference:
    """Read the reference pictures of a profile.

    Raises:
        InvalidBundle: the file cannot be read, or is not a profile.
    """
    names = [field.name for field in fields(Reference)]
    arrays = _arrays(path, [f"reference_{name}" for name in names])
    reference = Reference(**{name: arrays[f"reference_{name}"] for name in names})
    if len({len(np.atleast_1d(values)) for values in arrays.values()}) != 1:
        raise InvalidBundle(f"the profile {path.name}", [f"its arrays have different lengths; {ADVICE}"])
    return reference


def _arrays(path: Path, names: tuple[str, ...] | list[str]) -> dict[str, npt.NDArray[Any]]:
    """Read some arrays; a file that claims to unpack to more than ``MAX_BYTES`` is not unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            size_bytes = sum(entry.file_size for entry in archive.infolist())
        if size_bytes > MAX_BYTES:
            fault = f"its arrays have {size_bytes:,} bytes, expected at most {MAX_BYTES:,}; {ADVICE}"
            raise InvalidBundle(f"the profile {path.name}", [fault])
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
        raise InvalidBundle(f"the profile {path.name}", [f"it cannot be read as a profile; {ADVICE}"]) from error
