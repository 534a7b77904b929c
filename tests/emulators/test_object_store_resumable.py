"""Resumable uploads: their progress can be queried, and preconditions are checked at their start and end."""

from __future__ import annotations

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from urllib.parse import urlsplit

import pytest
import requests
from google.api_core import exceptions
from google.cloud.storage import Bucket

from tests.emulators.storage_parts import Storage, eventually

CHUNK = 256 * 1024


pytest_plugins = ("tests.emulators.storage_fixtures",)


def session_for(bucket: Bucket, name: str, **demands: int) -> str:
    """Start an upload; returns the URL that takes its bytes."""
    return str(bucket.blob(name).create_resumable_upload_session("image/jpeg", retry=None, **demands))


def send(url: str, content: bytes, first: int, total: int | str) -> requests.Response:
    """Send some bytes of an upload."""
    span = f"bytes {first}-{first + len(content) - 1}/{total}"
    return requests.put(url, data=content, headers={"Content-Range": span}, timeout=10, allow_redirects=False)


def upload_status(url: str, total: int | str = "*") -> requests.Response:
    """Ask how far an upload got."""
    return requests.put(url, headers={"Content-Range": f"bytes */{total}"}, timeout=10, allow_redirects=False)


def test_resumable_upload_accepts_chunks(bucket: Bucket) -> None:
    content = os.urandom(9 * 1024 * 1024)
    blob = bucket.blob("large", chunk_size=4 * CHUNK)
    blob.metadata = {"from": "a test"}
    blob.upload_from_file(BytesIO(content), size=len(content), content_type="image/jpeg", retry=None)
    stored = bucket.get_blob("large")
    assert (stored.size, stored.content_type, stored.metadata) == (len(content), "image/jpeg", {"from": "a test"})
    assert stored.download_as_bytes(retry=None) == content


def test_resumable_upload_accepts_an_unknown_length(bucket: Bucket) -> None:
    content = os.urandom(3 * CHUNK)
    bucket.blob("stream", chunk_size=CHUNK).upload_from_file(BytesIO(content), retry=None)
    assert bucket.blob("stream").download_as_bytes(retry=None) == content


def test_resumable_upload_status_query_does_not_finish_it(bucket: Bucket) -> None:
    content = os.urandom(2 * CHUNK)
    url = session_for(bucket, "photo")
    nothing = upload_status(url)
    assert (nothing.status_code, "Range" in nothing.headers) == (308, False)
    half = send(url, content[:CHUNK], 0, len(content))
    assert (half.status_code, half.headers["Range"]) == (308, f"bytes=0-{CHUNK - 1}")
    assert (upload_status(url).status_code, upload_status(url, len(content)).headers["Range"]) == (
        308,
        f"bytes=0-{CHUNK - 1}",
    )
    assert bucket.get_blob("photo") is None
    assert send(url, content[CHUNK:], CHUNK, len(content)).json()["size"] == str(len(content))
    assert bucket.blob("photo").download_as_bytes(retry=None) == content


def test_resumable_upload_repeats_its_answer_and_stores_once(bucket: Bucket) -> None:
    url = session_for(bucket, "photo")
    first = send(url, b"photo", 0, 5)
    again = upload_status(url, 5)
    assert (again.status_code, again.json()) == (200, first.json())
    assert bucket.get_blob("photo").generation == int(first.json()["generation"])


def test_resumable_upload_skips_repeated_bytes_and_refuses_a_gap(bucket: Bucket) -> None:
    url = session_for(bucket, "photo")
    send(url, b"abcd", 0, 8)
    assert send(url, b"zz", 6, 8).status_code == 400
    assert send(url, b"cdefgh", 2, 8).status_code == 200
    assert bucket.blob("photo").download_as_bytes(retry=None) == b"abcdefgh"


def test_resumable_upload_checks_preconditions_at_the_start(bucket: Bucket) -> None:
    bucket.blob("photo").upload_from_string(b"first", retry=None)
    with pytest.raises(exceptions.PreconditionFailed):
        session_for(bucket, "photo", if_generation_match=0)


def test_resumable_upload_checks_preconditions_at_the_end(bucket: Bucket) -> None:
    url = session_for(bucket, "photo", if_generation_match=0)
    send(url, b"fi", 0, 5)
    bucket.blob("photo").upload_from_string(b"quicker", retry=None)
    answer = send(url, b"rst", 2, 5)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (412, "conditionNotMet")
    assert bucket.blob("photo").download_as_bytes(retry=None) == b"quicker"
    assert upload_status(url).status_code == 404


def test_resumable_uploads_in_parallel_have_exactly_one_winner(bucket: Bucket) -> None:
    for round_ in range(5):
        urls = [session_for(bucket, f"o{round_}", if_generation_match=0) for _ in range(6)]
        contents = [f"content {number}".encode() for number in range(6)]
        with ThreadPoolExecutor(6) as threads:
            results = list(
                threads.map(lambda pair: send(pair[0], pair[1], 0, len(pair[1])), zip(urls, contents, strict=True))
            )
        statuses = [result.status_code for result in results]
        assert sorted(statuses) == [200, 412, 412, 412, 412, 412]
        assert bucket.blob(f"o{round_}").download_as_bytes(retry=None) == contents[statuses.index(200)]


def test_resumable_upload_keeps_the_bytes_of_a_broken_connection(object_storage: Storage, bucket: Bucket) -> None:
    url = session_for(bucket, "photo")
    parts = urlsplit(url)
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
    with socket.create_connection((parts.hostname, parts.port)) as broken:
        broken.sendall(f"{head}Content-Length: 8\r\nContent-Range: bytes 0-7/8\r\n\r\nabc".encode())
        eventually(lambda: upload_status(url).headers.get("Range") == "bytes=0-2")
    assert send(url, b"defgh", 3, 8).status_code == 200
    assert bucket.blob("photo").download_as_bytes(retry=None) == b"abcdefgh"


def test_resumable_upload_continues_after_a_lost_answer(object_storage: Storage, bucket: Bucket) -> None:
    content = os.urandom(3 * CHUNK)
    object_storage.set_fault(method="PUT", status=503, count=1)
    object_storage.set_fault(method="PUT", kind="reset", count=1, after=True)
    bucket.blob("photo", chunk_size=CHUNK).upload_from_file(BytesIO(content))
    assert bucket.blob("photo").download_as_bytes(retry=None) == content


def test_resumable_upload_that_is_cancelled_is_not_found(bucket: Bucket) -> None:
    url = session_for(bucket, "photo")
    send(url, b"half", 0, 8)
    assert requests.delete(url, timeout=10).status_code == 499
    assert send(url, b"rest", 4, 8).status_code == 404
    assert bucket.get_blob("photo") is None


def test_resumable_upload_without_a_range_is_complete(bucket: Bucket) -> None:
    """Node's client sends its default upload so."""
    url = session_for(bucket, "photo")
    answer = requests.put(url, data=iter([b"pho", b"to"]), headers={"Content-Range": "bytes 0-*/*"}, timeout=10)
    assert (answer.status_code, answer.json()["size"]) == (200, "5")
    assert bucket.blob("photo").download_as_bytes(retry=None) == b"photo"


def test_resumable_upload_without_a_range_continues_after_a_broken_connection(bucket: Bucket) -> None:
    url = session_for(bucket, "photo")
    parts = urlsplit(url)
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Range: bytes 0-*/*\r\n"
    with socket.create_connection((parts.hostname, parts.port)) as broken:
        broken.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n3\r\npho\r\n".encode())
        eventually(lambda: upload_status(url).headers.get("Range") == "bytes=0-2")
    assert bucket.get_blob("photo") is None
    assert upload_status(url).status_code == 308
    assert requests.put(url, b"to", headers={"Content-Range": "bytes 3-*/*"}, timeout=10).status_code == 200
    assert bucket.blob("photo").download_as_bytes(retry=None) == b"photo"


def test_upload_that_is_cut_off_creates_no_object(object_storage: Storage, bucket: Bucket) -> None:
    host = urlsplit(object_storage.url).netloc
    path = f"/upload/storage/v1/b/{bucket.name}/o?uploadType=media&name=photo"
    before = sorted(object_storage.folder.rglob("files/*/*"))
    with socket.create_connection((host.split(":")[0], int(host.split(":")[1]))) as broken:
        broken.sendall(f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9\r\n\r\nhalf".encode())
        eventually(lambda: sorted(object_storage.folder.rglob("files/*/*")) != before)
    eventually(lambda: sorted(object_storage.folder.rglob("files/*/*")) == before)
    assert bucket.get_blob("photo") is None


def test_resumable_upload_without_308_gets_200_and_a_header(bucket: Bucket) -> None:
    url = session_for(bucket, "photo")
    headers = {"Content-Range": "bytes 0-3/8", "X-GUploader-No-308": "yes"}
    answer = requests.put(url, data=b"half", headers=headers, timeout=10)
    assert (answer.status_code, answer.headers["X-HTTP-Status-Code-Override"]) == (200, "308")
