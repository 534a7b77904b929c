"""The endpoints of the hostile table: both functions under gunicorn, with buckets on the session's cloud."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from shared.adapters.bigquery import BigQuery
from shared.adapters.gcs import CloudStorage
from shared.local.cloud import DATASET, PROJECT, Cloud
from tests.system.hostile.endpoints import Endpoints
from tests.system.hostile.server import served

DEADLINE_S = 20


@pytest.fixture(scope="package")
def endpoints(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    mark, folder = uuid.uuid4().hex[:10], tmp_path_factory.mktemp("endpoints")
    buckets = [f"{role}-{mark}" for role in ("uploads", "archive", "quarantine")]
    store = CloudStorage(PROJECT, DEADLINE_S, endpoint=cloud.url("storage"))
    for bucket in buckets:
        store.create_bucket(bucket, keeps_versions=bucket == buckets[0])
    roles = dict(zip(("UPLOAD_BUCKET", "ARCHIVE_BUCKET", "QUARANTINE_BUCKET"), buckets, strict=True))
    settings = cloud.environment | roles | {"READABLE_BUCKETS": buckets[0], "LOG_FORMAT": "json"}
    settings |= {"ALLOWED_HOSTS": "127.0.0.1,localhost,bucketlens", "LABEL_KEYS": "0123456789abcdef" * 4}
    with ExitStack() as running:
        yield Endpoints(
            request=running.enter_context(served("classify_request", settings, folder)),
            upload=running.enter_context(served("classify_upload", settings, folder)),
            slow=running.enter_context(
                served("classify_request", settings | {"MAX_REQUEST_S": "1"}, folder, is_impatient=True)
            ),
            storage_url=cloud.url("storage"),
            store=store,
            warehouse=BigQuery(PROJECT, DATASET, DEADLINE_S, endpoint=cloud.url("warehouse")),
            buckets=(buckets[0], buckets[1], buckets[2]),
        )
