"""``bucketlens bundle publish``: a version is complete as soon as it is visible, and never changes."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from shared.adapters.gcs import CloudStorage
from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import MANIFEST
from shared.bundles.publish import NotPublished, Publication
from shared.cli import main
from shared.errors import AlreadyDone, StorageUnavailable
from shared.local.cloud import MODELS_BUCKET, PROJECT, Cloud, folder_lock
from shared.settings import DEFAULT_BUNDLE
from tests.bundles.copies import new_models_bucket, write_bundle, write_unusable_bundle

FILES = ("labels.txt", "model.tflite", MANIFEST)


@pytest.fixture(scope="module")
def store(cloud: Cloud) -> CloudStorage:
    return CloudStorage(PROJECT, 20, endpoint=cloud.url("storage"))


@pytest.fixture
def bucket(store: CloudStorage) -> str:
    """An empty models bucket."""
    return new_models_bucket(store)


@pytest.fixture
def folder(cloud: Cloud) -> Iterator[str]:
    """The local cloud's folder, locked as `up` does, so that commands see that it runs."""
    with folder_lock(cloud.folder) as is_locked:
        assert is_locked
        yield str(cloud.folder)


@pytest.fixture
def publish(folder: str, bucket: str) -> Callable[..., Result]:
    """Return the command for this cloud, with this bucket by default."""

    def run(bundle: Path | str, *arguments: str) -> Result:
        options = arguments or ("--to", f"gs://{bucket}")
        return CliRunner().invoke(main, ["bundle", "publish", str(bundle), "--folder", folder, *options])

    return run


def objects(store: CloudStorage, bucket: str) -> dict[str, int]:
    """Return every object's name and generation; fail where a name has more than one generation."""
    refs = [upload.ref for upload in store.uploads(bucket)]
    assert len({ref.name for ref in refs}) == len(refs), "an object was replaced"
    return {ref.name: ref.generation for ref in refs}


def test_publish_uploads_every_file_that_the_manifest_names(
    publish: Callable[..., Result], store: CloudStorage, bucket: str
) -> None:
    done = publish(DEFAULT_BUNDLE)
    assert done.exit_code == 0, done.output
    assert (
        f"✓ gs://{bucket}/flowers/1 is published; digest {load_bundle(MODELS / DEFAULT_BUNDLE).digest}" in done.stdout
    )
    assert set(objects(store, bucket)) == {f"flowers/1/{name}" for name in FILES}
    for name in FILES:
        ref = store.find(bucket, f"flowers/1/{name}").ref
        assert store.read(ref, 1 << 30) == (MODELS / DEFAULT_BUNDLE / name).read_bytes()


def test_publish_of_the_same_bundle_succeeds_and_changes_nothing(
    publish: Callable[..., Result], store: CloudStorage, bucket: str, tmp_path: Path
) -> None:
    bundle = write_bundle(tmp_path / "b", "2")
    assert publish(bundle).exit_code == 0
    before = objects(store, bucket)
    again = publish(bundle)
    assert (again.exit_code, objects(store, bucket)) == (0, before)
    assert "flowers/2 was already there, with the same bytes" in again.stdout


@pytest.mark.parametrize("change", [{"description": "Another."}, {"turn": 1}], ids=["manifest", "labels"])
def test_publish_refuses_other_content_of_a_published_version(
    publish: Callable[..., Result], store: CloudStorage, bucket: str, tmp_path: Path, change: dict[str, Any]
) -> None:
    publish(write_bundle(tmp_path / "b", "2"))
    before = objects(store, bucket)
    refused = publish(write_bundle(tmp_path / "c", "2", **change))
    assert (refused.exit_code, objects(store, bucket)) == (1, before)
    assert f"gs://{bucket}/flowers/2 holds another bundle already, and a published version" in refused.stderr


def test_publish_uploads_the_manifest_last_and_resumes(
    publish: Callable[..., Result], store: CloudStorage, bucket: str
) -> None:
    publication = Publication(store, bucket, load_bundle(MODELS / DEFAULT_BUNDLE))
    assert publication.files[-1] == MANIFEST
    first = next(publication.steps())
    assert (first.is_new, list(objects(store, bucket))) == (True, ["flowers/1/labels.txt"])
    with pytest.raises(AlreadyDone):
        store.find(bucket, f"flowers/1/{MANIFEST}")
    assert publish(DEFAULT_BUNDLE).exit_code == 0
    assert set(objects(store, bucket)) == {f"flowers/1/{name}" for name in FILES}


def test_publish_refuses_files_of_another_unfinished_publish(
    publish: Callable[..., Result], store: CloudStorage, bucket: str, tmp_path: Path
) -> None:
    next(Publication(store, bucket, load_bundle(write_bundle(tmp_path / "b", "1", turn=1))).steps())
    refused = publish(DEFAULT_BUNDLE)
    assert refused.exit_code == 1
    assert "labels.txt has other bytes, from an unfinished publish or from another bundle" in refused.stderr
    assert list(objects(store, bucket)) == ["flowers/1/labels.txt"]


def test_publish_uploads_nothing_of_an_invalid_bundle(
    publish: Callable[..., Result], store: CloudStorage, bucket: str, tmp_path: Path
) -> None:
    bundle = write_bundle(tmp_path / "b", "2")
    (bundle / "labels.txt").write_text("other\n", "utf-8")
    (bundle / "model.tflite").unlink()
    refused = publish(bundle)
    assert (refused.exit_code, refused.stderr.count("✗")) == (1, 2)
    refused = publish(write_unusable_bundle(tmp_path / "c", "2"))
    assert (refused.exit_code, "not a .tflite file" in refused.stderr) == (1, True)
    assert publish(tmp_path / "nothing").exit_code == 1
    assert objects(store, bucket) == {}


@pytest.mark.parametrize("version", ["1/2", "..", "a b", "ü"])
def test_publish_refuses_a_version_that_cannot_be_a_folder(store: CloudStorage, tmp_path: Path, version: str) -> None:
    bundle = load_bundle(write_bundle(tmp_path / "b", version))
    with pytest.raises(NotPublished, match=r"version is .* becomes a folder of the bucket"):
        Publication(store, "models", bundle)


def test_publish_uploads_the_files_of_a_folder(store: CloudStorage, bucket: str, tmp_path: Path) -> None:
    """A SavedModel is such a folder."""
    shipped = load_bundle(MODELS / DEFAULT_BUNDLE)
    (tmp_path / "saved" / "variables").mkdir(parents=True)
    (tmp_path / "saved" / "variables" / "index").write_bytes(b"1")
    (tmp_path / "saved" / "graph.pb").write_bytes(b"2")
    (tmp_path / MANIFEST).write_text("{}", "utf-8")
    bundle = replace(shipped, folder=tmp_path, manifest=replace(shipped.manifest, files={"saved": "0" * 64}))
    uris = [step.uri for step in Publication(store, bucket, bundle).steps()]
    assert uris == [f"gs://{bucket}/flowers/1/{name}" for name in ("saved/graph.pb", "saved/variables/index", MANIFEST)]


def test_publish_uses_the_local_clouds_models_bucket_by_default(
    folder: str, store: CloudStorage, tmp_path: Path
) -> None:
    version = uuid.uuid4().hex
    bundle = write_bundle(tmp_path / "b", version)
    done = CliRunner().invoke(main, ["bundle", "publish", str(bundle), "--folder", folder])
    assert (done.exit_code, f"gs://{MODELS_BUCKET}/flowers/{version} is published" in done.stdout) == (0, True)
    assert store.find(MODELS_BUCKET, f"flowers/{version}/{MANIFEST}").size_bytes


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--folder", "nowhere"), 2, "No local cloud runs in nowhere"),
        (("--to", "gs://models/flowers"), 2, "expected gs://BUCKET; the folder in it is always NAME/VERSION"),
        (("--to", "gs://no-such-bucket-here"), 1, "There is no bucket gs://no-such-bucket-here; create it."),
    ],
)
def test_publish_refuses_an_unusable_target(
    publish: Callable[..., Result], arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = publish(DEFAULT_BUNDLE, *arguments)
    assert (done.exit_code, message in done.stderr) == (code, True)


def test_publish_fails_where_the_endpoint_does_not_answer(bucket: str) -> None:
    silent = CloudStorage(PROJECT, 1, endpoint="http://127.0.0.1:9")
    with pytest.raises(StorageUnavailable):
        list(Publication(silent, bucket, load_bundle(MODELS / DEFAULT_BUNDLE)).steps())
