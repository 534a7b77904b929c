"""Names: those that Cloud Storage takes are stored as they are, and none of them reaches the file system."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests
from google.api_core import exceptions
from google.cloud.storage import Bucket

from tests.emulators.storage_parts import Storage

pytest_plugins = ("tests.emulators.storage_fixtures",)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        pytest.param("a\0b", "zero byte", id="a zero byte"),
        pytest.param("..", "reserved", id="two dots"),
        pytest.param("a\nb", "line break", id="a line break"),
        pytest.param("a/" * 512 + "a", "1024 bytes", id="too long"),
        pytest.param("ä" * 513, "1024 bytes", id="too long in UTF-8"),
    ],
)
def test_object_name_that_cloud_storage_refuses_is_refused(
    object_storage: Storage, bucket: Bucket, name: str, fault: str
) -> None:
    before = files_in(object_storage.folder)
    with pytest.raises(exceptions.BadRequest, match=fault):
        bucket.blob(name).upload_from_string(b"photo", retry=None)
    assert files_in(object_storage.folder) == before


@pytest.mark.parametrize(
    "name", ["../../escaped", "/escaped", "a/./escaped", "a//escaped", "escaped/", "e" * 1019, "C:\\escaped"]
)
def test_object_name_with_a_meaning_in_file_systems_is_stored(
    object_storage: Storage, bucket: Bucket, name: str
) -> None:
    bucket.blob(name).upload_from_string(b"photo", retry=None)
    bucket.copy_blob(bucket.blob(name), bucket, f"{name}/copy", retry=None)
    assert bucket.blob(name).download_as_bytes(retry=None) == b"photo"
    assert [blob.name for blob in bucket.list_blobs()] == [name, f"{name}/copy"]
    actual = [path.name for path in files_in(object_storage.folder.parent)]
    assert not [file for file in actual if "escaped" in file or "e" * 40 in file]
    bucket.blob(name).delete(retry=None)
    assert bucket.get_blob(name, retry=None) is None


def test_folder_marker_is_an_object_of_its_own(bucket: Bucket) -> None:
    bucket.blob("roses/").upload_from_string(b"", retry=None)
    bucket.blob("roses/1.jpg").upload_from_string(b"photo", retry=None)
    listing = bucket.list_blobs(delimiter="/", retry=None)
    assert ([blob.name for blob in listing], listing.prefixes) == ([], {"roses/"})
    assert [(blob.name, blob.size) for blob in bucket.list_blobs(prefix="roses/")] == [
        ("roses/", 0),
        ("roses/1.jpg", 5),
    ]


def test_metadata_belongs_to_the_exact_object_name(object_storage: Storage, bucket: Bucket) -> None:
    metadata = json.dumps({"name": "ok", "NAME": "../../escaped", "Name": "../escaped", "bucket": "another"})
    body = f"--x\r\nContent-Type: application/json\r\n\r\n{metadata}\r\n--x\r\n\r\nphoto\r\n--x--\r\n".encode()
    url = f"{object_storage.url}/upload/storage/v1/b/{bucket.name}/o?uploadType=multipart"
    answer = requests.post(url, body, headers={"Content-Type": "multipart/related; boundary=x"}, timeout=10)
    assert (answer.status_code, answer.json()["name"], answer.json()["bucket"]) == (200, "ok", bucket.name)
    assert bucket.blob("ok").download_as_bytes(retry=None) == b"photo"
    assert not [path for path in files_in(object_storage.folder.parent) if "escaped" in path.name]


@pytest.mark.parametrize(
    "path",
    [
        "/storage/v1/b/..%2F..%2Fescaped/o",
        "/storage/v1/b/..%2Fescaped/o/photo",
        "/storage/v1/b/BIG/o/photo",
        "/..%2F..%2Fescaped/photo",
    ],
)
def test_bucket_name_that_is_invalid_is_refused(object_storage: Storage, path: str) -> None:
    assert requests.get(object_storage.url + path, timeout=10).status_code == 400


def test_bucket_with_an_invalid_name_is_not_created(object_storage: Storage) -> None:
    answer = requests.post(f"{object_storage.url}/storage/v1/b", json={"name": "../escaped"}, timeout=10)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (400, "invalid")


def files_in(folder: Path) -> list[Path]:
    """List all files except logs and SQLite's write-ahead log."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".log", ".sqlite-wal"))
