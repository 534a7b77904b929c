"""The buckets of a local cloud."""

from __future__ import annotations

from shared.adapters.gcs import CloudStorage
from shared.local.cloud import (
    ARCHIVE_BUCKET,
    MODELS_BUCKET,
    PROJECT,
    QUARANTINE_BUCKET,
    REPORT_BUCKET,
    UPLOAD_BUCKET,
    Cloud,
)


def create_buckets(cloud: Cloud) -> None:
    """Create the missing buckets; as in production, those of uploads and models keep old versions."""
    store = CloudStorage(PROJECT, deadline_s=10, endpoint=cloud.url("storage"))
    for name in (UPLOAD_BUCKET, ARCHIVE_BUCKET, QUARANTINE_BUCKET, REPORT_BUCKET, MODELS_BUCKET):
        store.create_bucket(name, keeps_versions=name in (UPLOAD_BUCKET, MODELS_BUCKET))
