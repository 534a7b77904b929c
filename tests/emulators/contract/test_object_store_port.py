"""What the steps ask of an object store, in the words of the port: in memory, and on the local cloud by our adapter.

``test_object_store_contract`` asks more of the local one: what clients of Google's do.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shared.errors import AlreadyDone, NameTaken, StorageUnavailable, Superseded, TooManyBytes
from shared.types import ObjectRef
from tests.worlds import World

pytestmark = pytest.mark.in_memory_too


@pytest.fixture
def bucket(world: World) -> str:
    """One that keeps no versions, and is empty."""
    return world.archive


@pytest.fixture
def put(world: World, bucket: str) -> Callable[..., ObjectRef]:
    def write(name: str, content: bytes = b"first", content_type: str = "text/plain", into: str = bucket) -> ObjectRef:
        world.overwrite(into, name, content, content_type)
        return world.store.find(into, name).ref

    return write


Put = Callable[..., ObjectRef]


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(lambda call: call(), calls))


def made_or_none(write: Callable[[], ObjectRef]) -> ObjectRef | None:
    try:
        return write()
    except NameTaken:
        return None


def names(world: World, bucket: str, prefix: str = "") -> list[str]:
    return [upload.ref.name for upload in world.store.uploads(bucket, prefix)]


# Reading


def test_a_read_gives_exactly_the_bytes_of_its_generation(world: World, put: Put) -> None:
    content = os.urandom(300_000)
    assert world.store.read(put("photo", content), len(content)) == content


def test_a_read_of_an_overwritten_generation_never_gives_the_newer_bytes(world: World, put: Put) -> None:
    old = put("photo")
    put("photo", b"second")
    with pytest.raises(Superseded):
        world.store.read(old, 100)


def test_a_read_of_a_deleted_object_is_not_found(world: World, put: Put) -> None:
    ref = put("photo")
    world.store.delete(ref)
    with pytest.raises(AlreadyDone) as gone:
        world.store.read(ref, 100)
    assert type(gone.value) is AlreadyDone
    with pytest.raises(AlreadyDone):
        world.store.find(ref.bucket, "photo")


def test_a_read_of_a_missing_bucket_is_not_found(world: World) -> None:
    with pytest.raises(AlreadyDone):
        world.store.read(ObjectRef("no-such-bucket", "photo", 1), 100)
    with pytest.raises(AlreadyDone):
        world.store.find("no-such-bucket", "photo")


def test_a_read_stops_at_the_limit(world: World, put: Put) -> None:
    ref = put("photo", b"a" * 1000)
    assert len(world.store.read(ref, 1000)) == 1000
    with pytest.raises(TooManyBytes):
        world.store.read(ref, 999)


def test_a_find_gives_the_live_generation_its_size_and_content_type(world: World, put: Put, bucket: str) -> None:
    put("photo")
    ref = put("photo", b"second", "image/png")
    actual = world.store.find(bucket, "photo")
    assert (actual.ref, actual.size_bytes, actual.content_type, actual.model) == (ref, 6, "image/png", None)


# Writing


def test_a_create_only_write_leaves_an_existing_object(world: World, bucket: str) -> None:
    first = world.store.write_once(bucket, "photo", b"first", "image/jpeg")
    with pytest.raises(NameTaken):
        world.store.write_once(bucket, "photo", b"second", "image/png")
    assert world.store.read(first, 100) == b"first"
    actual = world.store.find(bucket, "photo")
    assert (actual.ref, actual.content_type) == (first, "image/jpeg")


def test_a_repeated_create_only_write_finds_its_object(world: World, bucket: str, tmp_path: Path) -> None:
    first = world.store.write_once(bucket, "photo", b"first", "image/jpeg")
    (tmp_path / "photo").write_bytes(b"first")
    assert world.store.write_once(bucket, "photo", b"first", "image/png") == first
    assert world.store.upload(bucket, "photo", tmp_path / "photo") == first
    assert world.store.upload(bucket, "photo", tmp_path / "photo", model="flowers") is None
    copy = world.store.copy_once(first, world.quarantine, "copy")
    assert world.store.copy_once(first, world.quarantine, "copy") == copy


def test_a_create_only_write_replaces_a_deleted_object(world: World, bucket: str) -> None:
    for target in (bucket, world.uploads):
        first = world.store.write_once(target, "photo", b"first", "image/jpeg")
        assert first
        world.store.delete(first)
        second = world.store.write_once(target, "photo", b"second", "image/jpeg")
        assert second
        assert second.generation > first.generation


def test_a_create_only_upload_leaves_an_existing_object(world: World, put: Put, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(b"second")
    first = put("photo")
    assert world.store.upload(bucket, "photo", tmp_path / "photo") is None
    assert world.store.find(bucket, "photo").ref == first


def test_an_upload_names_its_content_type_and_its_model(world: World, bucket: str, tmp_path: Path) -> None:
    for name in ("photo.png", "photo"):
        (tmp_path / name).write_bytes(b"photo")
        world.store.upload(bucket, name, tmp_path / name, model="flowers")
    actual = [world.store.find(bucket, name) for name in ("photo.png", "photo")]
    assert [upload.content_type for upload in actual] == ["image/png", "application/octet-stream"]
    assert {upload.model for upload in actual} == {"flowers"}


def test_an_upload_to_a_missing_bucket_fails(world: World, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(b"photo")
    with pytest.raises(AlreadyDone):
        world.store.upload("no-such-bucket", "photo", tmp_path / "photo")


def test_parallel_writers_have_exactly_one_winner(world: World, bucket: str) -> None:
    for number in range(4):
        write = partial(world.store.write_once, bucket, f"photo{number}", content_type="image/jpeg")
        made = at_once(*(partial(made_or_none, partial(write, content=bytes([index]))) for index in range(3)))
        assert len([ref for ref in made if ref]) == 1


def test_a_generation_is_the_microsecond_of_the_write_and_unique(world: World, put: Put) -> None:
    before = time.time_ns() // 1000
    generations = [put("photo").generation for _ in range(3)]
    after = time.time_ns() // 1000
    assert before - 1_000_000 <= generations[0] < generations[1] < generations[2] <= after + 1_000_000


def test_a_write_to_a_missing_bucket_names_it(world: World) -> None:
    with pytest.raises(StorageUnavailable, match="no bucket gs://no-such-bucket"):
        world.store.write_once("no-such-bucket", "photo", b"", "image/jpeg")


# Copying


def test_a_copy_is_made_once_and_of_exactly_its_generation(world: World, put: Put, bucket: str) -> None:
    first = put("photo")
    made = world.store.copy_once(first, bucket, "copy")
    assert made
    second = put("photo", b"second")
    with pytest.raises(NameTaken):
        world.store.copy_once(second, bucket, "copy")
    assert world.store.find(bucket, "copy").ref == made
    assert world.store.read(made, 100) == b"first"


def test_an_overwritten_generation_is_not_copied(world: World, put: Put, bucket: str) -> None:
    first = put("photo")
    put("photo", b"second")
    with pytest.raises(AlreadyDone):
        world.store.copy_once(first, bucket, "copy")
    assert names(world, bucket) == ["photo"]


def test_a_copy_has_the_bytes_content_type_and_model_of_its_source(world: World, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"photo")
    source = world.store.upload(world.archive, "photo", tmp_path / "photo.png", model="flowers")
    assert source
    copy = world.store.copy_once(source, world.quarantine, "copy")
    assert copy
    actual, original = (world.store.find(ref.bucket, ref.name) for ref in (copy, source))
    assert world.store.read(copy, 100) == b"photo"
    assert replace(actual, ref=source) == original


def test_a_copy_to_a_missing_bucket_names_it(world: World, put: Put) -> None:
    with pytest.raises(StorageUnavailable, match="no bucket gs://no-such-bucket"):
        world.store.copy_once(put("photo"), "no-such-bucket", "copy")


# Deleting


def test_a_delete_of_an_old_generation_leaves_the_newer_one(world: World, put: Put, bucket: str) -> None:
    old = put("photo")
    new = put("photo", b"second")
    world.store.delete(old)
    assert world.store.find(bucket, "photo").ref == new


def test_a_delete_of_a_deleted_object_is_not_an_error(world: World, put: Put, bucket: str) -> None:
    ref = put("photo")
    for _ in range(2):
        world.store.delete(ref)
    assert names(world, bucket) == []


# Listing


def test_a_listing_gives_name_generation_size_and_content_type(world: World, put: Put, bucket: str) -> None:
    refs = [put("b/photo", b"12"), put("a", b"1", "image/png")]
    listed = {upload.ref: (upload.size_bytes, upload.content_type) for upload in world.store.uploads(bucket)}
    assert listed == {refs[0]: (2, "text/plain"), refs[1]: (1, "image/png")}


def test_a_listing_is_in_the_order_of_the_names(world: World, put: Put, bucket: str) -> None:
    written = ["a b", "a/b", "a0", "b", "ä", "\U0001f33b"]
    for name in reversed(written):
        put(name)
    assert names(world, bucket) == written


def test_a_listing_can_be_of_a_prefix(world: World, put: Put, bucket: str) -> None:
    for name in ("a/1", "a/2", "b/1", "c"):
        put(name)
    assert names(world, bucket, "a/") == ["a/1", "a/2"]


def test_a_listing_of_a_missing_bucket_is_not_found(world: World) -> None:
    with pytest.raises(AlreadyDone):
        list(world.store.uploads("no-such-bucket"))


def test_a_listing_can_be_deleted_while_it_is_read(world: World, put: Put, bucket: str) -> None:
    for name in "abc":
        put(name)
    for upload in world.store.uploads(bucket):
        world.store.delete(upload.ref)
    assert names(world, bucket) == []


@pytest.mark.parametrize("name", ["größe 100 %", "a?b#c+d&e=f", "日本/猫 \U0001f408.jpg", " leading", "a\tb", "'\"\\"])
def test_a_name_is_returned_unchanged(world: World, put: Put, bucket: str, name: str) -> None:
    ref = put(name, name.encode())
    assert world.store.read(ref, 100) == name.encode()
    assert [upload.ref for upload in world.store.uploads(bucket)] == [ref]
    world.store.copy_once(ref, bucket, "copy of " + name)
    world.store.delete(ref)
    assert names(world, bucket) == ["copy of " + name]


# Versions: the bucket of uploads keeps them


def test_a_bucket_with_versions_lists_and_reads_overwritten_objects(world: World, put: Put) -> None:
    for content in (b"first", b"second"):
        put("photo", content, into=world.uploads)
    old, new = (upload.ref for upload in world.store.uploads(world.uploads))
    assert (world.store.read(old, 100), world.store.read(new, 100)) == (b"first", b"second")
    assert world.store.find(world.uploads, "photo").ref == new


def test_a_bucket_with_versions_copies_overwritten_objects(world: World, put: Put, bucket: str) -> None:
    for content in (b"first", b"second"):
        put("photo", content, into=world.uploads)
    old, _ = (upload.ref for upload in world.store.uploads(world.uploads))
    copy = world.store.copy_once(old, bucket, "copy")
    assert copy
    assert world.store.read(copy, 100) == b"first"


def test_a_bucket_with_versions_deletes_only_the_named_generation(world: World, put: Put) -> None:
    for content in (b"first", b"second"):
        put("photo", content, into=world.uploads)
    old, new = world.store.uploads(world.uploads)
    world.store.delete(old.ref)
    assert list(world.store.uploads(world.uploads)) == [new]


def test_a_delete_of_the_live_generation_makes_no_older_one_live(world: World, put: Put) -> None:
    for content in (b"first", b"second"):
        put("photo", content, into=world.uploads)
    old, new = world.store.uploads(world.uploads)
    world.store.delete(new.ref)
    with pytest.raises(AlreadyDone):
        world.store.find(world.uploads, "photo")
    assert world.store.read(old.ref, 100) == b"first"


def test_an_existing_bucket_is_not_created_again(world: World, put: Put, bucket: str) -> None:
    ref = put("photo")
    world.store.create_bucket(bucket)
    assert world.store.find(bucket, "photo").ref == ref
