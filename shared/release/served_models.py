"""The models that a revision serves, as events name them: read from their bundles, or else from the rows they wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.bundles.manifest import Manifest
from shared.bundles.references import STABLE, BundleReference, references_from
from shared.bundles.resolve import BundleSource
from shared.errors import BucketlensError
from shared.ports import Warehouse
from shared.release.model_events import EventModel
from shared.release.revisions import Revision

DAYS = 7
"""Rows of this many days are searched for a revision's models: a release is compared over as many."""

MODELS = """
SELECT call.revision AS revision, model.name AS name, model.version AS version, model.digest AS digest
FROM predictions
WHERE uploaded_on >= CAST(@day[OFFSET(0)] AS DATE) AND call.revision IN UNNEST(@revisions)
GROUP BY revision, name, version, digest
"""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that a revision serves, and where it comes from."""

    model: EventModel
    dataset_fingerprint: str | None = None
    code_commit: str | None = None


Served = Mapping[str, ServedModel]
"""Models by the name, and the alias if it is not the stable version, under which they are served."""


class ServedModels:
    """Finds the models of revisions. A model that cannot be determined is left out, never guessed.

    Args:
        source: reads bundles.
        warehouse: has the rows of revisions whose bundle is inside of their container image.
        has_images: whether a bundle that is not in a bucket is inside of an image, and not on this machine.
    """

    def __init__(self, source: BundleSource, warehouse: Warehouse, *, has_images: bool) -> None:
        self._source, self._warehouse, self._has_images = source, warehouse, has_images
        self._read: dict[str, Served] = {}
        self._is_warehouse_away = False

    def of(self, revision: Revision) -> Served:
        """Return the models of a revision."""
        if revision.name not in self._read:
            self._read[revision.name] = self._in_bundles(revision) or self.in_rows([revision.name])
        return self._read[revision.name]

    def in_rows(self, revisions: Iterable[str]) -> Served:
        """Return the models that classified for revisions, or for runs of a shadow, by their rows.

        A model of which the rows have several digests is left out.
        """
        if self._is_warehouse_away:
            return {}
        day = (datetime.now(UTC).date() - timedelta(days=DAYS - 1)).isoformat()
        try:
            rows = self._warehouse.query(MODELS, day=[day], revisions=list(revisions)).rows
        except BucketlensError:
            self._is_warehouse_away = True  # each further query could wait as long
            return {}
        models: dict[str, set[EventModel]] = {}
        for row in rows:
            models.setdefault(row["name"], set()).add(EventModel(row["name"], row["version"], row["digest"]))
        return {name: ServedModel(next(iter(versions))) for name, versions in models.items() if len(versions) == 1}

    def _in_bundles(self, revision: Revision) -> Served:
        try:
            references = references_from(revision.bundle or "")
        except ValueError:
            return {}
        if self._has_images and not all(reference.is_in_a_bucket for reference in references):
            return {}
        try:
            manifests = [(reference, *self._source.manifest(reference)) for reference in references]
        except BucketlensError:
            return {}
        return {_key(reference, manifest): served_model(manifest, digest) for reference, manifest, digest in manifests}


def served_model(manifest: Manifest, digest: str) -> ServedModel:
    """Return a model with the origin that its manifest's lineage has."""
    lineage = manifest.lineage
    return ServedModel(
        EventModel(manifest.name, manifest.version, digest),
        _text(lineage, "data", "fingerprint"),
        _text(lineage, "code", "commit"),
    )


def changed_models(before: Served, after: Served) -> list[tuple[ServedModel | None, str | None]]:
    """Return each model that ``after`` has in place of another, with the other's digest; None where it is not known.

    Without a changed model the change is of the code: the result is the model that is served, or None for several.
    """
    changed = [
        (served, before[key].model.digest if key in before else None)
        for key, served in after.items()
        if key not in before or before[key].model.digest != served.model.digest
    ]
    if changed:
        return list(changed)
    return [(next(iter(after.values())) if len(after) == 1 else None, None)]


def _key(reference: BundleReference, manifest: Manifest) -> str:
    name = reference.name or manifest.name
    return name if reference.alias in (None, STABLE) else f"{name}@{reference.alias}"


def _text(lineage: Mapping[str, Any], part: str, field: str) -> str | None:
    """Return a text of the lineage, in which older bundles and users' own have other fields."""
    inside = lineage.get(part)
    value = inside.get(field) if isinstance(inside, dict) else None
    return value if isinstance(value, str) and value else None
