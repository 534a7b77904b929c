"""Where an imported bundle comes from, as it stands in its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.bundles.bundle import digest_of
from shared.importing.agreement import Agreement
from shared.importing.decide import Decided
from shared.importing.scaling import name_of
from shared.importing.source import Source
from shared.training.libraries import library_versions

LIBRARIES = ("bucketlens", "tensorflow-cpu", "tensorflow", "keras", "ai-edge-litert", "numpy", "pillow")


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a model was made smaller, and what that changed."""

    precision: str
    samples: int
    """How many of the owner's pictures there were; with none, made-up ones were compared."""
    agreement: Agreement

    def as_json(self) -> dict[str, Any]:
        """Return it as it stands in the manifest."""
        ranges = f"ranges measured on {self.samples} samples" if self.precision == "int8" else "no ranges are needed"
        compared_on = "samples" if self.samples else "made-up pictures"
        return {
            "precision": self.precision,
            "ranges": ranges,
            "compared_on": compared_on,
            "agreement": self.agreement.as_json(),
        }


def lineage_of(
    path: Path, source: Source, decided: Decided, options: Mapping[str, Any], conversion: Conversion | None
) -> dict[str, Any]:
    """Return what the manifest says under ``lineage``.

    Args:
        path: as it was given, a file or a folder.
        source: what was found in it.
        decided: how it is used.
        options: as the command was given.
        conversion: None where the model is served as it is.
    """
    return {
        "imported_from": {"file": path.resolve().name, "kind": source.title, "sha256": digest_of(path)},
        "imported_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "scaling": {"is": name_of(decided.scaling), "from": decided.scaling_from},
        "conversion": None if conversion is None else conversion.as_json(),
        "options": dict(options),
        "libraries": library_versions(LIBRARIES),
    }
