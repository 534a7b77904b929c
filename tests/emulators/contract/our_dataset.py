"""Our dataset in a warehouse: what it is made of, how it is made, and the real client that asks it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from shared.adapters.bigquery import BigQuery
from shared.local.cloud import DATASET
from shared.types import Recorded
from tests.emulators.contract.warehouses import PROJECT
from tests.emulators.no_retry import NO_RETRY

INFRA = Path(__file__).resolve().parents[3] / "infra" / "bigquery"
OUR_DATASET = f"{PROJECT}.{DATASET}"
LAYOUT: dict[str, tuple[str, list[str]]] = {
    "predictions": ("uploaded_on", ["label"]),
    "failures": ("uploaded_on", ["reason"]),
    "labels": ("labelled_on", []),
    "model_events": ("happened_on", []),
}
"""By table: the column that it is partitioned by, by day, and those that it is clustered by."""
PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A warehouse, and the real client, which never tries twice: a 500 fails its test and not ten minutes of it."""

    name: str
    url: str
    client: bigquery.Client
    folder: Path
    """``bucketlens`` finds this warehouse here, with ``--folder``."""
    touched: set[str] = field(default_factory=set)
    """Our tables that may hold rows."""

    def adapter(self, dataset: str = DATASET, deadline_s: float = PATIENCE_S) -> BigQuery:
        """Return our adapter, turned to this warehouse."""
        return BigQuery(PROJECT, dataset, deadline_s, endpoint=self.url)

    def ask(self, sql: str, **options: Any) -> list[tuple[Any, ...]]:
        """Return a query's rows; ``options`` are those of QueryJobConfig."""
        config = bigquery.QueryJobConfig(**options)
        rows = self.client.query_and_wait(
            sql, job_config=config, retry=NO_RETRY, job_retry=NO_RETRY, api_timeout=PATIENCE_S, wait_timeout=PATIENCE_S
        )
        return [tuple(row.values()) for row in rows]

    def append(self, outcome: Recorded, deadline_s: float = PATIENCE_S) -> None:
        """Append an outcome to our tables as the pipeline does."""
        self.touched.update(LAYOUT)
        self.adapter(deadline_s=deadline_s).append(outcome)

    def insert(self, table: str, *rows: dict[str, Any], ids: list[str | None] | None = None) -> list[Any]:
        """Insert rows without insertIds, or with those given; returns what the client does."""
        self.touched.update({table.removeprefix(f"{OUR_DATASET}.")} & LAYOUT.keys())
        entries = self.client.insert_rows_json(
            table, list(rows), row_ids=ids or [None] * len(rows), retry=NO_RETRY, timeout=PATIENCE_S
        )
        return list(entries)

    def fill(self, table: str, *rows: dict[str, Any]) -> None:
        """Insert rows into a table of the product; none may be refused."""
        assert self.insert(f"{OUR_DATASET}.{table}", *rows) == []

    def empty(self) -> None:
        """Take every row out of our tables."""
        for table in sorted(self.touched):
            self.ask(f"DELETE FROM `{OUR_DATASET}.{table}` WHERE TRUE")
        self.touched.clear()

    def view(self, name: str, order: str = "1", where: str = "TRUE") -> list[dict[str, Any]]:
        """Return the rows of a view of the product."""
        result = self.client.query_and_wait(
            f"SELECT * FROM `{OUR_DATASET}.{name}` WHERE {where} ORDER BY {order}", retry=NO_RETRY, job_retry=NO_RETRY
        )
        return [dict(row.items()) for row in result]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """List a table's rows."""
        return [dict(row.items()) for row in self.client.list_rows(table, retry=NO_RETRY)]


def client_of(url: str) -> bigquery.Client:
    """Return the real client, turned to a warehouse."""
    return bigquery.Client(PROJECT, AnonymousCredentials(), client_options={"api_endpoint": url})


def make_our_dataset(client: bigquery.Client) -> None:
    """Create the dataset of infra/ as a deployment does."""
    client.create_dataset(OUR_DATASET, exists_ok=True, retry=NO_RETRY)
    for name, (partition, clusters) in LAYOUT.items():
        table = bigquery.Table(f"{OUR_DATASET}.{name}", schema_of(name))
        table.time_partitioning = bigquery.TimePartitioning(field=partition)
        table.clustering_fields = clusters or None
        client.create_table(table, retry=NO_RETRY)
    for name, query in views_in_order():
        view = bigquery.Table(f"{OUR_DATASET}.{name}")
        view.view_query = query
        client.create_table(view, retry=NO_RETRY)


def schema_of(table: str) -> list[bigquery.SchemaField]:
    """Return the schema of a table of the product."""
    fields = json.loads((INFRA / "tables" / f"{table}.json").read_text("utf-8"))
    return [bigquery.SchemaField.from_api_repr(field) for field in fields]


def views_in_order() -> list[tuple[str, str]]:
    """List our views and their queries, those that read other views last."""
    queries = {path.stem: path.read_text("utf-8") for path in (INFRA / "views").glob("*.sql")}

    def reads_views(name: str) -> bool:
        return any(f"}}.{other}`" in queries[name] for other in queries)

    return [(name, queries[name].replace("${dataset}", OUR_DATASET)) for name in sorted(queries, key=reads_views)]
