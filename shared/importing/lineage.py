"""An imported bundle's lineage, as in its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.bundles.bundle import digest_of
from shared.importing.agreement import Agreement
from shared.importing.decide import ModelUse
from shared.importing.scaling import scaling_name
from shared.importing.source import Source
from shared.training.libraries import library_versions

LIBRARIES = ("bucketlens", "tensorflow-cpu", "tensorflow", "keras", "ai-edge-litert", "numpy", "pillow")


@dataclass(frozen=True, slots=True)
class Conversion:
    """A model's conversion, and its agreement with the original."""

    precision: str
    samples: int
    """Number of the owner's pictures; with 0, made-up pictures were compared."""
    agreement: Agreement

    def as_json(self) -> dict[str, Any]:
        """Return the conversion as in the manifest."""
        ranges = f"ranges measured on {self.samples} samples" if self.precision == "int8" else "no ranges are needed"
        compared_on = "samples" if self.samples else "made-up pictures"
        return {
            "precision": self.precision,
            "ranges": ranges,
            "compared_on": compared_on,
            "agreement": self.agreement.as_json(),
        }


def lineage_of(
    path: Path, source: Source, use: ModelUse, options: Mapping[str, Any], conversion: Conversion | None
) -> dict[str, Any]:
    """Return the manifest's part ``lineage``.

    Args:
        path: the imported file or folder.
        source: the model that was found in it.
        use: the use of the model.
        options: the command's options.
        conversion: None where the model is served unconverted.
    """
    return {
        "imported_from": {"file": path.resolve().name, "kind": source.title, "sha256": digest_of(path)},
        "imported_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "scaling": {"is": scaling_name(use.scaling), "from": use.scaling_from},
        "conversion": None if conversion is None else conversion.as_json(),
        "options": dict(options),
        "libraries": library_versions(LIBRARIES),
    }
