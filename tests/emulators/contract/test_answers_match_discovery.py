"""Whatever Google's clients ask of the local cloud, beyond our adapters' needs, is answered as Google documents it."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator

import pytest
from google.cloud import bigquery, storage

from shared.emulators.bigquery.api.routes import ROUTES
from shared.local.cloud import Cloud
from tests.emulators import storage_parts, warehouse_parts
from tests.emulators.contract.discovery import discovery_of
from tests.emulators.contract.wire import Wire, wire_to

LONG = bytes((8 << 20) + 1)


@pytest.fixture
def warehouse_wire(cloud: Cloud) -> Iterator[Wire]:
    with wire_to(cloud.url("warehouse")) as wire:
        yield wire


@pytest.fixture
def storage_wire(cloud: Cloud) -> Iterator[Wire]:
    with wire_to(cloud.url("storage")) as wire:
        yield wire


def use_every_method(client: bigquery.Client) -> None:
    list(client.list_projects())
    dataset = client.create_dataset(f"d{uuid.uuid4().hex[:12]}")
    dataset.description, dataset.labels = "a place to try things", {"for": "tests"}
    client.update_dataset(dataset, ["description", "labels"])
    client.get_dataset(dataset.reference)
    list(client.list_datasets())
    table = client.create_table(bigquery.Table(f"{dataset.project}.{dataset.dataset_id}.t", schema=schema()))
    client.update_table(table, [])
    client.get_table(table.reference)
    view = bigquery.Table(f"{dataset.project}.{dataset.dataset_id}.v")
    view.view_query = f"SELECT * FROM {table.full_table_id.replace(':', '.')}"
    client.create_table(view)
    list(client.list_tables(dataset.reference))
    client.insert_rows_json(table, [{"n": 1, "tags": ["a"], "nested": {"at": "2026-01-02T03:04:05Z"}}])
    assert client.insert_rows_json(table, [{"m": 1}])
    list(client.list_rows(client.get_table(table.reference)))
    use_jobs(client, dataset)
    for name in ("t", "v"):
        client.delete_table(f"{dataset.project}.{dataset.dataset_id}.{name}")
    client.delete_dataset(dataset.reference, delete_contents=True)


def schema() -> list[bigquery.SchemaField]:
    return [
        bigquery.SchemaField("n", "INTEGER", "REQUIRED", description="a number"),
        bigquery.SchemaField("tags", "STRING", "REPEATED"),
        bigquery.SchemaField("nested", "RECORD", fields=[bigquery.SchemaField("at", "TIMESTAMP")]),
    ]


def use_jobs(client: bigquery.Client, dataset: bigquery.Dataset) -> None:
    here = bigquery.QueryJobConfig(default_dataset=dataset.reference)
    for sql in (
        "SELECT * FROM t",
        "DELETE t WHERE n = 4",
    ):
        client.query_and_wait(sql, job_config=here)
        list(client.query(sql, job_config=here).result())
    dry = bigquery.QueryJobConfig(default_dataset=dataset.reference, dry_run=True)
    client.query("SELECT n FROM t", job_config=dry)
    client.query_and_wait("SELECT n FROM t", job_config=dry)
    job = client.query("SELECT n FROM t", job_config=here)
    job.result()
    client.cancel_job(job.job_id)
    client.get_job(job.job_id)
    list(client.list_jobs())
    client.delete_job_metadata(job.job_id)


def test_warehouse_answers_every_method_as_documented(warehouse_wire: Wire) -> None:
    with warehouse_parts.client_of(warehouse_wire.url) as client:
        use_every_method(client)
    document = discovery_of("bigquery", "v2")
    verdicts = [document.judge(exchange) for exchange in warehouse_wire.exchanges]
    faults = [fault for verdict in verdicts for fault in verdict.in_answer]
    assert not faults, "\n".join(faults)
    called = {call.id.removeprefix("bigquery.") for verdict in verdicts for call in verdict.calls}
    by_other_verbs = {"datasets.update", "tables.update"}  # the client changes with PATCH alone
    assert called == {route.id for route in ROUTES} - by_other_verbs


def use_the_store(client: storage.Client) -> None:
    bucket = client.create_bucket(f"b-{uuid.uuid4().hex[:12]}")
    list(client.list_buckets())
    client.get_bucket(bucket.name)
    short, long = bucket.blob("a/short.txt"), bucket.blob("a/ü long.bin")
    short.upload_from_string("photo")
    long.upload_from_file(io.BytesIO(LONG))
    short.reload()
    assert short.download_as_bytes(start=1, end=2) == b"ho"
    bucket.copy_blob(short, bucket, "b/copy.txt")
    bucket.blob("b/rewritten.txt").rewrite(short)
    bucket.blob("c/both.txt").compose([short, bucket.blob("b/copy.txt")])
    listed = client.list_blobs(bucket, delimiter="/")
    assert list(listed) == []
    assert listed.prefixes == {"a/", "b/", "c/"}
    for blob in client.list_blobs(bucket):
        blob.delete()
    bucket.delete()


def test_object_store_answers_as_documented(storage_wire: Wire) -> None:
    with storage_parts.client_of(storage_wire.url) as client:
        use_the_store(client)
    document = discovery_of("storage", "v1")
    faults = [fault for exchange in storage_wire.exchanges for fault in document.judge(exchange).in_answer]
    assert not faults, "\n".join(faults)
