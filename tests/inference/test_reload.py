"""A new version is loaded while requests run; an invalid one is refused, and the old one stays."""

from __future__ import annotations

import base64
import gc
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import functions_framework
import pytest
from flask import Flask
from flask.testing import FlaskClient

from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import MANIFEST
from shared.bundles.publish import Publication
from shared.service import Service
from shared.settings import DEFAULT_BUNDLE, Platform, Settings
from tests.bundles.copies import download_into, flip_a_byte, write_bundle, write_unusable_bundle
from tests.worlds import World

ROOT = Path(__file__).parents[2]
LOAD = "/v2/repository/models/flowers/load"
Picture = Callable[..., bytes]
Serve = Callable[..., Flask]


@pytest.fixture(autouse=True)
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of downloaded copies."""
    return download_into(tmp_path, monkeypatch)


@pytest.fixture
def models(world: World) -> str:
    """An empty models bucket."""
    name = world.uploads.replace("uploads", "models")
    world.store.create_bucket(name, keeps_versions=True)
    return name


@pytest.fixture
def publish(world: World, models: str) -> Callable[[Path], str]:
    """Return a function that publishes a bundle and returns its digest."""

    def run(folder: Path) -> str:
        bundle = load_bundle(folder)
        list(Publication(world.store, models, bundle).steps())
        return bundle.digest

    return run


@pytest.fixture
def serve(world: World, with_environment: Callable[[dict[str, str]], None]) -> Serve:
    """Return a function that starts the HTTPS function with some models."""

    def run(references: str, load: str = "true") -> Flask:
        with_environment(world.environment | {"MODEL_BUNDLE": references, "MODEL_LOAD": load})
        main = ROOT / "functions" / "classify_request" / "main.py"
        app: Flask = functions_framework.create_app("classify_request", str(main), "http")
        return app

    return run


def served(client: FlaskClient, picture: bytes, model: str = "flowers") -> dict[str, Any]:
    """Return the model part of a prediction."""
    answer = client.post(f"/v1/classify?record=false&model={model}", data=picture, content_type="image/png")
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json()["model"])


@contextmanager
def asking(app: Flask, picture: bytes, threads: int = 3) -> Iterator[list[tuple[int, str]]]:
    """Send requests while the block runs; yield the list of each answer's status and digest."""
    answers: list[tuple[int, str]] = []
    has_ended = threading.Event()

    def ask() -> None:
        client = app.test_client()
        while not has_ended.is_set():
            answer = client.post("/v1/classify?record=false", data=picture, content_type="image/png")
            answers.append((answer.status_code, answer.get_json().get("model", {}).get("digest", answer.text)))

    clients = [threading.Thread(target=ask) for _ in range(threads)]
    for thread in clients:
        thread.start()
    try:
        yield answers
    finally:
        has_ended.set()
        for thread in clients:
            thread.join()


def test_load_serves_a_published_version_while_requests_run(
    serve: Serve, publish: Callable[[Path], str], models: str, picture: Picture, tmp_path: Path
) -> None:
    first = publish(write_bundle(tmp_path / "1", "1"))
    app = serve(f"gs://{models}/flowers")
    client = app.test_client()
    assert served(client, picture())["digest"] == first
    second = publish(write_bundle(tmp_path / "2", "2", turn=1))
    assert served(client, picture())["digest"] == first
    with asking(app, picture()) as answers:
        loaded = client.post(LOAD)
        before = len(answers)
        while len(answers) < before + 6:
            time.sleep(0.01)
    assert (loaded.status_code, loaded.get_json()["versions"], loaded.get_json()["digest"]) == (200, ["2"], second)
    assert {status for status, _ in answers} == {200}
    assert {digest for _, digest in answers} <= {first, second}
    assert answers[-1][1] == second
    assert client.get("/v2/models/flowers").get_json()["versions"] == ["2"]
    assert f'digest="{second}"' in client.get("/metrics").text
    assert f'digest="{first}"' not in client.get("/metrics").text


OTHER_INPUT = {"height_px": 32, "width_px": 32, "dtype": "uint8", "scale": 1, "offset": 0}


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: flip_a_byte(write_bundle(folder, "2")),
        lambda folder: (write_bundle(folder, "2") / "model.tflite").unlink(),
        lambda folder: (write_bundle(folder, "2") / MANIFEST).write_text("{", "utf-8"),
        lambda folder: (write_bundle(folder, "2") / MANIFEST).write_text("{}", "utf-8"),
        lambda folder: write_unusable_bundle(folder, "2"),
        lambda folder: write_bundle(folder, "2", name="trees"),
        lambda folder: write_bundle(folder, "2", input=OTHER_INPUT),
    ],
    ids=["a flipped byte", "a missing file", "no JSON", "no fields", "no model", "another model", "another input"],
)
def test_load_refuses_an_invalid_bundle_and_keeps_the_old_one(
    serve: Serve,
    world: World,
    publish: Callable[[Path], str],
    models: str,
    picture: Picture,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    write: Callable[[Path], object],
) -> None:
    first = publish(write_bundle(tmp_path / "1", "1"))
    client = serve(f"gs://{models}/flowers").test_client()
    write(tmp_path / "2")
    for path in (tmp_path / "2").iterdir():
        assert world.store.upload(models, f"flowers/2/{path.name}", path)
    capsys.readouterr()
    refused = client.post(LOAD)
    assert (refused.status_code, "was not loaded" in refused.get_json()["error"]) == (422, True)
    assert [word for word in (str(tmp_path), "sha256", "gs://", "Error") if word in refused.text] == []
    assert served(client, picture())["digest"] == first
    assert client.get("/v2/health/ready").status_code == 200
    [line] = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "not_loaded" in line]
    assert re.match(
        rf"flowers was not loaded: the bundle (gs://{models}/flowers|flowers, version 2): \S", line["message"]
    )


def test_load_serves_a_valid_version_after_a_refusal(
    serve: Serve, world: World, publish: Callable[[Path], str], models: str, picture: Picture, tmp_path: Path
) -> None:
    publish(write_bundle(tmp_path / "1", "1"))
    client = serve(f"gs://{models}/flowers").test_client()
    broken = write_bundle(tmp_path / "2", "2")
    world.store.upload(models, f"flowers/2/{MANIFEST}", broken / MANIFEST)
    assert client.post(LOAD).status_code == 422
    third = publish(write_bundle(tmp_path / "3", "3"))
    assert client.post(LOAD).status_code == 200
    assert served(client, picture())["digest"] == third


def test_load_frees_the_old_model(world: World, publish: Callable[[Path], str], models: str, tmp_path: Path) -> None:
    publish(write_bundle(tmp_path / "1", "1"))
    environment = world.environment | {"MODEL_BUNDLE": f"gs://{models}/flowers"}
    service = Service(Settings.from_environment(environment), Platform.from_environment(environment))
    old = weakref.ref(service.pipeline().models.get_model().model)
    service.load("flowers")
    gc.collect()
    assert old() is not None
    publish(write_bundle(tmp_path / "2", "2"))
    service.load("flowers")
    gc.collect()
    assert (old(), service.models.index.default.manifest.version) == (None, "2")


def test_load_during_another_load_gets_429(
    serve: Serve, publish: Callable[[Path], str], models: str, picture: Picture, tmp_path: Path
) -> None:
    publish(write_bundle(tmp_path / "1", "1"))
    app = serve(f"gs://{models}/flowers")
    assert served(app.test_client(), picture())["version"] == "1"
    second = publish(write_bundle(tmp_path / "2", "2"))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: app.test_client().post(LOAD), range(8)))
    assert {answer.status_code for answer in answers} <= {200, 429}
    assert {answer.get_json()["digest"] for answer in answers if answer.status_code == 200} == {second}
    assert all(answer.headers["Retry-After"] == "1" for answer in answers if answer.status_code == 429)


def test_load_without_a_change_returns_the_same_digest(
    serve: Serve, publish: Callable[[Path], str], models: str, tmp_path: Path
) -> None:
    digest = publish(write_bundle(tmp_path / "1", "1"))
    client = serve(f"gs://{models}/flowers").test_client()
    for _ in range(2):
        answer = client.post(LOAD, json={})
        assert (answer.status_code, answer.get_json()["digest"]) == (200, digest)


def test_load_of_one_model_keeps_the_others(
    serve: Serve, publish: Callable[[Path], str], models: str, picture: Picture, tmp_path: Path
) -> None:
    publish(write_bundle(tmp_path / "1", "1"))
    publish(write_bundle(tmp_path / "t1", "1", name="trees"))
    references = f"flowers@canary=gs://{models}/flowers,gs://{models}/trees,flowers={tmp_path / '1'}"
    client = serve(references).test_client()
    assert client.get("/v2/models").get_json() == {"models": ["flowers", "trees"]}
    second = publish(write_bundle(tmp_path / "2", "2"))
    publish(write_bundle(tmp_path / "t2", "2", name="trees"))
    loaded = client.post(LOAD).get_json()
    assert (loaded["versions"], loaded["version_labels"]) == (["1", "2"], {"stable": "1", "canary": "2"})
    assert served(client, picture(), "flowers@canary")["digest"] == second
    assert served(client, picture(), "trees")["version"] == "1"


def test_load_reads_a_folder_again(serve: Serve, picture: Picture, tmp_path: Path) -> None:
    write_bundle(tmp_path / "flowers" / "1", "1")
    client = serve(str(tmp_path / "flowers")).test_client()
    assert served(client, picture())["version"] == "1"
    write_bundle(tmp_path / "flowers" / "2", "2")
    assert client.post(LOAD).status_code == 200
    assert served(client, picture())["version"] == "2"


def test_open_downloads_a_removed_copy_again(
    serve: Serve, publish: Callable[[Path], str], models: str, picture: Picture, tmp_path: Path, copies: Path
) -> None:
    digest = publish(write_bundle(tmp_path / "1", "1"))
    client = serve(f"gs://{models}/flowers").test_client()
    shutil.rmtree(copies)
    assert served(client, picture())["digest"] == digest


def test_load_is_forbidden_by_default(serve: Serve, world: World) -> None:
    client = serve(DEFAULT_BUNDLE, load="false").test_client()
    for path in (LOAD, "/v2/repository/models/flowers/unload", "/v2/repository/models/trees/load"):
        answer = client.post(path)
        assert (answer.status_code, "MODEL_LOAD" in answer.get_json()["error"]) == (403, True)
    assert client.post("/v2/repository/index").status_code == 200


@pytest.mark.parametrize(
    ("path", "document", "status", "message"),
    [
        ("/v2/repository/models/trees/load", None, 404, "not served here"),
        ("/v2/repository/models/flowers@7/load", None, 404, "not served here"),
        (LOAD, {"parameters": {"config": "{}"}}, 400, "manifest holds all"),
        (LOAD, {"parameters": []}, 400, "expected an object"),
        (LOAD, [], 400, "expected an object"),
        ("/v2/repository/models/flowers/unload", {"parameters": {"unload_dependents": False}}, 400, "MODEL_BUNDLE"),
        ("/v2/repository/models/trees/unload", None, 404, "not served here"),
    ],
)
def test_load_names_what_it_cannot_do(serve: Serve, path: str, document: object, status: int, message: str) -> None:
    answer = serve(DEFAULT_BUNDLE).test_client().post(path, **({} if document is None else {"json": document}))
    assert (answer.status_code, message in answer.get_json()["error"]) == (status, True)


def test_repository_index_has_an_entry_for_each_version(
    serve: Serve, publish: Callable[[Path], str], tmp_path: Path
) -> None:
    second = write_bundle(tmp_path / "2", "2")
    client = serve(f"x={DEFAULT_BUNDLE},x@canary={second}").test_client()
    waiting = client.post("/v2/repository/index").get_json()
    assert {entry["state"] for entry in waiting} <= {"READY", "UNAVAILABLE"}
    client.post("/v1/classify?record=false", data=b"x", content_type="image/png")
    ready = [{"name": "x", "version": version, "state": "READY"} for version in ("1", "2")]
    assert client.post("/v2/repository/index").get_json() == ready
    assert client.post("/v2/repository/index", json={"ready": True}).get_json() == ready


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("/v2/models/flowers", "1"),
        ("/v2/models/flowers/versions/1", "1"),
        ("/v2/models/flowers/versions/stable", "1"),
        ("/v2/models/flowers/versions/2", "2"),
        ("/v2/models/flowers/versions/canary", "2"),
        ("/v2/models/flowers@canary", "2"),
    ],
)
def test_url_names_a_version_by_its_number_or_its_label(
    two_versions: FlaskClient, picture: Picture, path: str, version: str
) -> None:
    described = two_versions.get(path).get_json()
    assert (described["version"], described["versions"]) == (version, ["1", "2"])
    assert described["version_labels"] == {"stable": "1", "canary": "2"}
    image = {"name": "image", "shape": [1], "datatype": "BYTES", "data": [encoded(picture())]}
    answer = two_versions.post(f"{path}/infer?record=false", json={"inputs": [image]})
    assert (answer.status_code, answer.get_json()["model_version"]) == (200, version)


@pytest.mark.parametrize(
    ("path", "versions", "first"),
    [
        ("/v1/models/flowers", ["1", "2"], 0),
        ("/v1/models/flowers/labels/stable", ["1"], 0),
        ("/v1/models/flowers/versions/1", ["1"], 0),
        ("/v1/models/flowers/labels/canary", ["2"], 1),
        ("/v1/models/flowers/versions/2", ["2"], 1),
        ("/v1/models/flowers/versions/canary", ["2"], 1),
    ],
)
def test_tensorflow_serving_urls_name_versions_and_labels(
    two_versions: FlaskClient, picture: Picture, path: str, versions: list[str], first: int
) -> None:
    answer = two_versions.post(
        f"{path}:classify?record=false", json={"examples": [{"image": {"b64": encoded(picture())}}]}
    )
    labels = load_bundle(MODELS / DEFAULT_BUNDLE).manifest.labels
    stable = two_versions.post(
        "/v1/models/flowers:predict?record=false", json={"instances": [{"b64": encoded(picture())}]}
    )
    best = max(range(len(labels)), key=stable.get_json()["predictions"][0].__getitem__)
    assert answer.get_json()["result"][0][0][0] == labels[(best + first) % len(labels)]
    states = two_versions.get(path).get_json()["model_version_status"]
    assert [state["version"] for state in states] == versions
    assert two_versions.get("/v1/models/flowers/labels/beta").status_code == 404
    assert two_versions.get("/v1/models/flowers/versions/3").status_code == 404


@pytest.fixture
def two_versions(serve: Serve, tmp_path: Path) -> FlaskClient:
    """A client of the HTTPS function with version 1, and as canary version 2, whose labels are rotated by one."""
    folder = write_bundle(tmp_path / "2", "2", turn=1)
    return serve(f"flowers={DEFAULT_BUNDLE},flowers@canary={folder}").test_client()


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_process_with_an_incomplete_bundle_ends_at_its_start(
    world: World, publish: Callable[[Path], str], models: str, tmp_path: Path
) -> None:
    broken = write_bundle(tmp_path / "2", "2")
    flip_a_byte(broken)
    (broken / "labels.txt").write_text("x\n", "utf-8")
    for path in broken.iterdir():
        world.store.upload(models, f"flowers/2/{path.name}", path)
    references = f"{DEFAULT_BUNDLE},flowers@canary=gs://{models}/flowers,trees=gs://{models}/trees"
    settings = {"MODEL_BUNDLE": references, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    environment = os.environ | world.environment | settings
    job = ROOT / "functions" / "classify_backlog" / "main.py"
    done = subprocess.run([sys.executable, str(job)], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    for message in (
        f"gs://{models}/flowers: model.tflite has sha256",
        "labels.txt has sha256",
        f"gs://{models}/trees: neither it nor a folder in it holds a manifest.json",
    ):
        assert message in done.stderr
    assert "Traceback" not in done.stderr
