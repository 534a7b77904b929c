"""The object store, as fixtures for the modules that name this one in ``pytest_plugins``."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from google.cloud import storage

from tests.emulators.storage_parts import Storage, client_of, running_storage


@pytest.fixture(scope="session")
def object_storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    """The object store, for all the tests that leave it as they found it."""
    with running_storage(tmp_path_factory.mktemp("storage")) as storage:
        yield storage


@pytest.fixture(scope="session")
def storage_client(object_storage: Storage) -> Iterator[storage.Client]:
    """A client of the object store."""
    with client_of(object_storage.url) as client:
        yield client


@pytest.fixture
def bucket(object_storage: Storage, storage_client: storage.Client) -> storage.Bucket:
    """An empty bucket of the test's own; no faults, no requests on record."""
    object_storage.forget()
    bucket = storage_client.create_bucket(f"b-{os.urandom(8).hex()}")
    object_storage.forget()
    return bucket
