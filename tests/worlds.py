"""A pipeline with buckets of its own, on the local cloud or in memory, and what tests do with it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.adapters.bigquery import BigQuery
from shared.adapters.gcs import CloudStorage
from shared.images.decode import Limits
from shared.images.memory_budget import MemoryBudgets
from shared.inference.classifier import Classifier
from shared.inference.registry import ModelRegistry
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.rate_limit import RateLimit
from tests.memory.object_store import MemoryStore
from tests.memory.warehouse import MemoryWarehouse

Overwrite = Callable[..., object]


@dataclass(frozen=True)
class World:
    """A pipeline with buckets of its own, for which no event is sent."""

    pipeline: Pipeline
    store: CloudStorage | MemoryStore
    warehouse: BigQuery | MemoryWarehouse
    uploads: str
    archive: str
    quarantine: str
    environment: dict[str, str]
    """Settings of processes that work with the same buckets."""
    overwrite: Overwrite
    """A function that writes an object, over an existing one: takes bucket, name, content and a content type."""

    def put(self, name: str, content: bytes, folder: Path) -> None:
        """Upload a file."""
        path = folder / uuid.uuid4().hex
        path.write_bytes(content)
        assert self.store.upload(self.uploads, name, path)

    def rows(self, view: str) -> list[dict[str, Any]]:
        """Return the rows of a view about this world's uploads, by name."""
        column = "bucket" if view == "rejected_uploads" else "image.bucket"
        sql = f"SELECT * FROM {view} WHERE {column} IN UNNEST(@buckets)"
        return self.warehouse.query(sql, buckets=[self.uploads]).rows

    def names_in(self, bucket: str) -> list[str]:
        """Return the names of a bucket's objects."""
        return [upload.ref.name for upload in self.store.uploads(bucket)]


def new_world(
    store: CloudStorage | MemoryStore,
    warehouse: BigQuery | MemoryWarehouse,
    classifier: Classifier,
    overwrite: Overwrite,
    environment: Mapping[str, str],
) -> World:
    """Create three buckets and return a pipeline that works with them."""
    mark = uuid.uuid4().hex[:10]
    uploads, archive, quarantine = (f"{role}-{mark}" for role in ("uploads", "archive", "quarantine"))
    for bucket in (uploads, archive, quarantine):
        store.create_bucket(bucket, keeps_versions=bucket == uploads)
    memory, rate = MemoryBudgets.of_instance(512), RateLimit(30_000)
    pipeline = Pipeline(ModelRegistry.of([classifier]), store, warehouse, archive, quarantine, Limits(), memory, rate)
    settings = {
        **environment,
        "UPLOAD_BUCKET": uploads,
        "ARCHIVE_BUCKET": archive,
        "QUARANTINE_BUCKET": quarantine,
        "READABLE_BUCKETS": uploads,
        "LOG_FORMAT": "json",
    }
    return World(pipeline, store, warehouse, uploads, archive, quarantine, settings, overwrite)
