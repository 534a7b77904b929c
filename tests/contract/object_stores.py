"""The object stores that are held to one contract, each started once: fake-gcs-server alone, and behind our proxy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.adapters.gcs import CloudStorage
from shared.local.object_store import object_store_command
from tests.contract.object_store_differences import ALONE
from tests.contract.object_store_parts import Place
from tests.local.storage_parts import HOST, Process, Storage, client_of, free_port, running

DEADLINE_S = 30.0


@pytest.fixture(scope="session")
def store_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """fake-gcs-server with nothing before it: its URL and the folder around its files."""
    folder = tmp_path_factory.mktemp("alone")
    port = free_port()
    url = f"http://{HOST}:{port}"
    command, environment = object_store_command(
        port=port, folder=folder / "a" / "b" / "buckets", public_url=url, event_bucket="none", relay=f"{HOST}:1"
    )
    with running(Process(command, f"{url}/_internal/healthcheck", folder / "store.log", environment)):
        yield url, folder


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """The store that the parameter names, with a bucket of the test's own."""
    if request.param == ALONE:
        url, folder = request.getfixturevalue("store_alone")
    else:
        storage: Storage = request.getfixturevalue("object_storage")
        storage.forget()
        url, folder = storage.url, storage.folder
    with client_of(url) as client:
        bucket = client.create_bucket(f"b-{os.urandom(8).hex()}", retry=None)
        yield Place(url, client, CloudStorage("local", DEADLINE_S, endpoint=url), bucket, folder)
