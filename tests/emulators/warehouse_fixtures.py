"""The local warehouse, as fixtures for the modules that name this one in ``pytest_plugins``."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.cloud import bigquery

from shared.emulators.bigquery.start.lifecycle import warehouse_running
from tests.emulators.fault_client import FaultControl
from tests.emulators.no_retry import NO_RETRY
from tests.emulators.warehouse_parts import PROJECT, SCHEMAS, client_of


@pytest.fixture(scope="session")
def warehouse_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A warehouse with the dataset of infra/, for the session."""
    with warehouse_running(tmp_path_factory.mktemp("warehouse"), SCHEMAS) as url:
        yield url


@pytest.fixture(scope="session")
def bigquery_client(warehouse_url: str) -> Iterator[bigquery.Client]:
    """The real client."""
    with client_of(warehouse_url) as client:
        yield client


@pytest.fixture
def bigquery_dataset(bigquery_client: bigquery.Client) -> str:
    """A dataset of the test's own: ``local.d…``."""
    name = f"{PROJECT}.d{uuid.uuid4().hex[:12]}"
    bigquery_client.create_dataset(name)
    return name


@pytest.fixture
def ask_bigquery(bigquery_client: bigquery.Client) -> Callable[..., list[tuple[Any, ...]]]:
    """Return what runs a query and returns its rows."""

    def run(sql: str, default: str | None = None, *parameters: Any) -> list[tuple[Any, ...]]:
        config = bigquery.QueryJobConfig(query_parameters=list(parameters))
        if default:
            config.default_dataset = default
        return [tuple(row.values()) for row in bigquery_client.query_and_wait(sql, job_config=config, retry=NO_RETRY)]

    return run


@pytest.fixture
def warehouse_faults(warehouse_url: str) -> Iterator[FaultControl]:
    """The faults of the warehouse: none before the test, and none after it."""
    control = FaultControl(warehouse_url)
    control.forget()
    yield control
    control.forget()


@pytest.fixture
def failures_table(bigquery_client: bigquery.Client, warehouse_faults: FaultControl, bigquery_dataset: str) -> str:
    """An empty table ``failures`` in a dataset of the test's own; no requests on record."""
    columns = bigquery_client.schema_from_json(SCHEMAS / "tables" / "failures.json")
    made = bigquery_client.create_table(bigquery.Table(f"{bigquery_dataset}.failures", columns))
    warehouse_faults.forget()
    return str(made)
