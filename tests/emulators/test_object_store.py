"""Cloud Storage's guarantees on generations hold in the object store, by the real client."""

from __future__ import annotations

import os
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from google.api_core import exceptions
from google.cloud.storage import Blob, Bucket, Client

from tests.emulators.contract.object_store_parts import at_once
from tests.emulators.storage_parts import ROOT, Storage, client_of, eventually, running_storage

ROUNDS = 15


pytest_plugins = ("tests.emulators.storage_fixtures",)


def stored(bucket: Bucket, name: str, content: bytes = b"first") -> Blob:
    """Upload an object and return it with its generation."""
    blob = bucket.blob(name)
    blob.upload_from_string(content, retry=None)
    return blob


def test_object_is_read_as_uploaded(bucket: Bucket) -> None:
    content = os.urandom(300_000)
    stored(bucket, "größe 100 %/a?b#c.jpg", content)
    assert bucket.blob("größe 100 %/a?b#c.jpg").download_as_bytes(retry=None) == content
    assert [blob.name for blob in bucket.list_blobs(versions=True)] == ["größe 100 %/a?b#c.jpg"]


def test_parallel_creates_have_exactly_one_winner(bucket: Bucket) -> None:
    for round_ in range(ROUNDS):
        contents = [os.urandom(100) for _ in range(8)]
        create = partial(bucket.blob(f"o{round_}").upload_from_string, if_generation_match=0, retry=None)
        results = at_once(*(partial(create, content) for content in contents))
        winners = [content for content, result in zip(contents, results, strict=True) if result is None]
        losers = [result for result in results if isinstance(result, exceptions.PreconditionFailed)]
        assert (len(winners), len(losers)) == (1, 7)
        assert bucket.blob(f"o{round_}").download_as_bytes(retry=None) == winners[0]


def test_media_upload_obeys_preconditions(object_storage: Storage, bucket: Bucket) -> None:
    stored(bucket, "photo")
    url = f"{object_storage.url}/upload/storage/v1/b/{bucket.name}/o?uploadType=media&name=photo&ifGenerationMatch=0"
    answer = requests.post(url, data=b"second", timeout=10)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (412, "conditionNotMet")
    assert bucket.blob("photo").download_as_bytes(retry=None) == b"first"


def test_delete_of_an_old_generation_leaves_the_newer_object(bucket: Bucket) -> None:
    old = stored(bucket, "photo")
    stored(bucket, "photo", b"second")
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("photo").delete(if_generation_match=old.generation, retry=None)
    with pytest.raises(exceptions.NotFound):
        bucket.blob("photo", generation=old.generation).delete(retry=None)
    assert bucket.blob("photo").download_as_bytes(retry=None) == b"second"


def test_delete_during_an_upload_never_removes_the_newer_object(bucket: Bucket) -> None:
    for _ in range(ROUNDS):
        old = stored(bucket, "photo")
        at_once(
            partial(bucket.blob("photo").delete, if_generation_match=old.generation, retry=None),
            partial(stored, bucket, "photo", b"second"),
        )
        assert bucket.blob("photo").download_as_bytes(retry=None) == b"second"


def test_delete_of_the_live_generation_is_a_204_without_a_body(object_storage: Storage, bucket: Bucket) -> None:
    blob = stored(bucket, "photo")
    url = f"{object_storage.url}/storage/v1/b/{bucket.name}/o/photo?ifGenerationMatch={blob.generation}"
    answer = requests.delete(url, timeout=10)
    assert (answer.status_code, answer.content) == (204, b"")
    assert requests.delete(url, timeout=10).status_code == 404
    assert bucket.get_blob("photo") is None


def test_read_of_an_overwritten_generation_is_not_found(bucket: Bucket) -> None:
    old = stored(bucket, "photo")
    stored(bucket, "photo", b"second")
    with pytest.raises(exceptions.NotFound):
        bucket.blob("photo", generation=old.generation).download_as_bytes(retry=None)
    with pytest.raises(exceptions.NotFound):
        bucket.blob("photo", generation=old.generation).reload(retry=None)
    with pytest.raises(exceptions.NotFound):
        bucket.copy_blob(old, bucket, "copy", source_generation=old.generation, retry=None)


@pytest.mark.parametrize("size", [1_000, 600_000])
def test_read_of_a_generation_during_an_upload_never_mixes_generations(bucket: Bucket, size: int) -> None:
    for _ in range(ROUNDS):
        old = stored(bucket, "photo", b"a" * size)
        pinned = bucket.blob("photo", generation=old.generation)
        read = partial(pinned.download_as_bytes, retry=None)
        results = at_once(partial(stored, bucket, "photo", b"b" * 2 * size), read, read, read)
        assert all(result == b"a" * size or isinstance(result, exceptions.NotFound) for result in results[1:])


def test_download_after_reading_metadata_is_of_that_generation(bucket: Bucket) -> None:
    stored(bucket, "photo")
    known = bucket.get_blob("photo")
    stored(bucket, "photo", b"second")
    with pytest.raises(exceptions.NotFound):
        known.download_as_bytes(retry=None)


def test_read_obeys_preconditions(bucket: Bucket) -> None:
    blob = stored(bucket, "photo")
    fresh = bucket.blob("photo")
    for read in (fresh.download_as_bytes, fresh.reload):
        with pytest.raises(exceptions.PreconditionFailed):
            read(if_generation_match=blob.generation - 1, retry=None)
        with pytest.raises(exceptions.PreconditionFailed):
            read(if_metageneration_match=7, retry=None)
        with pytest.raises(exceptions.NotModified):
            read(if_generation_not_match=blob.generation, retry=None)
    assert fresh.download_as_bytes(if_generation_match=blob.generation, retry=None) == b"first"


@pytest.mark.parametrize("way", ["copyTo", "rewriteTo"])
def test_copy_obeys_the_preconditions_of_source_and_target(object_storage: Storage, bucket: Bucket, way: str) -> None:
    blob = stored(bucket, "photo")
    url = f"{object_storage.url}/storage/v1/b/{bucket.name}/o/photo/{way}/b/{bucket.name}/o/archive%2Fcopy"
    demands = {"sourceGeneration": blob.generation, "ifSourceGenerationMatch": blob.generation, "ifGenerationMatch": 0}
    statuses = [
        requests.post(url, params={**demands, **wrong}, timeout=10).status_code
        for wrong in ({"sourceGeneration": 1}, {"ifSourceGenerationMatch": 1}, {"ifGenerationMatch": 1}, {}, {})
    ]
    assert statuses == [404, 412, 412, 200, 412]
    assert bucket.blob("archive/copy").download_as_bytes(retry=None) == b"first"


def test_copy_during_an_upload_is_of_the_requested_generation(bucket: Bucket) -> None:
    for round_ in range(ROUNDS):
        old = stored(bucket, "photo")
        demands = {"source_generation": old.generation, "if_generation_match": 0}
        copy = partial(bucket.copy_blob, old, bucket, f"copy{round_}", retry=None, **demands)
        _, copied = at_once(partial(stored, bucket, "photo", b"second"), copy)
        if not isinstance(copied, exceptions.NotFound):
            assert copied.download_as_bytes(retry=None) == b"first"


def test_parallel_copies_create_the_target_once(bucket: Bucket) -> None:
    sources = [stored(bucket, f"source{number}", str(number).encode()) for number in range(6)]
    copy = partial(bucket.copy_blob, destination_bucket=bucket, new_name="copy", if_generation_match=0, retry=None)
    results = at_once(*(partial(copy, source) for source in sources))
    assert [isinstance(result, Blob) for result in results].count(True) == 1


def test_metadata_change_keeps_the_generation(bucket: Bucket) -> None:
    blob = stored(bucket, "photo")
    blob.metadata, blob.cache_control = {"seen": "yes", "by": "ann"}, "no-cache"
    blob.patch(retry=None)
    blob.metadata = {"seen": "twice", "by": None}
    blob.cache_control = None
    blob.patch(if_metageneration_match=2, retry=None)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.patch(if_metageneration_match=2, retry=None)
    now = bucket.get_blob("photo")
    assert (now.generation, now.metageneration, now.metadata) == (blob.generation, 3, {"seen": "twice"})
    assert (now.cache_control, now.content_type, now.download_as_bytes(retry=None)) == (None, "text/plain", b"first")
    assert now.updated > now.time_created


def test_batch_is_answered_part_by_part(storage_client: Client, bucket: Bucket) -> None:
    for name in ("one", "two"):
        stored(bucket, name)
    with storage_client.batch(raise_exception=False) as batch:
        for name in ("one", "missing", "two"):
            bucket.blob(name).delete()
    assert [answer.status_code for answer in batch._responses] == [204, 404, 204]
    assert list(bucket.list_blobs()) == []


def test_slow_upload_does_not_block_the_object(object_storage: Storage, bucket: Bucket) -> None:
    host, port = urlsplit(object_storage.url).netloc.split(":")
    path = f"/upload/storage/v1/b/{bucket.name}/o?uploadType=media&name=photo"
    with socket.create_connection((host, int(port))) as slow:
        slow.sendall(f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9\r\n\r\nhalf".encode())
        stored(bucket, "photo", b"quick")
        assert bucket.blob("photo").download_as_bytes(retry=None) == b"quick"
        slow.sendall(b"-done")
        assert slow.recv(12) == b"HTTP/1.1 200"
    assert bucket.blob("photo").download_as_bytes(retry=None) == b"half-done"


def test_bucket_with_objects_cannot_be_deleted(bucket: Bucket) -> None:
    stored(bucket, "photo")
    with pytest.raises(exceptions.Conflict):
        bucket.delete(retry=None)
    bucket.blob("photo").delete(retry=None)
    bucket.delete(retry=None)
    assert not bucket.exists(retry=None)


def test_missing_object_is_named_in_the_error(storage_client: Client, bucket: Bucket) -> None:
    with pytest.raises(exceptions.NotFound, match=f"No such object: {bucket.name}/nothing"):
        bucket.blob("nothing").reload(retry=None)
    with pytest.raises(exceptions.NotFound, match="The bucket no-such-bucket does not exist"):
        storage_client.bucket("no-such-bucket").blob("photo").upload_from_string(b"", retry=None)


def test_killed_store_has_acknowledged_objects_and_no_other_file(
    tmp_path: Path,
) -> None:
    with running_storage(tmp_path) as own, client_of(own.url) as client:
        bucket = client.create_bucket("photos")
        answered: dict[str, bytes] = {}
        for _ in range(3):
            with ThreadPoolExecutor(4) as threads:
                writers = [threads.submit(_write_until_it_fails, bucket, f"{n}", answered) for n in range(4)]
                done = len(answered)
                eventually(lambda done=done: len(answered) >= done + 30)  # type: ignore[misc]
                own.store.end(kill=True)
                for writer in writers:
                    writer.result()
            own.store.start()
        actual = {blob.name: blob.download_as_bytes(retry=None) for blob in bucket.list_blobs(retry=None)}
        assert answered.items() <= actual.items()
        assert len(list(tmp_path.rglob("files/*/*"))) == len(actual)


def _write_until_it_fails(bucket: Bucket, writer: str, answered: dict[str, bytes]) -> None:
    for number in range(10_000):
        name, content = f"{writer}/{len(answered)}/{number}", os.urandom(100)
        try:
            bucket.blob(name).upload_from_string(content, retry=None)
        except (exceptions.GoogleAPICallError, requests.exceptions.ConnectionError):
            return
        answered[name] = content


def test_missing_index_is_reported_and_the_files_stay(tmp_path: Path) -> None:
    with running_storage(tmp_path) as own, client_of(own.url) as client:
        client.create_bucket("photos").blob("photo").upload_from_string(b"photo", retry=None)
    for file in (tmp_path / "objects").glob("index.sqlite*"):
        file.unlink()
    ended = subprocess.run(own.store.command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert "restore it" in ended.stderr
    assert [path.read_bytes() for path in tmp_path.rglob("files/*/*")] == [b"photo"]


def test_copies_share_a_file_until_the_last_is_deleted(object_storage: Storage, bucket: Bucket) -> None:
    before = set(object_storage.folder.rglob("files/*/*"))
    first = stored(bucket, "photo")
    copy = bucket.copy_blob(first, bucket, "copy", retry=None)
    assert len(set(object_storage.folder.rglob("files/*/*")) - before) == 1
    first.delete(retry=None)
    assert copy.download_as_bytes(retry=None) == b"first"
    copy.delete(retry=None)
    assert set(object_storage.folder.rglob("files/*/*")) == before
