"""Each warehouse with our dataset in it, as fixtures for the modules that name this one in ``pytest_plugins``."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest
from google.api_core import exceptions as api

from shared.errors import BadRequest, WarehouseUnavailable
from shared.local.cloud import Cloud, folder_lock
from tests.emulators.contract.difference import WAREHOUSES, How
from tests.emulators.contract.our_dataset import Warehouse, client_of, make_our_dataset
from tests.emulators.contract.warehouse_differences import known_difference
from tests.emulators.contract.warehouses import PROJECT, warehouse_at_work
from tests.emulators.no_retry import NO_RETRY
from tests.environments import Impossible

RAISED = {
    How.ANSWERS: (AssertionError, pytest.fail.Exception),
    How.REFUSES: (api.ClientError, api.MethodNotImplemented, BadRequest, WarehouseUnavailable),
    How.BREAKS: (api.InternalServerError, ConnectionError),
}
"""What a test meets where a warehouse differs."""


@pytest.fixture(scope="session", params=WAREHOUSES)
def running_warehouse(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A warehouse with our tables and views."""
    folder = tmp_path_factory.mktemp("warehouse")
    try:
        with warehouse_at_work(request.param, folder / "data") as url, folder_lock(folder):
            port = int(url.rpartition(":")[2])
            Cloud(folder, {"warehouse": port}, os.getpid(), "none").save()
            with client_of(url) as client:
                make_our_dataset(client)
                yield Warehouse(request.param, url, client, folder)
    except Impossible as reason:
        pytest.skip(str(reason))


@pytest.fixture
def warehouse(running_warehouse: Warehouse, request: pytest.FixtureRequest) -> Iterator[Warehouse]:
    """A warehouse, with a connection of the test's own; where it is known to differ, the test is expected to fail."""
    known = known_difference(running_warehouse.name, rule_of(request))
    if known:
        request.applymarker(pytest.mark.xfail(raises=RAISED[known.how], reason=known.does, strict=True))
    with client_of(running_warehouse.url) as client:
        yield replace(running_warehouse, client=client)


@pytest.fixture
def empty(warehouse: Warehouse) -> Warehouse:
    """A warehouse with the product's tables, all empty."""
    warehouse.empty()
    return warehouse


@pytest.fixture
def dataset(warehouse: Warehouse) -> str:
    """A dataset of the test's own: ``local.d…``."""
    name = f"{PROJECT}.d{uuid.uuid4().hex[:12]}"
    warehouse.client.create_dataset(name, retry=NO_RETRY)
    return name


def rule_of(request: pytest.FixtureRequest) -> str:
    """Return a test's rule: its parameter of that name, or its own name."""
    parameters = getattr(request.node, "callspec", None)
    named = parameters.params.get("rule") if parameters else None
    return str(named or request.function.__name__.removeprefix("test_"))
