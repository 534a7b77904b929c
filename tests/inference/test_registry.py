"""Several models in one process: which model an upload or a request gets, and the model in its row."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import functions_framework
import pytest
from flask import Flask
from flask.testing import FlaskClient

from shared.backlog.sweep import Sweep
from shared.backlog.upload_filter import UploadFilter
from shared.bundles.bundle import digest_of, load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import MANIFEST
from shared.bundles.model_index import ModelIndex
from shared.bundles.references import BundleReference
from shared.errors import UnknownModel
from shared.inference.classifier import Classifier
from shared.inference.registry import ModelRegistry
from shared.pipeline.receive import FINALIZED, upload_from
from shared.settings import DEFAULT_BUNDLE
from shared.types import METADATA_KEY, Call, ObjectRef, Source, Upload
from shared.wiring import load_model
from tests.backlog.parts import sweep_of
from tests.bundles.copies import write_bundle
from tests.worlds import World
from tests.writable import copy_tree

ROOT = Path(__file__).parents[2]
Picture = Callable[..., bytes]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default bundle under another name, with other labels: ``ponies``."""
    folder = tmp_path_factory.mktemp("bundles") / "ponies_v3"
    copy_tree(MODELS / DEFAULT_BUNDLE, folder)
    labels = ["a", "b", "c", "d", "e"]
    (folder / "labels.txt").write_text("\n".join(labels) + "\n", "utf-8")
    document = json.loads((folder / MANIFEST).read_text("utf-8"))
    document |= {"name": "ponies", "version": "3", "labels": labels}
    document["files"]["labels.txt"] = digest_of(folder / "labels.txt")
    (folder / MANIFEST).write_text(json.dumps(document), "utf-8")
    return folder


@pytest.fixture
def both(world: World, other: Path) -> World:
    """A world whose pipeline serves flowers, the default, and ponies."""
    bundle = load_bundle(other)
    models = ModelRegistry.of([world.pipeline.models.get_model(), Classifier(bundle, load_model(bundle, threads=1))])
    return replace(world, pipeline=replace(world.pipeline, models=models))


def upload(name: str, model: str | None = None) -> Upload:
    return Upload(ObjectRef("uploads", name, 1), 1, "image/png", model)


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (upload("a.jpg"), "flowers"),
        (upload("garden/a.jpg"), "flowers"),
        (upload("ponies/a.jpg"), "ponies"),
        (upload("ponies/2024/a.jpg"), "ponies"),
        (upload("ponies"), "flowers"),
        (upload("2024/ponies/a.jpg"), "flowers"),
        (upload("a.jpg", "ponies"), "ponies"),
        (upload("ponies/a.jpg", "flowers"), "flowers"),
        (upload("a.jpg", "ponies@3"), "ponies"),
        (upload("a.jpg", "ponies@stable"), "ponies"),
        (upload("ponies@3/a.jpg"), "flowers"),
    ],
)
def test_upload_model_is_from_metadata_folder_or_default(both: World, received: Upload, expected: str) -> None:
    assert both.pipeline.models.get_model_for(received).bundle.manifest.name == expected


def test_unknown_model_error_names_the_served_models(both: World) -> None:
    with pytest.raises(UnknownModel, match="'zebras' is not served here, expected one of: flowers, ponies"):
        both.pipeline.models.get_model_for(upload("ponies/a.jpg", "zebras"))


@pytest.mark.parametrize("metadata", [None, [], {}, {METADATA_KEY: ""}, {METADATA_KEY: 7}, {"model": "x"}])
def test_event_without_a_model_in_its_metadata_names_none(metadata: object) -> None:
    data = {"bucket": "b", "name": "n", "generation": "1", "size": "1", "metadata": metadata}
    assert upload_from({"type": FINALIZED}, data).model is None


def test_event_metadata_names_the_model() -> None:
    data = {"bucket": "b", "name": "n", "generation": "1", "size": "1", "metadata": {METADATA_KEY: "ponies"}}
    assert upload_from({"type": FINALIZED}, data).model == "ponies"


def test_upload_metadata_is_stored_with_the_upload(both: World, picture: Picture, tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    path.write_bytes(picture(1))
    both.store.upload(both.uploads, "p.png", path, "ponies")
    assert both.store.find(both.uploads, "p.png").model == "ponies"
    assert [stored.model for stored in both.store.uploads(both.uploads)] == ["ponies"]


def test_rows_name_the_model_of_each_prediction(both: World, picture: Picture, tmp_path: Path) -> None:
    both.put("a.png", picture(2), tmp_path)
    both.put("ponies/a.png", picture(2), tmp_path)
    summary = sweep_of(both).run(both.store.uploads(both.uploads))
    assert summary.outcomes == {"predicted": 2}
    rows = {row["image"]["name"]: row for row in both.rows("latest_predictions")}
    models = {name: (row["model"]["name"], row["model"]["version"]) for name, row in rows.items()}
    assert models == {"a.png": ("flowers", "1"), "ponies/a.png": ("ponies", "3")}
    assert rows["ponies/a.png"]["label"] in "abcde"


def test_upload_for_an_unknown_model_is_quarantined_unread(both: World, picture: Picture, tmp_path: Path) -> None:
    path = tmp_path / "z.png"
    path.write_bytes(picture(3))
    both.store.upload(both.uploads, "z.png", path, "zebras")
    sweep_of(both).run(both.store.uploads(both.uploads))
    [row] = both.rows("rejected_uploads")
    assert (row["reason"], both.names_in(both.uploads)) == ("unknown_model", [])


def test_upload_for_the_canary_gets_a_row_of_that_version(world: World, picture: Picture, tmp_path: Path) -> None:
    canary = load_bundle(write_bundle(tmp_path / "2", "2"))
    stable = world.pipeline.models.get_model()
    index = ModelIndex([(BundleReference("a"), stable.bundle), (BundleReference("b", "flowers", "canary"), canary)])
    models = ModelRegistry.of([stable, Classifier(canary, load_model(canary, threads=1))], index)
    (tmp_path / "p.jpg").write_bytes(picture(7))
    for name, model in (("a.jpg", None), ("b.jpg", "flowers@canary"), ("c.jpg", "flowers@2"), ("d.jpg", "flowers@9")):
        world.store.upload(world.uploads, name, tmp_path / "p.jpg", model)
    both = replace(world, pipeline=replace(world.pipeline, models=models))
    sweep_of(both).run(both.store.uploads(both.uploads))
    rows = {row["image"]["name"]: row["model"] for row in both.rows("latest_predictions")}
    digests = {name: model["digest"] for name, model in rows.items()}
    assert digests == {"a.jpg": stable.bundle.digest, "b.jpg": canary.digest, "c.jpg": canary.digest}
    [row] = both.rows("rejected_uploads")
    assert (row["name"], row["reason"]) == ("d.jpg", "unknown_model")


def test_sweep_that_keeps_skips_uploads_that_their_model_has_seen(
    both: World, picture: Picture, tmp_path: Path
) -> None:
    both.put("ponies/a.png", picture(4), tmp_path)
    both.put("a.png", picture(4), tmp_path)

    def sweep() -> Sweep:
        return sweep_of(both, keep=True)

    assert sweep().run(both.store.uploads(both.uploads)).outcomes == {"predicted": 2}
    assert sweep().run(both.store.uploads(both.uploads)).outcomes == {"skipped": 2}


def test_upload_processed_twice_is_one_row(both: World, picture: Picture, tmp_path: Path) -> None:
    both.put("ponies/b.png", picture(5), tmp_path)
    upload_of_ponies = both.store.find(both.uploads, "ponies/b.png")
    for _ in range(2):
        both.pipeline.process_upload(upload_of_ponies, Call(Source.BACKLOG, datetime.now(UTC)), remove=False)
    assert len(both.rows("latest_predictions")) == 1


@pytest.fixture
def client(world: World, other: Path, with_environment: Callable[[dict[str, str]], None]) -> FlaskClient:
    with_environment(world.environment | {"MODEL_BUNDLE": f"{DEFAULT_BUNDLE}, {other}"})
    main = ROOT / "functions" / "classify_request" / "main.py"
    app: Flask = functions_framework.create_app("classify_request", str(main), "http")
    return app.test_client()


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1/classify?record=false", "flowers"),
        ("/v1/classify?record=false&model=ponies", "ponies"),
    ],
)
def test_request_names_its_model_in_the_query(client: FlaskClient, picture: Picture, path: str, model: str) -> None:
    answer = client.post(path, data=picture(6), content_type="image/png")
    assert (answer.status_code, answer.get_json()["model"]["name"]) == (200, model)


def test_protocols_serve_both_models(client: FlaskClient) -> None:
    assert client.get("/v2/models").get_json() == {"models": ["flowers", "ponies"]}
    assert client.get("/v2/models/ponies").get_json()["labels"] == ["a", "b", "c", "d", "e"]
    assert client.get("/v1/models/ponies/versions/3").status_code in (200, 503)
    refused = client.post("/v1/classify?model=zebras", data=b"x", content_type="image/png")
    assert refused.status_code == 404
    assert "These are: flowers (version 1), ponies (version 3)." in refused.get_json()["error"]["message"]


@pytest.mark.in_memory_too
def test_upload_is_done_with_a_row_of_any_served_model(both: World, picture: Picture, tmp_path: Path) -> None:
    """A sweep that keeps its bucket then removes the marker of a process that was killed after the row."""
    both.put("ponies/a.png", picture(9), tmp_path)
    upload = both.store.find(both.uploads, "ponies/a.png")
    upload_filter = UploadFilter(both.pipeline, keep=True, is_shadow=False, count=lambda _: None)
    assert not upload_filter.has_row(upload.ref)
    both.pipeline.process_upload(upload, Call(Source.BACKLOG, datetime.now(UTC)), remove=False)
    assert upload_filter.has_row(upload.ref)
