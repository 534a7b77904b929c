"""A clean environment for every test, and one local cloud for those that need the real parts."""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shared.adapters.bigquery import BigQuery
from shared.adapters.gcs import CloudStorage
from shared.bundle import load_bundle
from shared.classifiers import Classifiers
from shared.classify import Classifier
from shared.decode import Limits
from shared.local.cloud import DATASET, PROJECT, Cloud, new_cloud
from shared.local.supervisor import Supervisor
from shared.memory import Memory
from shared.pipeline import Pipeline
from shared.rate import RateBreaker
from shared.settings import DEFAULT_BUNDLE, MODELS, Settings
from shared.wiring import load_model
from tests.tiers.plugin import (  # noqa: F401 - pytest finds its hooks here
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_report_collectionfinish,
    pytest_runtest_call,
)

DEADLINE_S = 20
PLATFORM = ("STORAGE_EMULATOR_HOST", "BIGQUERY_EMULATOR_HOST", "K_SERVICE", "K_REVISION", "BUCKETLENS_FOLDER")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches them."""
    for name in (*(setting.metadata["env"] for setting in fields(Settings)), *PLATFORM):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A whole local cloud in processes of its own; it lives for the session."""
    supervisor = Supervisor(new_cloud(tmp_path_factory.mktemp("cloud"), DEFAULT_BUNDLE), say=print, sweep_every_s=0)
    try:
        supervisor.start()
        yield supervisor.cloud
    finally:
        supervisor.stop()


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    """The model that ships."""
    bundle = load_bundle(MODELS / DEFAULT_BUNDLE)
    return Classifier(bundle, load_model(bundle, threads=2))


@dataclass(frozen=True)
class World:
    """A pipeline with buckets of its own on the session's cloud. No event is sent for these buckets."""

    pipeline: Pipeline
    store: CloudStorage
    warehouse: BigQuery
    uploads: str
    archive: str
    quarantine: str
    environment: dict[str, str]

    def put(self, name: str, content: bytes, folder: Path) -> None:
        """Upload a file."""
        path = folder / uuid.uuid4().hex
        path.write_bytes(content)
        assert self.store.upload(self.uploads, name, path)

    def rows(self, view: str) -> list[dict[str, object]]:
        """What a view holds of this world's uploads, by name."""
        place = "bucket" if view == "rejected_uploads" else "image.bucket"
        sql = f"SELECT * FROM {view} WHERE {place} IN UNNEST(@buckets)"
        return self.warehouse.query(sql, buckets=[self.uploads]).rows

    def names_in(self, bucket: str) -> list[str]:
        """The objects of a bucket."""
        return [upload.ref.name for upload in self.store.uploads(bucket)]


@pytest.fixture
def world(cloud: Cloud, classifier: Classifier) -> World:
    mark = uuid.uuid4().hex[:10]
    buckets = [f"{role}-{mark}" for role in ("uploads", "archive", "quarantine")]
    store = CloudStorage(PROJECT, DEADLINE_S, endpoint=cloud.url("storage"))
    for bucket in buckets:
        store.create_bucket(bucket, keeps_versions=bucket == buckets[0])
    warehouse = BigQuery(PROJECT, DATASET, DEADLINE_S, endpoint=cloud.url("warehouse"))
    memory, rate = Memory.of_instance(512), RateBreaker(30_000)
    pipeline = Pipeline(Classifiers([classifier]), store, warehouse, buckets[1], buckets[2], Limits(), memory, rate)
    environment = cloud.environment | {
        "UPLOAD_BUCKET": buckets[0],
        "ARCHIVE_BUCKET": buckets[1],
        "QUARANTINE_BUCKET": buckets[2],
        "READABLE_BUCKETS": buckets[0],
        "LOG_FORMAT": "json",
    }
    return World(pipeline, store, warehouse, *buckets, environment)


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """Return a maker of distinct JPEG files: the same seed gives the same bytes."""

    def make(seed: int = 0, size: tuple[int, int] = (320, 240)) -> bytes:
        random = np.random.default_rng(seed)
        coarse = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        content = io.BytesIO()
        Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(content, "JPEG", quality=90)
        return content.getvalue()

    return make


@pytest.fixture
def with_environment(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], None]:
    """Set variables for the length of a test."""

    def set_all(variables: dict[str, str]) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert os.environ["UPLOAD_BUCKET"]

    return set_all
