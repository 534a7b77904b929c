"""Bytes of objects: ranges, gzip, headers, and uploads by signed URL and by form."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import re

import pytest
import requests
from google.cloud.storage import Bucket

from shared.emulators.storage.listing import after, pattern_of
from tests.emulators.storage_parts import Storage

pytest_plugins = ("tests.emulators.storage_fixtures",)


def url_of(storage: Storage, bucket: Bucket, name: str = "photo") -> str:
    """Return an object's URL of the XML API."""
    return f"{storage.url}/{bucket.name}/{name}"


@pytest.mark.parametrize(
    ("header", "status", "content", "content_range"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=-20", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=5-500", 206, b"56789", "bytes 5-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=4-2", 200, b"0123456789", None),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("lines=1", 200, b"0123456789", None),
    ],
)
def test_media_range_is_read(
    object_storage: Storage, bucket: Bucket, header: str, status: int, content: bytes | None, content_range: str | None
) -> None:
    bucket.blob("photo").upload_from_string(b"0123456789", retry=None)
    answer = requests.get(url_of(object_storage, bucket), headers={"Range": header}, timeout=10)
    assert (answer.status_code, answer.headers.get("Content-Range")) == (status, content_range)
    assert content is None or answer.content == content


def test_gzip_is_decompressed_for_a_client_that_does_not_accept_it(object_storage: Storage, bucket: Bucket) -> None:
    packed = gzip.compress(content := os.urandom(400_000) + b"a" * 400_000)
    blob = bucket.blob("photo")
    blob.content_encoding = "gzip"
    blob.upload_from_string(packed, retry=None)
    url = url_of(object_storage, bucket)
    plain = requests.get(url, headers={"Accept-Encoding": "identity", "Range": "bytes=0-3"}, timeout=10)
    assert (plain.status_code, plain.content, plain.headers.get("Content-Encoding")) == (200, content, None)
    assert plain.headers["X-Goog-Stored-Content-Encoding"] == "gzip"
    with requests.get(url, headers={"Accept-Encoding": "gzip"}, stream=True, timeout=10) as raw:
        assert (raw.raw.read(decode_content=False), raw.headers["Content-Encoding"]) == (packed, "gzip")
    assert bucket.blob("photo").download_as_bytes(raw_download=True, retry=None) == packed


def test_media_with_a_false_gzip_header_is_sent_unchanged(object_storage: Storage, bucket: Bucket) -> None:
    blob = bucket.blob("photo")
    blob.content_encoding = "gzip"
    blob.upload_from_string(b"no gzip", retry=None)
    url = url_of(object_storage, bucket)
    with requests.get(url, headers={"Accept-Encoding": "identity"}, stream=True, timeout=10) as answer:
        assert (answer.status_code, answer.raw.read(decode_content=False)) == (200, b"no gzip")


def test_media_has_its_content_type_and_is_sandboxed(object_storage: Storage, bucket: Bucket) -> None:
    blob = bucket.blob("photo")
    blob.metadata = {"camera": "größe", "a b": "no name of a header"}
    blob.upload_from_string(b"photo", "text/html", retry=None)
    answer = requests.get(url_of(object_storage, bucket), timeout=10)
    assert answer.headers["X-Goog-Generation"] == str(blob.generation)
    assert answer.headers["X-Goog-Hash"] == f"crc32c={blob.crc32c},md5={blob.md5_hash}"
    assert answer.headers["ETag"] == f'"{hashlib.md5(b"photo").hexdigest()}"'
    assert answer.headers["Content-Security-Policy"] == "sandbox"
    assert not [name for name in answer.headers if name.startswith("Access-Control") or "a b" in name.lower()]
    assert requests.head(url_of(object_storage, bucket), timeout=10).headers["Content-Length"] == "5"


def test_signed_url_put_stores_the_facts_of_its_headers(object_storage: Storage, bucket: Bucket) -> None:
    packed = gzip.compress(b"photo")
    headers = {"Content-Type": "image/png", "Content-Encoding": "gzip", "x-goog-meta-camera": "old"}
    demands = {"x-goog-if-generation-match": "0"}
    url = f"{url_of(object_storage, bucket)}?X-Goog-Algorithm=none"
    put = requests.put(url, packed, headers=headers | demands, timeout=10)
    stored = bucket.get_blob("photo", retry=None)
    assert (put.status_code, put.content, put.headers["x-goog-generation"]) == (200, b"", str(stored.generation))
    assert (stored.content_type, stored.content_encoding, stored.metadata) == ("image/png", "gzip", {"camera": "old"})
    assert stored.size == len(packed)
    assert requests.put(url, packed, headers=headers | demands, timeout=10).status_code == 412
    wrong = base64.b64encode(hashlib.md5(b"another").digest()).decode()
    assert requests.put(url, b"photo", headers={"Content-MD5": wrong}, timeout=10).status_code == 400
    assert requests.delete(url, timeout=10).status_code == 204
    assert bucket.get_blob("photo", retry=None) is None


@pytest.mark.parametrize("query", ["uploads", "uploadId=1&partNumber=1"])
def test_xml_api_parts_are_refused_with_an_alternative(object_storage: Storage, bucket: Bucket, query: str) -> None:
    ask = requests.post if query == "uploads" else requests.put
    answer = ask(f"{url_of(object_storage, bucket)}?{query}", timeout=10)
    assert answer.status_code == 400
    assert "Upload with the JSON API" in answer.json()["error"]["message"]


def test_html_form_stores_its_file(object_storage: Storage, bucket: Bucket) -> None:
    fields = {"key": "trip/${filename}", "Content-Type": "image/jpeg", "x-goog-meta-by": "form", "policy": "x"}
    url = f"{object_storage.url}/{bucket.name}"
    answer = requests.post(url, fields, files={"file": ("größe.jpg", b"photo")}, timeout=10)
    stored = bucket.get_blob("trip/größe.jpg", retry=None)
    assert (answer.status_code, stored.content_type, stored.metadata) == (204, "image/jpeg", {"by": "form"})
    assert stored.download_as_bytes(retry=None) == b"photo"
    assert requests.post(url, fields, timeout=10).status_code == 400


def test_body_with_content_encoding_gzip_is_decompressed(object_storage: Storage, bucket: Bucket) -> None:
    url = f"{object_storage.url}/upload/storage/v1/b/{bucket.name}/o?uploadType=media&name=photo"
    packed = gzip.compress(b"photo" * 1000)
    headers = {"Content-Encoding": "gzip"}
    assert requests.post(url, packed, headers=headers, timeout=10).json()["size"] == "5000"
    for broken in (packed[:-20], b"no gzip"):
        assert requests.post(url, broken, headers=headers, timeout=10).status_code == 400
    assert bucket.blob("photo").download_as_bytes(retry=None) == b"photo" * 1000


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("quote", ['"', "'", ""])
@pytest.mark.parametrize("last", [b"x", b"\r", b"\n", b"\r\n"])
def test_multipart_body_is_split_in_every_spelling(
    object_storage: Storage, bucket: Bucket, end: bytes, quote: str, last: bytes
) -> None:
    content = os.urandom(3000) + b"\r\n--almost" + os.urandom(3000) + last
    head = end.join((b"--=x=", b"Content-Type: application/json", b"", b'{"name": "photo"}', b"--=x="))
    body = head + end + end.join((b"content-type: image/png", b"MIME-Version: 1.0", b"", content, b"--=x=--")) + end
    url = f"{object_storage.url}/upload/storage/v1/b/{bucket.name}/o?uploadType=multipart"
    kind = f"multipart/related; boundary={quote}=x={quote}"
    answer = requests.post(url, body, headers={"Content-Type": kind}, timeout=10)
    assert answer.status_code == 200, answer.text
    stored = bucket.get_blob("photo", retry=None)
    assert (stored.content_type, stored.download_as_bytes(retry=None)) == ("image/png", content)
    cut_off = requests.post(url, body[:-12], headers={"Content-Type": kind}, timeout=10)
    assert (cut_off.status_code, bucket.get_blob("photo", retry=None).generation) == (400, stored.generation)


@pytest.mark.parametrize(
    ("glob", "name", "is_in"),
    [
        ("*.jpg", "a.jpg", True),
        ("*.jpg", "a/b.jpg", False),
        ("**.jpg", "a/b.jpg", True),
        ("a/**/c", "a/b/x/c", True),
        ("?.jpg", "a.jpg", True),
        ("[ab].jpg", "b.jpg", True),
        ("[!ab].jpg", "b.jpg", False),
        ("{a,b*}.jpg", "bc.jpg", True),
        ("a.jpg", "axjpg", False),
    ],
)
def test_glob_matches_as_documented(glob: str, name: str, is_in: bool) -> None:
    assert bool(pattern_of(glob).fullmatch(name)) == is_in


def test_first_name_after_a_prefix_follows_all_names_with_it() -> None:
    assert (after("a"), after("a\U0010ffff"), after("\ud7ff"), after("")) == ("b", "b", "\ue000", "")
    assert re.fullmatch("b", after("a"))
