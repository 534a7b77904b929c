"""``bucketlens bundle publish``: a version is whole as soon as it is seen, and never changes."""

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
    """The local cloud's, locked as `up` does, by which commands know that it runs."""
    with folder_lock(cloud.folder) as is_ours:
        assert is_ours
        yield str(cloud.folder)


@pytest.fixture
def publish(folder: str, bucket: str) -> Callable[..., Result]:
    """Return the command, for this cloud and, unless told otherwise, this bucket."""

    def run(bundle: Path | str, *arguments: str) -> Result:
        given = arguments or ("--to", f"gs://{bucket}")
        return CliRunner().invoke(main, ["bundle", "publish", str(bundle), "--folder", folder, *given])

    return run


def objects(store: CloudStorage, bucket: str) -> dict[str, int]:
    """Return every object's name and generation; more than one of a name is an error."""
    found = [upload.ref for upload in store.uploads(bucket)]
    assert len({ref.name for ref in found}) == len(found), "something was replaced"
    return {ref.name: ref.generation for ref in found}


def test_what_the_manifest_names_lies_in_the_bucket_afterwards(
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


def test_the_same_again_is_a_success_that_says_so_and_changes_nothing(
    publish: Callable[..., Result], store: CloudStorage, bucket: str, tmp_path: Path
) -> None:
    bundle = write_bundle(tmp_path / "b", "2")
    assert publish(bundle).exit_code == 0
    before = objects(store, bucket)
    again = publish(bundle)
    assert (again.exit_code, objects(store, bucket)) == (0, before)
    assert "flowers/2 was there already, the same in every byte" in again.stdout


@pytest.mark.parametrize("change", [{"description": "Another."}, {"turn": 1}], ids=["manifest", "labels"])
def test_another_content_under_the_same_version_is_refused_and_nothing_is_touched(
    publish: Callable[..., Result], store: CloudStorage, bucket: str, tmp_path: Path, change: dict[str, Any]
) -> None:
    publish(write_bundle(tmp_path / "b", "2"))
    before = objects(store, bucket)
    refused = publish(write_bundle(tmp_path / "c", "2", **change))
    assert (refused.exit_code, objects(store, bucket)) == (1, before)
    assert f"gs://{bucket}/flowers/2 is another bundle already, and a version that is published" in refused.stderr


def test_the_manifest_comes_last_and_what_broke_off_goes_on(
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


def test_what_another_publish_left_unfinished_is_not_taken_for_ones_own(
    publish: Callable[..., Result], store: CloudStorage, bucket: str, tmp_path: Path
) -> None:
    next(Publication(store, bucket, load_bundle(write_bundle(tmp_path / "b", "1", turn=1))).steps())
    refused = publish(DEFAULT_BUNDLE)
    assert refused.exit_code == 1
    assert "labels.txt holds something else, of a publish that broke off or of another bundle" in refused.stderr
    assert list(objects(store, bucket)) == ["flowers/1/labels.txt"]


def test_a_bundle_that_is_not_whole_is_not_uploaded_and_every_fault_is_named(
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
def test_a_version_that_cannot_be_a_folder_is_refused(store: CloudStorage, tmp_path: Path, version: str) -> None:
    bundle = load_bundle(write_bundle(tmp_path / "b", version))
    with pytest.raises(NotPublished, match=r"version is .* becomes a folder of the bucket"):
        Publication(store, "models", bundle)


def test_a_folder_in_a_bundle_is_uploaded_with_what_is_in_it(store: CloudStorage, bucket: str, tmp_path: Path) -> None:
    """As the folder of a SavedModel."""
    shipped = load_bundle(MODELS / DEFAULT_BUNDLE)
    (tmp_path / "saved" / "variables").mkdir(parents=True)
    (tmp_path / "saved" / "variables" / "index").write_bytes(b"1")
    (tmp_path / "saved" / "graph.pb").write_bytes(b"2")
    (tmp_path / MANIFEST).write_text("{}", "utf-8")
    bundle = replace(shipped, folder=tmp_path, manifest=replace(shipped.manifest, files={"saved": "0" * 64}))
    uris = [step.uri for step in Publication(store, bucket, bundle).steps()]
    assert uris == [f"gs://{bucket}/flowers/1/{name}" for name in ("saved/graph.pb", "saved/variables/index", MANIFEST)]


def test_without_a_place_it_is_the_local_clouds_own_models_bucket(
    folder: str, store: CloudStorage, tmp_path: Path
) -> None:
    version = uuid.uuid4().hex
    bundle = write_bundle(tmp_path / "b", version)
    done = CliRunner().invoke(main, ["bundle", "publish", str(bundle), "--folder", folder])
    assert (done.exit_code, f"gs://{MODELS_BUCKET}/flowers/{version} is published" in done.stdout) == (0, True)
    assert store.find(MODELS_BUCKET, f"flowers/{version}/{MANIFEST}").size_bytes


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--folder", "nowhere"), 2, "No local cloud runs in nowhere"),
        (("--to", "gs://models/flowers"), 2, "expected gs://BUCKET: the folder in it is NAME/VERSION"),
        (("--to", "gs://no-such-bucket-here"), 1, "There is no bucket gs://no-such-bucket-here; create it."),
    ],
)
def test_a_place_where_nothing_can_be_put_is_said(
    publish: Callable[..., Result], arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = publish(DEFAULT_BUNDLE, *arguments)
    assert (done.exit_code, said in done.stderr) == (code, True)


def test_an_endpoint_that_does_not_answer_is_said(bucket: str) -> None:
    nobody = CloudStorage(PROJECT, 1, endpoint="http://127.0.0.1:9")
    with pytest.raises(StorageUnavailable):
        list(Publication(nobody, bucket, load_bundle(MODELS / DEFAULT_BUNDLE)).steps())
