"""A bundle that is put into a bucket in memory: whole as soon as it is seen, and never changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import MANIFEST
from shared.bundles.publish import NotPublished, Publication, Step
from shared.errors import NameTaken
from shared.settings import DEFAULT_BUNDLE
from tests.bundles.copies import write_bundle
from tests.memory.faults import Faulty
from tests.memory.object_store import MemoryStore

BUCKET = "models"
FILES = ("labels.txt", "model.tflite", MANIFEST)


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    made.create_bucket(BUCKET)
    return made


def publication(store: MemoryStore, folder: Path = MODELS / DEFAULT_BUNDLE) -> Publication:
    return Publication(store, BUCKET, load_bundle(folder))


def test_files_of_a_bundle_are_uploaded_as_they_are_and_the_manifest_last(store: MemoryStore) -> None:
    made = publication(store)
    assert made.files == FILES
    assert made.uri == "gs://models/flowers/1"
    assert list(made.steps()) == [Step(f"gs://models/flowers/1/{name}", is_new=True) for name in FILES]
    for name in FILES:
        held = store.find(BUCKET, f"flowers/1/{name}")
        assert store.read(held.ref, 1 << 30) == (MODELS / DEFAULT_BUNDLE / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("labels.txt", "text/plain; charset=utf-8"),
        ("model.tflite", "application/octet-stream"),
        (MANIFEST, "application/json"),
    ],
)
def test_file_has_the_content_type_of_its_name(store: MemoryStore, name: str, content_type: str) -> None:
    list(publication(store).steps())
    assert store.find(BUCKET, f"flowers/1/{name}").content_type == content_type


def test_same_bundle_again_changes_nothing_and_says_so(store: MemoryStore) -> None:
    list(publication(store).steps())
    before = [upload.ref for upload in store.uploads(BUCKET)]
    assert [step.is_new for step in publication(store).steps()] == [False, False, False]
    assert [upload.ref for upload in store.uploads(BUCKET)] == before


def test_publish_that_broke_off_goes_on(store: MemoryStore) -> None:
    assert next(publication(store).steps()).is_new
    assert [upload.ref.name for upload in store.uploads(BUCKET)] == ["flowers/1/labels.txt"]
    assert [step.is_new for step in publication(store).steps()] == [False, True, True]


@pytest.mark.parametrize("change", [{"description": "Another."}, {"turn": 1}], ids=["manifest", "labels"])
def test_another_bundle_under_the_same_version_is_refused_before_anything_is_put(
    store: MemoryStore, tmp_path: Path, change: dict[str, Any]
) -> None:
    list(publication(store, write_bundle(tmp_path / "b", "2")).steps())
    before = [upload.ref for upload in store.uploads(BUCKET)]
    with pytest.raises(NotPublished, match="gs://models/flowers/2 holds another bundle already"):
        next(publication(store, write_bundle(tmp_path / "c", "2", **change)).steps())
    assert [upload.ref for upload in store.uploads(BUCKET)] == before


@pytest.mark.parametrize("content", [b"other", None], ids=["of another size", "of the same size"])
def test_other_bytes_of_an_unfinished_publish_are_left_and_refused(store: MemoryStore, content: bytes | None) -> None:
    own = (MODELS / DEFAULT_BUNDLE / "labels.txt").read_bytes()
    other = content or own[::-1]
    store.put(BUCKET, "flowers/1/labels.txt", other)
    with pytest.raises(NotPublished, match=r"labels\.txt has other bytes"):
        list(publication(store).steps())
    [held] = store.uploads(BUCKET)
    assert store.read(held.ref, 1 << 20) == other


def test_object_of_another_size_is_not_read(store: MemoryStore) -> None:
    store.put(BUCKET, "flowers/1/labels.txt", b"other")
    notes: list[str] = []
    made = Publication(Faulty(store, notes), BUCKET, load_bundle(MODELS / DEFAULT_BUNDLE))
    with pytest.raises(NotPublished):
        list(made.steps())
    assert "read" not in notes


def test_publish_that_another_one_outran_is_refused(store: MemoryStore) -> None:
    quicker = Faulty(store, None, "write_once", before=NameTaken("It has other bytes."))
    made = Publication(quicker, BUCKET, load_bundle(MODELS / DEFAULT_BUNDLE))
    with pytest.raises(NotPublished, match="has other bytes"):
        next(made.steps())


@pytest.mark.parametrize("value", ["1/2", "..", "a b", "ü", "-1", "1" * 101])
@pytest.mark.parametrize("what", ["name", "version"])
def test_name_or_version_that_cannot_be_a_folder_is_refused(store: MemoryStore, what: str, value: str) -> None:
    shipped = load_bundle(MODELS / DEFAULT_BUNDLE)
    manifest = replace(shipped.manifest, name=value) if what == "name" else replace(shipped.manifest, version=value)
    bundle = replace(shipped, manifest=manifest)
    with pytest.raises(NotPublished, match=rf"The bundle's {what} is .* becomes a folder of the bucket"):
        Publication(store, BUCKET, bundle)


def test_folder_in_a_bundle_is_uploaded_with_what_is_in_it(store: MemoryStore, tmp_path: Path) -> None:
    shipped = load_bundle(MODELS / DEFAULT_BUNDLE)
    (tmp_path / "saved" / "variables").mkdir(parents=True)
    (tmp_path / "saved" / "variables" / "index").write_bytes(b"1")
    (tmp_path / "saved" / "graph.pb").write_bytes(b"2")
    (tmp_path / MANIFEST).write_text("{}", "utf-8")
    bundle = replace(shipped, folder=tmp_path, manifest=replace(shipped.manifest, files={"saved": "0" * 64}))
    uris = [step.uri for step in Publication(store, BUCKET, bundle).steps()]
    assert uris == [f"gs://models/flowers/1/{name}" for name in ("saved/graph.pb", "saved/variables/index", MANIFEST)]
