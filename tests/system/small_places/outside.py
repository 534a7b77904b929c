"""The services outside of the small place: object store and warehouse, with buckets for each function."""

from __future__ import annotations

import io
import uuid
from functools import cache

import numpy as np
from PIL import Image

from shared.adapters.bigquery import BigQuery
from shared.adapters.gcs import CloudStorage
from shared.emulators.eventarc.cloudevents import CloudEvent
from shared.local.cloud import DATASET, PROJECT, Cloud
from tests.system.chaos.events import event_of

DEADLINE_S = 60
SIZES_PX = {"224 px": (224, 224), "1 megapixel": (1152, 864), "12 megapixels": (4000, 3000)}


class Outside:
    """Buckets on a local cloud; only the events that ``upload`` returns are sent for them."""

    def __init__(self, cloud: Cloud) -> None:
        mark = uuid.uuid4().hex[:10]
        roles = {f"{role.upper()}_BUCKET": f"{role}-{mark}" for role in ("upload", "archive", "quarantine")}
        self.settings = {**cloud.environment, **roles, "READABLE_BUCKETS": ""}
        self._uploads = roles["UPLOAD_BUCKET"]
        self._store = CloudStorage(PROJECT, DEADLINE_S, endpoint=cloud.url("storage"))
        self._warehouse = BigQuery(PROJECT, DATASET, DEADLINE_S, endpoint=cloud.url("warehouse"))
        for bucket in roles.values():
            self._store.create_bucket(bucket, keeps_versions=bucket == self._uploads)

    def upload(self, content: bytes) -> CloudEvent:
        """Put a picture into the upload bucket; return its event."""
        ref = self._store.write_once(self._uploads, f"{uuid.uuid4().hex}.jpg", content, "image/jpeg")
        assert ref is not None
        return event_of(ref, len(content))

    def rows(self) -> int:
        """Return how many uploads have a row."""
        sql = "SELECT COUNT(*) AS images FROM latest_predictions WHERE image.bucket IN UNNEST(@buckets)"
        [row] = self._warehouse.query(sql, buckets=[self._uploads]).rows
        return int(row["images"])


@cache
def picture(size: str) -> bytes:
    """Return a JPEG of one of ``SIZES_PX``, with the detail of a photograph."""
    width, height = SIZES_PX[size]
    coarse = np.random.default_rng(width).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(content, "JPEG", quality=90)
    return content.getvalue()
