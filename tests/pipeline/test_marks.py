"""Marks of uploads that stay in the upload bucket: written once, found by the upload's id, and removed together."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from shared.errors import StorageRefused
from shared.pipeline.ids import ImageIds
from shared.pipeline.set_aside import NOT_DELETED, SET_ASIDE, mark, marked_uploads, unmark
from shared.types import ObjectRef
from tests.memory.object_store import MemoryStore

ONE, OTHER = ObjectRef("uploads", "a/ü.jpg", 1), ObjectRef("uploads", "b.jpg", 2)
BUCKET = "quarantine"


def id_of(ref: ObjectRef) -> str:
    return ImageIds.of_object(ref).upload_id


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    made.create_bucket(BUCKET)
    return made


def test_mark_is_new_once_for_each_kind(store: MemoryStore) -> None:
    assert [mark(store, BUCKET, kind, ONE, "why") for kind in (SET_ASIDE, SET_ASIDE)] == [True, False]
    assert [mark(store, BUCKET, kind, ONE, "why") for kind in (NOT_DELETED, NOT_DELETED)] == [True, False]
    assert mark(store, BUCKET, SET_ASIDE, OTHER, "why")


def test_marked_uploads_are_found_by_their_ids_with_their_kinds(store: MemoryStore) -> None:
    assert marked_uploads(store, BUCKET) == {}
    mark(store, BUCKET, SET_ASIDE, ONE, "why")
    mark(store, BUCKET, NOT_DELETED, OTHER, "why")
    store.put(BUCKET, id_of(ONE), b"a quarantined copy, and no mark")
    assert marked_uploads(store, BUCKET) == {id_of(ONE): SET_ASIDE, id_of(OTHER): NOT_DELETED}


@pytest.mark.parametrize("kinds", [(SET_ASIDE, NOT_DELETED), (NOT_DELETED, SET_ASIDE)])
def test_upload_with_both_marks_was_not_deleted(store: MemoryStore, kinds: tuple[str, str]) -> None:
    for kind in kinds:
        mark(store, BUCKET, kind, ONE, "why")
    assert marked_uploads(store, BUCKET) == {id_of(ONE): NOT_DELETED}


def test_mark_says_which_upload_stays_since_when_and_why(store: MemoryStore) -> None:
    before = datetime.now(UTC)
    mark(store, BUCKET, SET_ASIDE, ONE, "für immer")
    [held] = store.uploads(BUCKET)
    assert held.ref.name == f"aside/set_aside/{id_of(ONE)}"
    assert held.content_type == "application/json"
    content = store.read(held.ref, 10_000).decode()
    says = json.loads(content)
    assert says["upload"] == {"bucket": "uploads", "name": "a/ü.jpg", "generation": 1}
    assert before <= datetime.fromisoformat(says["marked_at"]) <= datetime.now(UTC)
    assert says["why"] == "für immer"
    assert "für immer" in content  # as a person reads it


@pytest.mark.parametrize("kinds", [(), (SET_ASIDE,), (NOT_DELETED,), (SET_ASIDE, NOT_DELETED)])
def test_unmark_removes_all_marks_of_an_upload_and_no_others(store: MemoryStore, kinds: tuple[str, ...]) -> None:
    mark(store, BUCKET, SET_ASIDE, OTHER, "why")
    for kind in kinds:
        mark(store, BUCKET, kind, ONE, "why")
    unmark(store, BUCKET, id_of(ONE))
    assert marked_uploads(store, BUCKET) == {id_of(OTHER): SET_ASIDE}


def test_bucket_without_marks_that_is_not_there_is_named() -> None:
    with pytest.raises(StorageRefused, match="gs://quarantine"):
        marked_uploads(MemoryStore(), BUCKET)


def test_mark_that_was_removed_is_not_found_where_the_bucket_keeps_versions() -> None:
    store = MemoryStore()
    store.create_bucket(BUCKET, keeps_versions=True)
    mark(store, BUCKET, SET_ASIDE, ONE, "why")
    [held] = store.uploads(BUCKET)
    store.put(BUCKET, held.ref.name, b"a newer one")
    store.delete(store.find(BUCKET, held.ref.name).ref)
    assert marked_uploads(store, BUCKET) == {}
