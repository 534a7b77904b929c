"""The object store that is held to the contract, started once."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from shared.adapters.gcs import CloudStorage
from tests.emulators.contract.object_store_parts import StoreUnderTest
from tests.emulators.storage_parts import Storage, client_of

DEADLINE_S = 30.0


@pytest.fixture
def tested(object_storage: Storage) -> Iterator[StoreUnderTest]:
    """The object store, with a bucket of the test's own."""
    object_storage.forget()
    url = object_storage.url
    with client_of(url) as client:
        bucket = client.create_bucket(f"b-{os.urandom(8).hex()}", retry=None)
        yield StoreUnderTest(
            url, client, CloudStorage("local", DEADLINE_S, endpoint=url), bucket, object_storage.folder
        )
