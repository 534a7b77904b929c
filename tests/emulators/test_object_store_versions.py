"""Old versions in a bucket that keeps them: readable, listed, copied, deleted for good, and there after any kill."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sized
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest
import requests
from google.api_core import exceptions
from google.cloud.storage import Blob, Bucket, Client

from shared.adapters.gcs import CloudStorage
from shared.errors import AlreadyDone
from shared.types import ObjectRef
from tests.emulators.storage_parts import (
    EVENT_BUCKET,
    Storage,
    client_of,
    eventually,
    open_target,
    relay_process,
    running,
    running_storage,
    url_of,
)

pytest_plugins = ("tests.emulators.storage_fixtures",)


@pytest.fixture
def bucket(bucket: Bucket) -> Bucket:
    """An empty bucket that keeps versions."""
    bucket.versioning_enabled = True
    bucket.patch(retry=None)
    return bucket


@pytest.fixture
def own_storage(tmp_path: Path) -> Iterator[Storage]:
    """A store of the test's own, to be killed, with a bucket ``photos`` that keeps versions."""
    with running_storage(tmp_path) as storage:
        CloudStorage("local", 20, endpoint=storage.url).create_bucket("photos", keeps_versions=True)
        yield storage


def put(bucket: Bucket, name: str, content: bytes) -> int:
    """Write an object; returns its generation."""
    blob = bucket.blob(name)
    blob.upload_from_string(content, retry=None)
    return int(blob.generation)


def content_of(bucket: Bucket, name: str, generation: int | None = None) -> bytes:
    return bytes(bucket.blob(name, generation=generation).download_as_bytes(retry=None))


def listed(bucket: Bucket, **options: object) -> list[tuple[str, int]]:
    """Every version that is listed, by name and generation."""
    return [(blob.name, int(blob.generation)) for blob in bucket.list_blobs(versions=True, retry=None, **options)]


def by_media(storage: Storage, bucket: Bucket) -> None:
    url = f"{storage.url}/upload/storage/v1/b/{bucket.name}/o?uploadType=media&name=photo"
    requests.post(url, b"second", timeout=10).raise_for_status()


def by_multipart(storage: Storage, bucket: Bucket) -> None:
    bucket.blob("photo").upload_from_string(b"second", retry=None)


def by_resumable(storage: Storage, bucket: Bucket) -> None:
    bucket.blob("photo", chunk_size=256 * 1024).upload_from_file(BytesIO(b"second"), retry=None)


def by_signed_url(storage: Storage, bucket: Bucket) -> None:
    url = f"{storage.url}/{bucket.name}/photo?X-Goog-Algorithm=none"
    requests.put(url, b"second", timeout=10).raise_for_status()


def by_copy(storage: Storage, bucket: Bucket) -> None:
    put(bucket, "source", b"second")
    bucket.copy_blob(bucket.blob("source"), bucket, "photo", retry=None)
    bucket.blob("source", generation=bucket.get_blob("source").generation).delete(retry=None)


def by_rewrite(storage: Storage, bucket: Bucket) -> None:
    put(bucket, "source", b"second")
    bucket.blob("photo").rewrite(bucket.blob("source"), retry=None)
    bucket.blob("source", generation=bucket.get_blob("source").generation).delete(retry=None)


def by_compose(storage: Storage, bucket: Bucket) -> None:
    part = bucket.client.bucket(bucket.name).blob("part")
    part.upload_from_string(b"second", retry=None)
    bucket.blob("photo").compose([part], retry=None)
    part.delete(retry=None)


@pytest.mark.parametrize(
    "overwrite", [by_media, by_multipart, by_resumable, by_signed_url, by_copy, by_rewrite, by_compose]
)
def test_version_stays_after_every_kind_of_overwrite(
    object_storage: Storage, bucket: Bucket, overwrite: Callable[[Storage, Bucket], None]
) -> None:
    old = put(bucket, "photo", b"first")
    overwrite(object_storage, bucket)
    new = int(bucket.get_blob("photo", retry=None).generation)
    assert listed(bucket) == [("photo", old), ("photo", new)]
    assert [int(blob.generation) for blob in bucket.list_blobs(retry=None)] == [new]
    assert (content_of(bucket, "photo", old), content_of(bucket, "photo")) == (b"first", b"second")


def test_adapter_reads_lists_and_deletes_an_old_version(object_storage: Storage, bucket: Bucket) -> None:
    store = CloudStorage("local", 20, endpoint=object_storage.url)
    old, new = (ObjectRef(bucket.name, "photo", put(bucket, "photo", content)) for content in (b"first", b"second"))
    assert [upload.ref for upload in store.uploads(bucket.name)] == [old, new]
    assert store.read(old, 100) == b"first"
    store.delete(old)
    assert [upload.ref for upload in store.uploads(bucket.name)] == [new]
    with pytest.raises(AlreadyDone):
        store.read(old, 100)
    store.delete(old)
    assert store.read(new, 100) == b"second"


def test_version_is_unchanged_and_has_the_time_of_its_replacement(bucket: Bucket) -> None:
    blob = bucket.blob("a b/größe?.jpg")
    blob.metadata, blob.cache_control = {"camera": "old"}, "no-cache"
    blob.upload_from_string(b"0123456789", "image/jpeg", retry=None)
    live = bucket.get_blob(blob.name, retry=None)
    put(bucket, blob.name, b"second")
    old = bucket.get_blob(blob.name, generation=live.generation, retry=None)
    for fact in ("name", "generation", "size", "md5_hash", "crc32c", "content_type", "metadata", "cache_control", "id"):
        assert getattr(old, fact) == getattr(live, fact)
    assert abs(old.time_created - live.time_created) < timedelta(milliseconds=50)
    [first, second] = bucket.list_blobs(versions=True, retry=None)
    assert first.time_deleted > first.time_created
    assert second.time_deleted is None
    assert bucket.blob(blob.name, generation=old.generation).download_as_bytes(start=2, end=4, retry=None) == b"234"


def test_bucket_without_versioning_has_no_versions(storage_client: Client, bucket: Bucket) -> None:
    other = storage_client.create_bucket(f"{bucket.name}-other", retry=None)
    old = put(other, "photo", b"first")
    new = put(other, "photo", b"second")
    assert listed(other) == [("photo", new)]
    with pytest.raises(exceptions.NotFound):
        content_of(other, "photo", old)
    assert not storage_client.get_bucket(other.name, retry=None).versioning_enabled


def test_delete_without_a_generation_keeps_the_version(bucket: Bucket) -> None:
    old = put(bucket, "photo", b"first")
    bucket.blob("photo").delete(retry=None)
    assert bucket.get_blob("photo", retry=None) is None
    assert listed(bucket) == [("photo", old)]
    assert content_of(bucket, "photo", old) == b"first"
    bucket.blob("photo").upload_from_string(b"second", if_generation_match=0, retry=None)
    assert len(listed(bucket)) == 2


def test_delete_of_the_live_generation_is_permanent(bucket: Bucket) -> None:
    bucket.blob("photo", generation=put(bucket, "photo", b"first")).delete(retry=None)
    assert listed(bucket) == []


def test_version_can_be_copied_over_the_live_object(bucket: Bucket) -> None:
    old, new = put(bucket, "photo", b"first"), put(bucket, "photo", b"second")
    restored = bucket.copy_blob(bucket.blob("photo"), bucket, "photo", source_generation=old, retry=None)
    assert content_of(bucket, "photo") == b"first"
    assert listed(bucket) == [("photo", old), ("photo", new), ("photo", int(restored.generation))]


def test_copy_of_an_old_version_obeys_preconditions(bucket: Bucket) -> None:
    old, new = put(bucket, "photo", b"first"), put(bucket, "photo", b"second")
    copy = partial(bucket.copy_blob, bucket.blob("photo"), bucket, "copy", source_generation=old, retry=None)
    with pytest.raises(exceptions.PreconditionFailed):
        copy(if_source_generation_match=old)
    copy(if_source_generation_match=new, if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        copy(if_generation_match=0)
    assert content_of(bucket, "copy") == b"first"


def test_version_that_never_existed_is_not_found(bucket: Bucket) -> None:
    put(bucket, "photo", b"first")
    put(bucket, "photo", b"second")
    for call in (Blob.download_as_bytes, Blob.reload, Blob.delete):
        with pytest.raises(exceptions.NotFound):
            call(bucket.blob("photo", generation=1), retry=None)
    with pytest.raises(exceptions.NotFound):
        bucket.copy_blob(bucket.blob("photo"), bucket, "copy", source_generation=1, retry=None)


def test_listing_with_versions_has_pages_by_name_and_generation(bucket: Bucket) -> None:
    written = [(name, put(bucket, name, b"x")) for _ in range(3) for name in ("a/1", "a/2", "b", "ä")]
    assert listed(bucket) == sorted(written)
    assert listed(bucket, page_size=2) == sorted(written)
    assert listed(bucket, prefix="a/") == sorted(written)[:6]
    assert listed(bucket, start_offset="a/2", end_offset="b") == sorted(written)[3:6]
    top = bucket.list_blobs(versions=True, delimiter="/", page_size=3, retry=None)
    assert ([(blob.name, int(blob.generation)) for blob in top], top.prefixes) == (sorted(written)[6:], {"a/"})


def test_listing_continues_when_a_version_is_replaced_between_pages(bucket: Bucket) -> None:
    written = [(name, put(bucket, name, b"x")) for name in ("a", "b", "c", "d")]
    pages = bucket.list_blobs(versions=True, page_size=2, retry=None).pages
    seen = [(blob.name, int(blob.generation)) for blob in next(pages)]
    newer = ("d", put(bucket, "d", b"y"))
    seen += [(blob.name, int(blob.generation)) for page in pages for blob in page]
    assert seen == [*written, newer]


def test_bucket_without_versioning_any_longer_keeps_old_versions(storage_client: Client, bucket: Bucket) -> None:
    old, last = put(bucket, "photo", b"first"), put(bucket, "photo", b"second")
    bucket.versioning_enabled = False
    bucket.patch(retry=None)
    new = put(bucket, "photo", b"third")
    assert not storage_client.get_bucket(bucket.name, retry=None).versioning_enabled
    assert listed(bucket) == [("photo", old), ("photo", new)]
    with pytest.raises(exceptions.NotFound):
        content_of(bucket, "photo", last)


def test_bucket_with_old_versions_is_not_empty(storage_client: Client, bucket: Bucket) -> None:
    old = put(bucket, "photo", b"first")
    bucket.blob("photo").delete(retry=None)
    with pytest.raises(exceptions.Conflict):
        bucket.delete(retry=None)
    bucket.blob("photo", generation=old).delete(retry=None)
    bucket.delete(retry=None)
    assert not storage_client.create_bucket(bucket.name, retry=None).versioning_enabled


def test_parallel_writers_leave_every_version(bucket: Bucket) -> None:
    contents = [os.urandom(50) for _ in range(24)]
    with ThreadPoolExecutor(8) as threads:
        written = dict(zip(threads.map(partial(put, bucket, "photo"), contents), contents, strict=True))
    assert listed(bucket) == [("photo", generation) for generation in sorted(written)]
    assert {generation: content_of(bucket, "photo", generation) for generation in written} == written


def test_read_of_a_generation_finds_it_during_an_overwrite(bucket: Bucket) -> None:
    for size in (100, 600_000):
        old = put(bucket, "photo", b"a" * size)
        with ThreadPoolExecutor(8) as threads:
            reads = [threads.submit(content_of, bucket, "photo", old) for _ in range(12)]
            threads.submit(put, bucket, "photo", b"b" * size)
            reads += [threads.submit(content_of, bucket, "photo", old) for _ in range(12)]
        assert {read.result() for read in reads} == {b"a" * size}


def test_versions_and_versioning_survive_a_kill_of_the_store(own_storage: Storage) -> None:
    with client_of(own_storage.url) as client:
        photos = client.bucket("photos")
        written = [put(photos, "photo", b"0"), put(photos, "photo", b"1")]
        own_storage.store.end(kill=True)
        own_storage.store.start()
        written.append(put(photos, "photo", b"2"))
        assert listed(photos) == [("photo", generation) for generation in written]
        assert [content_of(photos, "photo", generation) for generation in written] == [b"0", b"1", b"2"]


def _has_grown(stored: Sized, length: int) -> bool:
    return len(stored) >= length


def test_versions_survive_kills_during_overwrites(own_storage: Storage) -> None:
    with client_of(own_storage.url) as client, ThreadPoolExecutor(4) as threads:
        photos = client.bucket("photos")
        stored: dict[tuple[str, int], bytes] = {}
        for _ in range(4):
            done = len(stored)
            writers = [threads.submit(_overwrite_until_it_fails, photos, f"photo{n}", stored) for n in range(4)]
            eventually(partial(_has_grown, stored, done + 20))
            own_storage.store.end(kill=True)
            for writer in writers:
                writer.result()
            own_storage.store.start()
        actual = listed(photos)
        assert set(stored) <= set(actual)
        assert Counter(actual).most_common(1)[0][1] == 1
        assert {key: content_of(photos, *key) for key in stored} == stored
        assert len(list(photos.list_blobs(retry=None))) <= 4


def _overwrite_until_it_fails(bucket: Bucket, name: str, stored: dict[tuple[str, int], bytes]) -> None:
    for number in range(10_000):
        content = f"{name} {number} {os.urandom(8).hex()}".encode()
        try:
            stored[name, put(bucket, name, content)] = content
        except (exceptions.GoogleAPICallError, requests.exceptions.ConnectionError):
            return


def test_version_that_is_kept_is_not_announced(tmp_path: Path) -> None:
    with open_target() as target:
        relay = relay_process(tmp_path, target.url)
        with running(relay), running_storage(tmp_path, url_of(relay)) as storage, client_of(storage.url) as client:
            CloudStorage("local", 20, endpoint=storage.url).create_bucket(EVENT_BUCKET, keeps_versions=True)
            uploads = client.bucket(EVENT_BUCKET)
            written = {put(uploads, "photo", content) for content in (b"first", b"second", b"third")}
            eventually(lambda: len(target.received) >= 3)
            uploads.blob("photo").delete(retry=None)
            last = put(uploads, "last", b"x")
            eventually(lambda: any(f'"{last}"'.encode() in request.body for request in target.received))
    announced = [request.body for request in target.received]
    assert len(announced) == 4
    assert all(any(str(generation).encode() in body for body in announced) for generation in written)
