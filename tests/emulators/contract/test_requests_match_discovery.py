"""Every request that our adapters send, and every answer that the local cloud gives them, is as Google documents it.

Recorders stand before the local cloud's storage and warehouse. Everything runs twice: with the local cloud's addresses,
and as in production, with Google's, which here lead to the recorders.
"""

from __future__ import annotations

import inspect
import runpy
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import functions_framework
import google.auth
import pytest
import requests
from click.testing import CliRunner
from flask.testing import FlaskClient
from google.auth.credentials import AnonymousCredentials
from requests.adapters import HTTPAdapter

from shared.adapters.bigquery import BigQuery
from shared.adapters.gcs import CloudStorage
from shared.cli import main
from shared.local.cloud import DATASET, PROJECT, UPLOAD_BUCKET, Cloud, folder_lock
from tests.conftest import DEADLINE_S
from tests.emulators.contract.bench import NAME, Bench
from tests.emulators.contract.discovery import Discovery, discovery_of
from tests.emulators.contract.exercises import EXERCISES
from tests.emulators.contract.wire import Wire, wire_to
from tests.functions.upload_events import data, headers
from tests.worlds import World

FUNCTIONS = Path(__file__).parents[3] / "functions"
ADAPTERS = (CloudStorage, BigQuery)
ENDPOINTS = {"storage": "STORAGE_EMULATOR_HOST", "warehouse": "BIGQUERY_EMULATOR_HOST"}

READING = ("storage.objects.get",)
KEEPING = ("storage.objects.insert",)
QUARANTINING = ("storage.objects.rewrite",)
RECORDING = ("bigquery.tabledata.insertAll",)
REMOVING = ("storage.objects.delete",)

Picture = Callable[..., bytes]
SetAll = Callable[[dict[str, str]], None]


def public_methods(*adapters: type) -> set[str]:
    return {
        f"{adapter.__name__}.{name}"
        for adapter in adapters
        for name, _ in inspect.getmembers(adapter, inspect.isroutine)
        if not name.startswith("_")
    }


def parameters_of(name: str) -> set[str]:
    adapter, _, method = name.partition(".")
    [function] = (getattr(kind, method) for kind in ADAPTERS if kind.__name__ == adapter)
    return set(inspect.signature(function).parameters) - {"self"}


def app(function: str, signature: str) -> FlaskClient:
    source = str(FUNCTIONS / function / "main.py")
    client: FlaskClient = functions_framework.create_app(function, source, signature).test_client()
    return client


@pytest.fixture(scope="module")
def documents() -> dict[str, Discovery]:
    return {"storage": discovery_of("storage", "v1"), "warehouse": discovery_of("bigquery", "v2")}


@pytest.fixture(scope="module")
def wires(cloud: Cloud) -> Iterator[dict[str, Wire]]:
    with wire_to(cloud.url("storage")) as storage, wire_to(cloud.url("warehouse")) as warehouse:
        yield {"storage": storage, "warehouse": warehouse}


@pytest.fixture(params=[False, True], ids=["local-addresses", "googles-addresses"])
def is_google(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@contextmanager
def only_to(
    wires: dict[str, Wire], documents: dict[str, Discovery], monkeypatch: pytest.MonkeyPatch, *, is_google: bool
) -> Iterator[list[str]]:
    """Lead Google's addresses to the recorders; gives the requests to anywhere else, which are kept from leaving."""
    strays: list[str] = []
    send = HTTPAdapter.send
    begun = {documents[name].origin if is_google else wire.url: wire.url for name, wire in wires.items()}
    continued = {wire.url: wire.url for wire in wires.values()}  # the URL at which an answer made the client continue

    def redirected(self: HTTPAdapter, request: requests.PreparedRequest, *args: Any, **options: Any) -> Any:
        assert request.url
        url = urlsplit(request.url)
        origin = f"{url.scheme}://{url.netloc}"
        origins = continued if "upload_id=" in url.query else begun
        if origin not in origins:
            strays.append(request.url)
            raise requests.ConnectionError(f"{request.url} is neither Cloud Storage nor BigQuery.")
        request.url = origins[origin] + request.url.removeprefix(origin)
        return send(self, request, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(HTTPAdapter, "send", redirected)
        patch.setattr(google.auth, "default", lambda *_, **__: (AnonymousCredentials(), PROJECT))
        yield strays
        for thread in threading.enumerate():
            if thread.name.endswith("_background)"):  # of google-cloud-storage: see UNASKED
                thread.join(DEADLINE_S)


@pytest.fixture
def _nowhere_else(
    monkeypatch: pytest.MonkeyPatch, wires: dict[str, Wire], documents: dict[str, Discovery], is_google: bool
) -> Iterator[None]:
    with only_to(wires, documents, monkeypatch, is_google=is_google) as strays:
        yield
    assert strays == []


@pytest.fixture
def bench(
    world: World,
    wires: dict[str, Wire],
    documents: dict[str, Discovery],
    is_google: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    _nowhere_else: None,
) -> Bench:
    urls = {} if is_google else {name: wire.url for name, wire in wires.items()}
    store = CloudStorage(PROJECT, DEADLINE_S, endpoint=urls.get("storage"))
    warehouse = BigQuery(PROJECT, DATASET, DEADLINE_S, endpoint=urls.get("warehouse"))
    environment = {name: value for name, value in world.environment.items() if name not in ENDPOINTS.values()}
    environment |= {ENDPOINTS[name]: url for name, url in urls.items()}
    for wire in wires.values():
        wire.forget()
    recorded = replace(world, store=store, warehouse=warehouse, environment=environment)
    return Bench(recorded, tmp_path, wires, documents, monkeypatch)


@pytest.mark.parametrize("name", EXERCISES)
def test_adapter_method_sends_and_gets_what_google_documents(bench: Bench, name: str) -> None:
    exercise, documented = EXERCISES[name]
    exercise(bench)
    assert bench.called == {name: parameters_of(name)}
    assert bench.judge() == documented


def test_adapter_methods_are_all_recorded() -> None:
    assert public_methods(*ADAPTERS) == set(EXERCISES)


def test_adapter_method_without_a_record_is_noticed() -> None:
    class Gained(CloudStorage):
        def touch(self) -> None: ...

    assert public_methods(Gained) - {name.replace("CloudStorage", "Gained") for name in EXERCISES} == {"Gained.touch"}


def test_request_to_another_host_fails(
    monkeypatch: pytest.MonkeyPatch, wires: dict[str, Wire], documents: dict[str, Discovery]
) -> None:
    with only_to(wires, documents, monkeypatch, is_google=True) as strays, pytest.raises(requests.ConnectionError):
        requests.get("https://www.googleapis.com/storage/v1/b/photos", timeout=10)
    assert strays == ["https://www.googleapis.com/storage/v1/b/photos"]


def test_event_function_sends_documented_requests(bench: Bench, picture: Picture, with_environment: SetAll) -> None:
    with_environment(bench.world.environment)
    client = app("classify_upload", "cloudevent")
    for content in (picture(900), b"no image"):
        with bench.aside():
            bench.put(content)
            upload = bench.store.find(bench.world.uploads, NAME)
        assert client.post("/", json=data(upload), headers=headers()).status_code == 200
    assert bench.judge() == {*READING, *KEEPING, *QUARANTINING, *RECORDING, *REMOVING}


def test_https_function_sends_documented_requests_for_a_uri(
    bench: Bench, picture: Picture, with_environment: SetAll
) -> None:
    with_environment(bench.world.environment)
    bench.put(picture(901))
    uri = f"gs://{bench.world.uploads}/{NAME}"
    assert app("classify_request", "http").post("/v1/classify", json={"uri": uri}).status_code == 200
    assert bench.judge() == {*READING, *KEEPING, *RECORDING}


def test_sweep_sends_documented_requests(bench: Bench, picture: Picture, with_environment: SetAll) -> None:
    with_environment({**bench.world.environment, "BACKLOG_AGE_S": "1"})
    bench.put(picture(902), "left-behind.jpg")
    late = bench.put(b"no image", "left-behind.txt")
    time.sleep(max(0, 1 - (datetime.now(UTC) - late.created_at).total_seconds()) + 0.01)
    assert runpy.run_path(str(FUNCTIONS / "classify_backlog" / "main.py"))["classify_backlog"]() == 0
    with bench.aside():
        assert bench.world.names_in(bench.world.uploads) == []
    assert bench.judge() >= {"storage.objects.list", *READING, *KEEPING, *QUARANTINING, *RECORDING, *REMOVING}


def test_command_line_sends_documented_requests(
    bench: Bench, cloud: Cloud, picture: Picture, is_google: bool, tmp_path: Path
) -> None:
    options = ["--project", PROJECT] if is_google else ["--folder", str(tmp_path)]
    bucket = ["--bucket", f"gs://{UPLOAD_BUCKET}"] if is_google else []
    path = bench.file(picture(903))
    name = f"{bench.world.uploads}.jpg"
    path = path.rename(path.with_name(name))
    ports = {part: int(wire.url.rpartition(":")[2]) for part, wire in bench.wires.items()}
    replace(cloud, folder=tmp_path, ports={**cloud.ports, **ports}).save()
    with folder_lock(tmp_path):  # as the process does that runs a cloud in a folder
        dropped = CliRunner().invoke(main, ["drop", str(path), "--wait", *options, *bucket])
        assert (dropped.exit_code, name in dropped.stdout) == (0, True), dropped.output
        sql = f"SELECT image.name AS name FROM latest_predictions WHERE image.name = '{name}'"
        result = CliRunner().invoke(main, ["query", sql, "--format", "csv", *options])
    assert result.stdout == f"name\n{name}\n"
    assert bench.judge() == {"storage.objects.insert", "bigquery.jobs.query"}
