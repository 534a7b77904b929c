"""The reference that a bundle brings along: the pictures of its profile, which its model was not trained on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.bundles.bundle import Bundle
from shared.monitoring.window import Floats, ModelVersion, Pictures, Reference, Validation
from shared.signals.profile import FILE, read_familiar, read_reference

NOT_KNOWN = datetime(1970, 1, 1, tzinfo=UTC)
"""When a model was made whose manifest does not say so: before all rows."""


def model_version_of(bundle: Bundle) -> ModelVersion:
    """Return the model of a bundle, as its rows name it."""
    return ModelVersion(bundle.manifest.name, bundle.manifest.version, bundle.digest)


def reference_of(bundle: Bundle) -> Reference | None:
    """Return what windows of a bundle's model are compared with; None for a bundle without a profile.

    Raises:
        InvalidBundle: the profile cannot be read, or was made with another model.
    """
    manifest = bundle.manifest
    if FILE not in manifest.files:
        return None
    path = bundle.folder / FILE
    familiar = read_familiar(path, manifest.files[manifest.model_file])
    profile = read_reference(path)
    scores, novelty = (np.asarray(values, np.float64) for values in (profile.score, profile.novelty))
    return Reference(
        model=model_version_of(bundle),
        made_at=made_at(bundle) or NOT_KNOWN,
        source=f"the validation pictures of {manifest.name} {manifest.version}",
        pictures=Pictures(
            labels=tuple(manifest.labels[index] for index in profile.predicted),
            scores=scores,
            statistics=as_stored(profile.statistics),
            novelty=novelty,
            embeddings=np.asarray(profile.embedding, np.float64),
        ),
        unfamiliar_above=stored_threshold(familiar.unfamiliar_above, novelty),
        validation=Validation(scores, profile.label == profile.predicted),
    )


def made_at(bundle: Bundle) -> datetime | None:
    """Return when a bundle's model was trained, or else imported; None where its manifest does not say so."""
    for name in ("trained_at", "imported_at"):
        try:
            at = datetime.fromisoformat(str(bundle.manifest.lineage.get(name)))
        except ValueError:
            continue
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    return None


def as_stored(values: Any) -> Floats:
    """Return numbers as a profile keeps them: of float32's precision, as float64.

    A row's aspect of 4 / 3 is of float64, and the profile's is the nearest float32, so without this every picture of
    the window would be narrower than every picture of the reference with the same proportions.

    Args:
        values: of any shape.
    """
    rounded: npt.NDArray[np.float32] = np.asarray(values, np.float64).astype(np.float32)
    return rounded.astype(np.float64)


def stored_threshold(threshold: float, novelty: Floats) -> float:
    """Return the threshold of novelty as a value that a picture of the profile has.

    The threshold is the novelty of one of the pictures as float64, of which the profile keeps the nearest float32; of
    more than 2,000 pictures it may have left out this one. The test of unfamiliar pictures needs the exact value of a
    picture, so this is the greatest one that is not above the threshold; NaN where all are.

    Args:
        threshold: of the profile, 0 to 1.
        novelty: of its pictures, shape (pictures,).
    """
    reached = novelty[novelty <= float(np.float32(threshold))]
    return float(reached.max()) if len(reached) else float("nan")
