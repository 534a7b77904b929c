"""Names that a file cannot have are refused at once, and never reach the store."""

from __future__ import annotations

import pytest
import requests
from google.api_core import exceptions
from google.cloud.storage import Bucket

from shared.local.storage_proxy.names import LONGEST_SEGMENT_BYTES
from tests.local.storage_parts import Storage

pytest_plugins = ("tests.local.storage_fixtures",)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        pytest.param("../../escaped", "another folder", id="leads out of the folder"),
        pytest.param("a/./b", "another folder", id="a dot between slashes"),
        pytest.param("a//b", "empty segment", id="two slashes"),
        pytest.param("/a", "empty segment", id="a slash at the start"),
        pytest.param("folder/", "empty segment", id="a folder's marker"),
        pytest.param("a\0b", "zero byte", id="a zero byte"),
        pytest.param("a" * (LONGEST_SEGMENT_BYTES + 1), "between two slashes", id="too long for a file"),
        pytest.param("ä" * (LONGEST_SEGMENT_BYTES // 2 + 1), "between two slashes", id="too long in UTF-8"),
        pytest.param("..", "reserved", id="Cloud Storage refuses it too"),
        pytest.param("a\nb", "line break", id="a line break"),
        pytest.param("a/" * 512 + "a", "1024 bytes", id="too long for Cloud Storage"),
    ],
)
def test_a_name_that_cannot_be_stored_is_refused(
    object_storage: Storage, bucket: Bucket, name: str, fault: str
) -> None:
    before = sorted(object_storage.folder.rglob("*"))
    with pytest.raises(exceptions.BadRequest, match=fault):
        bucket.blob(name).upload_from_string(b"photo", retry=None)
    assert sorted(path for path in object_storage.folder.rglob("*") if path.suffix != ".log") == [
        path for path in before if path.suffix != ".log"
    ]


@pytest.mark.parametrize("name", ["../../escaped", "a//b", "a" * 1000])
def test_nothing_is_found_or_deleted_under_a_name_that_cannot_be_stored(bucket: Bucket, name: str) -> None:
    bucket.blob("a/b").upload_from_string(b"another object", retry=None)
    assert bucket.get_blob(name, retry=None) is None
    with pytest.raises(exceptions.NotFound):
        bucket.blob(name).delete(retry=None)
    assert bucket.blob("a/b").exists(retry=None)


def test_the_longest_name_is_stored(bucket: Bucket) -> None:
    name = "/".join(["b" * LONGEST_SEGMENT_BYTES] * 4)
    bucket.blob(name).upload_from_string(b"photo", retry=None)
    assert [blob.name for blob in bucket.list_blobs()] == [name]


@pytest.mark.parametrize(("first", "second"), [("photo", "photo/child"), ("photo/child", "photo")])
def test_an_object_cannot_be_a_folder_as_well(bucket: Bucket, first: str, second: str) -> None:
    bucket.blob(first).upload_from_string(b"photo", retry=None)
    with pytest.raises(exceptions.BadRequest, match="already an object or a folder"):
        bucket.blob(second).upload_from_string(b"photo", retry=None)
    with pytest.raises(exceptions.BadRequest, match="already an object or a folder"):
        bucket.copy_blob(bucket.blob(first), bucket, second, retry=None)
    assert bucket.blob(first).exists(retry=None)


@pytest.mark.parametrize(
    "path",
    [
        "/storage/v1/b/..%2F..%2Fescaped/o",
        "/storage/v1/b/..%2Fescaped/o/photo",
        "/storage/v1/b/BIG/o/photo",
        "/..%2F..%2Fescaped/photo",
    ],
)
def test_a_bucket_name_that_cannot_be_is_refused(object_storage: Storage, path: str) -> None:
    assert requests.get(object_storage.url + path, timeout=10).status_code == 400


def test_a_bucket_with_a_name_that_cannot_be_is_not_made(object_storage: Storage) -> None:
    answer = requests.post(f"{object_storage.url}/storage/v1/b", json={"name": "../escaped"}, timeout=10)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (400, "invalid")
    assert not list(object_storage.folder.rglob("escaped*"))


def test_a_put_to_a_signed_url_cannot_leave_the_bucket(object_storage: Storage, bucket: Bucket) -> None:
    url = f"{object_storage.url}/{bucket.name}/..%2F..%2Fescaped?X-Goog-Algorithm=none"
    assert requests.put(url, data=b"photo", timeout=10).status_code == 400
    assert not list(object_storage.folder.rglob("escaped"))
