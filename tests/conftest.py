"""A clean environment for every test, and one local cloud for those that need the real parts."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import fields

import numpy as np
import pytest
import requests
from PIL import Image

from shared.adapters.bigquery import BigQuery
from shared.adapters.gcs import CloudStorage
from shared.backlog.graceful_shutdown import SIGNALS
from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS
from shared.inference.classifier import Classifier
from shared.local.cloud import DATASET, PROJECT, Cloud, new_cloud
from shared.local.supervisor import Supervisor
from shared.settings import DEFAULT_BUNDLE, Settings
from shared.wiring import load_model
from tests.memory.object_store import MemoryStore
from tests.memory.warehouse import MemoryWarehouse
from tests.tiers.plugin import (  # noqa: F401 - pytest finds its hooks here
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_generate_tests,
    pytest_ignore_collect,
    pytest_report_collectionfinish,
    pytest_runtest_call,
    pytest_sessionfinish,
    pytest_sessionstart,
)
from tests.worlds import World, new_world

DEADLINE_S = 20
WIDE = "240"
"""Columns of a terminal: no path of a test's folder is broken into two lines, however deep the folder is."""

PLATFORM = ("STORAGE_EMULATOR_HOST", "BIGQUERY_EMULATOR_HOST", "K_SERVICE", "K_REVISION", "BUCKETLENS_FOLDER")


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell ignores SIGINT for what it runs in the background, and every process that a test starts inherits that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No setting of the person who runs the tests reaches them, and no cloud or bundle of theirs."""
    monkeypatch.setenv("COLUMNS", WIDE)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.getbasetemp() / "data"))
    for name in (*(setting.metadata["env"] for setting in fields(Settings)), *PLATFORM):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    """A command that ended in this process ignores signals from then on, and what is started later would inherit it."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


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


@pytest.fixture
def cloud_world(cloud: Cloud, classifier: Classifier) -> World:
    """A pipeline with buckets of its own on the session's cloud."""
    store = CloudStorage(PROJECT, DEADLINE_S, endpoint=cloud.url("storage"))
    warehouse = BigQuery(PROJECT, DATASET, DEADLINE_S, endpoint=cloud.url("warehouse"))

    def overwrite(bucket: str, name: str, content: bytes, content_type: str = "image/jpeg") -> None:
        url = f"{cloud.url('storage')}/upload/storage/v1/b/{bucket}/o"
        query, headers = {"uploadType": "media", "name": name}, {"Content-Type": content_type}
        requests.post(url, content, params=query, headers=headers, timeout=DEADLINE_S).raise_for_status()

    return new_world(store, warehouse, classifier, overwrite, cloud.environment)


@pytest.fixture(scope="session")
def memory_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MemoryWarehouse]:
    """A warehouse in this process; worlds have buckets of their own in it."""
    warehouse = MemoryWarehouse(tmp_path_factory.mktemp("warehouse"))
    yield warehouse
    warehouse.close()


@pytest.fixture
def memory_world(classifier: Classifier, memory_warehouse: MemoryWarehouse) -> World:
    """A pipeline with a store in memory and a warehouse in this process."""
    store = MemoryStore()
    return new_world(store, memory_warehouse, classifier, store.put, {})


@pytest.fixture
def world(request: pytest.FixtureRequest) -> World:
    """A pipeline on the session's cloud, or in memory: see the marker ``in_memory_too``."""
    chosen: World = request.getfixturevalue(getattr(request, "param", "cloud_world"))
    return chosen


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
