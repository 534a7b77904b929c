"""What we ask of an object store. Each test's name is a rule; known differences are in ``object_store_differences``."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path

import google_crc32c
import pytest
import requests
from google.api_core import exceptions
from google.cloud.storage import Bucket
from google.cloud.storage.exceptions import InvalidResponse
from google.cloud.storage.transfer_manager import THREAD, upload_chunks_concurrently

from shared.errors import AlreadyDone, NameTaken, StorageUnavailable, Superseded, TooManyBytes
from shared.types import ObjectRef
from tests.emulators.contract.object_store_differences import DIFFERENCES, MARK, difference_of, differences_table
from tests.emulators.contract.object_store_parts import Place, at_once, names, same, winners

pytest_plugins = ("tests.emulators.storage_fixtures", "tests.emulators.contract.object_stores")

ROOT = Path(__file__).parents[3]
LARGE = 9 * 1024 * 1024
"""More than the 8 MiB from which on the client uploads in several requests."""
CHUNK = 256 * 1024
STALE = 1
"""A generation that no object has."""


@pytest.fixture(autouse=True)
def _known_differences_fail(request: pytest.FixtureRequest) -> None:
    """Where a difference is known its rule must fail, and may not begin to hold unseen."""
    if known := difference_of(request.function.__name__):
        broken = (AssertionError, exceptions.GoogleAPICallError, InvalidResponse)
        request.applymarker(pytest.mark.xfail(strict=True, raises=broken, reason=known.instead))


def test_known_difference_belongs_to_a_tested_rule() -> None:
    rules = {name.removeprefix("test_").replace("_", " ") for name in globals() if name.startswith("test_")}
    assert [known.rule for known in DIFFERENCES if known.rule not in rules] == []
    assert len({known.rule for known in DIFFERENCES}) == len(DIFFERENCES)


def test_document_shows_every_known_difference() -> None:
    document = (ROOT / "docs" / "object-store-differences.md").read_text("utf-8")
    assert f"<!-- {MARK} -->\n{differences_table()}\n<!-- /{MARK} -->" in document, "run: make docs"


# Reading


def test_a_read_gives_exactly_the_bytes_of_its_generation(place: Place) -> None:
    content = os.urandom(300_000)
    assert place.store.read(place.put("photo", content), len(content)) == content


def test_a_read_of_an_overwritten_generation_never_gives_the_newer_bytes(place: Place) -> None:
    old = place.put("photo")
    place.put("photo", b"second")
    with pytest.raises(Superseded):
        place.store.read(old, 100)


def test_a_read_of_a_deleted_object_is_not_found(place: Place) -> None:
    ref = place.put("photo")
    place.store.delete(ref)
    with pytest.raises(AlreadyDone):
        place.store.read(ref, 100)
    with pytest.raises(AlreadyDone):
        place.store.find(ref.bucket, "photo")


def test_a_read_stops_at_the_limit_of_decompressed_bytes(place: Place) -> None:
    blob = place.bucket.blob("zipped")
    blob.content_encoding = "gzip"
    blob.upload_from_string(gzip.compress(b"a" * 100_000), retry=None)
    ref = ObjectRef(place.bucket.name, "zipped", int(blob.generation))
    assert place.store.read(ref, 100_000) == b"a" * 100_000
    with pytest.raises(TooManyBytes):
        place.store.read(ref, 99_999)


def test_a_read_can_be_of_a_range(place: Place) -> None:
    place.put("photo", b"0123456789")
    blob = place.bucket.blob("photo")
    assert blob.download_as_bytes(start=2, end=4, retry=None) == b"234"
    with pytest.raises(exceptions.RequestRangeNotSatisfiable):
        blob.download_as_bytes(start=10, end=12, retry=None)


def test_a_read_obeys_its_preconditions(place: Place) -> None:
    generation = place.put("photo").generation
    blob = place.bucket.blob("photo")
    for read in (blob.download_as_bytes, blob.reload):
        with pytest.raises(exceptions.PreconditionFailed):
            read(if_generation_match=STALE, retry=None)
        with pytest.raises(exceptions.NotModified):
            read(if_generation_not_match=generation, retry=None)


def test_the_live_generation_is_found_by_its_name(place: Place) -> None:
    place.put("photo")
    ref = place.put("photo", b"second")
    actual = place.store.find(ref.bucket, "photo")
    assert (actual.ref, actual.size_bytes, actual.content_type) == (ref, 6, "text/plain")


# Writing


def test_a_create_only_write_leaves_an_existing_object(place: Place) -> None:
    first = place.store.write_once(place.bucket.name, "photo", b"first", "image/jpeg")
    assert place.store.write_once(place.bucket.name, "photo", b"first", "image/png") == first
    with pytest.raises(NameTaken):
        place.store.write_once(place.bucket.name, "photo", b"second", "image/png")
    assert place.content("photo") == b"first"
    assert place.bucket.get_blob("photo", retry=None).content_type == "image/jpeg"


def test_a_create_only_upload_leaves_an_existing_object(place: Place, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(b"second")
    first = place.put("photo")
    assert place.store.upload(place.bucket.name, "photo", tmp_path / "photo") is None
    assert place.store.find(first.bucket, "photo").ref == first


def test_a_create_only_upload_above_eight_megabytes_leaves_an_existing_object(place: Place, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(content := os.urandom(LARGE))
    first = place.store.upload(place.bucket.name, "photo", tmp_path / "photo")
    assert first
    assert place.store.read(first, LARGE) == content
    assert place.store.upload(place.bucket.name, "photo", tmp_path / "photo") == first
    (tmp_path / "photo").write_bytes(os.urandom(LARGE))
    assert place.store.upload(place.bucket.name, "photo", tmp_path / "photo") is None
    assert place.store.find(first.bucket, "photo").ref == first


def test_two_parallel_writers_have_exactly_one_winner(place: Place) -> None:
    for round_ in range(8):
        blob = place.bucket.blob(f"photo{round_}")
        create = partial(blob.upload_from_string, if_generation_match=0, retry=None)
        assert winners(at_once(partial(create, b"one"), partial(create, b"two"), partial(create, b"three"))) == 1


def test_two_parallel_resumable_writers_have_exactly_one_winner(place: Place) -> None:
    def create(content: bytes) -> None:
        blob = place.bucket.blob("photo", chunk_size=CHUNK)
        blob.upload_from_file(BytesIO(content), if_generation_match=0, retry=None)  # of unknown size: resumable

    assert winners(at_once(*(partial(create, bytes([number]) * 100) for number in range(3)))) == 1


def test_a_write_on_top_of_a_generation_needs_that_generation(place: Place) -> None:
    first = place.put("photo")
    blob = place.bucket.blob("photo")
    with pytest.raises(exceptions.PreconditionFailed):
        blob.upload_from_string(b"second", if_generation_match=STALE, retry=None)
    blob.upload_from_string(b"second", if_generation_match=first.generation, retry=None)
    assert int(blob.generation) > first.generation


def test_a_generation_is_the_microsecond_of_the_write(place: Place) -> None:
    before = time.time_ns() // 1000
    assert before - 1_000_000 <= place.put("photo").generation <= time.time_ns() // 1000 + 1_000_000


def test_an_object_has_its_size_checksums_content_type_and_metadata(place: Place) -> None:
    content = os.urandom(1000)
    blob = place.bucket.blob("photo")
    blob.metadata, blob.cache_control = {"camera": "größe 100 %"}, "no-cache"
    blob.upload_from_string(content, "image/jpeg", retry=None)
    stored = place.bucket.get_blob("photo", retry=None)
    assert (stored.size, stored.content_type, stored.cache_control) == (1000, "image/jpeg", "no-cache")
    assert stored.metadata == {"camera": "größe 100 %"}
    assert base64.b64decode(stored.md5_hash) == hashlib.md5(content).digest()
    assert base64.b64decode(stored.crc32c) == google_crc32c.Checksum(content).digest()


def test_an_upload_with_a_wrong_checksum_is_refused(place: Place) -> None:
    body = b'--x\r\nContent-Type: application/json\r\n\r\n{"name": "photo", "crc32c": "AAAAAA=="}\r\n'
    body += b"--x\r\nContent-Type: image/jpeg\r\n\r\nphoto\r\n--x--\r\n"
    url = place.objects_url("upload/storage/v1") + "?uploadType=multipart"
    answer = requests.post(url, body, headers={"Content-Type": "multipart/related; boundary=x"}, timeout=10)
    assert answer.status_code == 400


def test_a_status_query_does_not_finish_an_upload(place: Place) -> None:
    url = place.bucket.blob("photo").create_resumable_upload_session("image/jpeg", retry=None)
    send = partial(requests.put, url, timeout=10, allow_redirects=False)
    send(data=b"a" * CHUNK, headers={"Content-Range": f"bytes 0-{CHUNK - 1}/{CHUNK + 1}"})
    assert send(headers={"Content-Range": "bytes */*"}).status_code == 308
    assert place.bucket.get_blob("photo", retry=None) is None
    assert send(data=b"b", headers={"Content-Range": f"bytes {CHUNK}-{CHUNK}/{CHUNK + 1}"}).status_code == 200
    assert place.content("photo") == b"a" * CHUNK + b"b"


def test_an_upload_of_the_xml_api_can_have_parts(place: Place, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(content := os.urandom(LARGE))
    upload_chunks_concurrently(str(tmp_path / "photo"), place.bucket.blob("photo"), worker_type=THREAD)
    assert place.content("photo") == content


def test_a_write_to_a_missing_bucket_names_it(place: Place) -> None:
    with pytest.raises(StorageUnavailable, match="no bucket gs://no-such-bucket"):
        place.store.write_once("no-such-bucket", "photo", b"", "image/jpeg")


def test_metadata_can_change_without_a_new_generation(place: Place) -> None:
    ref = place.put("photo")
    blob = place.bucket.blob("photo")
    blob.metadata = {"seen": "yes"}
    blob.patch(retry=None)
    stored = place.bucket.get_blob("photo", retry=None)
    assert (int(stored.generation), stored.metageneration, stored.metadata) == (ref.generation, 2, {"seen": "yes"})


# Copying


def test_a_copy_is_made_once_and_of_exactly_its_generation(place: Place) -> None:
    first = place.put("photo")
    place.store.copy_once(first, place.bucket.name, "archive/photo")
    made = place.store.find(first.bucket, "archive/photo").ref
    assert place.store.copy_once(first, place.bucket.name, "archive/photo") == made
    second = place.put("photo", b"second")
    with pytest.raises(NameTaken):
        place.store.copy_once(second, place.bucket.name, "archive/photo")
    assert place.content("archive/photo") == b"first"
    assert place.store.find(first.bucket, "archive/photo").ref == made


def test_an_overwritten_generation_is_not_copied(place: Place) -> None:
    first = place.put("photo")
    place.put("photo", b"second")
    with pytest.raises(AlreadyDone):
        place.store.copy_once(first, place.bucket.name, "copy")
    assert names(place.bucket) == ["photo"]


def test_two_parallel_copies_create_the_target_once(place: Place) -> None:
    sources = [place.bucket.blob(place.put(f"source{number}").name) for number in range(3)]
    copy = partial(
        place.bucket.copy_blob, destination_bucket=place.bucket, new_name="copy", if_generation_match=0, retry=None
    )
    assert winners(at_once(*(partial(copy, source) for source in sources))) == 1


def test_a_copy_obeys_the_preconditions_on_its_source(place: Place) -> None:
    source = place.bucket.blob(place.put("photo").name)
    with pytest.raises(exceptions.PreconditionFailed):
        place.bucket.copy_blob(source, place.bucket, "copy", if_source_generation_match=STALE, retry=None)


def test_a_copy_has_the_bytes_content_type_and_metadata_of_its_source(place: Place) -> None:
    source = place.bucket.blob("photo")
    source.metadata = {"camera": "old"}
    source.upload_from_string(b"photo", "image/jpeg", retry=None)
    target = place.another_bucket()
    place.store.copy_once(ObjectRef(place.bucket.name, "photo", int(source.generation)), target.name, "copy")
    copy = target.get_blob("copy", retry=None)
    assert same(copy, place.bucket.get_blob("photo", retry=None))
    assert (copy.content_type, copy.metadata) == ("image/jpeg", {"camera": "old"})


def test_a_copy_to_a_missing_bucket_names_it(place: Place) -> None:
    with pytest.raises(StorageUnavailable, match="no bucket gs://no-such-bucket"):
        place.store.copy_once(place.put("photo"), "no-such-bucket", "copy")


# Deleting


def test_a_delete_of_an_old_generation_leaves_the_newer_one(place: Place) -> None:
    old = place.put("photo")
    new = place.put("photo", b"second")
    place.store.delete(old)
    assert place.store.find(new.bucket, "photo").ref == new


def test_a_delete_of_a_deleted_object_is_not_an_error(place: Place) -> None:
    ref = place.put("photo")
    place.store.delete(ref)
    place.store.delete(ref)
    assert names(place.bucket) == []


def test_a_delete_obeys_its_precondition(place: Place) -> None:
    place.put("photo")
    with pytest.raises(exceptions.PreconditionFailed):
        place.bucket.blob("photo").delete(if_generation_match=STALE, retry=None)
    assert place.content("photo") == b"first"


def test_a_delete_is_answered_without_a_body(place: Place) -> None:
    place.put("photo")
    answer = requests.delete(f"{place.objects_url()}/photo", timeout=10)
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_batch_of_deletes_is_answered_one_by_one(place: Place) -> None:
    place.put("one")
    place.put("two")
    with place.client.batch(raise_exception=False) as batch:
        for name in ("one", "missing", "two"):
            place.bucket.blob(name).delete()
    assert [answer.status_code for answer in batch._responses] == [204, 404, 204]


def test_a_bucket_that_is_not_empty_is_not_deleted(place: Place) -> None:
    place.put("photo")
    with pytest.raises(exceptions.Conflict):
        place.bucket.delete(retry=None)
    assert place.content("photo") == b"first"


# Listing


def test_a_listing_gives_name_generation_size_and_content_type(place: Place) -> None:
    refs = [place.put("b/photo", b"12"), place.put("a", b"1")]
    listed = {upload.ref: (upload.size_bytes, upload.content_type) for upload in place.store.uploads(place.bucket.name)}
    assert listed == {refs[0]: (2, "text/plain"), refs[1]: (1, "text/plain")}


def test_a_listing_has_pages_of_at_most_a_thousand_without_gaps(place: Place) -> None:
    written = [f"{number:04}" for number in range(1003)]
    url = place.objects_url("upload/storage/v1") + "?uploadType=media&name="
    with requests.Session() as session, ThreadPoolExecutor(8) as threads:
        for answer in threads.map(lambda name: session.post(url + name, b"x", timeout=30), written):
            answer.raise_for_status()
    assert [upload.ref.name for upload in place.store.uploads(place.bucket.name)] == written
    pages = [[blob.name for blob in page] for page in place.bucket.list_blobs(retry=None).pages]
    assert [len(page) for page in pages] == [1000, 3]


def test_a_listing_is_in_the_order_of_the_names(place: Place) -> None:
    written = ["a", "a b", "a/b", "a0", "b", "ä", "\U0001f33b"]
    for name in reversed([name for name in written if name != "a"]):
        place.put(name)
    assert names(place.bucket) == written[1:]


def test_a_listing_can_be_of_a_prefix_or_a_range_or_stop_at_a_delimiter(place: Place) -> None:
    for name in ("a/1", "a/2", "b/1", "c"):
        place.put(name)
    assert [upload.ref.name for upload in place.store.uploads(place.bucket.name, "a/")] == ["a/1", "a/2"]
    assert names(place.bucket, start_offset="a/2", end_offset="c") == ["a/2", "b/1"]
    listing = place.bucket.list_blobs(delimiter="/", retry=None)
    assert ([blob.name for blob in listing], sorted(listing.prefixes)) == (["c"], ["a/", "b/"])


def test_a_listing_can_be_of_a_glob(place: Place) -> None:
    for name in ("a.jpg", "b.png"):
        place.put(name)
    assert names(place.bucket, match_glob="*.jpg") == ["a.jpg"]


def test_a_listing_of_a_missing_bucket_is_not_found(place: Place) -> None:
    with pytest.raises(AlreadyDone):
        list(place.store.uploads("no-such-bucket"))


# Names


@pytest.mark.parametrize("name", ["größe 100 %", "a?b#c+d&e=f", "日本/猫 \U0001f408.jpg", " leading", "a\tb", "'\"\\"])
def test_a_name_is_returned_unchanged(place: Place, name: str) -> None:
    ref = place.put(name, name.encode())
    assert place.store.read(ref, 100) == name.encode()
    assert [upload.ref for upload in place.store.uploads(place.bucket.name)] == [ref]
    place.store.copy_once(ref, place.bucket.name, "copy of " + name)
    place.store.delete(ref)
    assert names(place.bucket) == ["copy of " + name]


def test_a_name_of_1024_bytes_is_accepted_and_a_longer_one_is_not(place: Place) -> None:
    longest = "/".join(["n" * 204] * 5)
    assert len(longest) == 1024
    place.put(longest)
    assert names(place.bucket) == [longest]
    with pytest.raises(exceptions.BadRequest):
        place.put("n/" + longest)


def test_a_name_of_1024_bytes_may_be_without_a_slash(place: Place) -> None:
    place.put("n" * 1024)
    assert names(place.bucket) == ["n" * 1024]


def test_a_name_may_begin_as_another_name_and_a_slash(place: Place) -> None:
    place.put("photo")
    place.put("photo/child")
    assert names(place.bucket) == ["photo", "photo/child"]


def test_two_slashes_in_a_row_make_another_name_than_one(place: Place) -> None:
    place.put("a/b", b"one")
    place.put("a//b", b"two")
    assert (place.content("a/b"), place.content("a//b")) == (b"one", b"two")


def test_two_slashes_in_a_row_never_reach_the_object_with_one(place: Place) -> None:
    place.put("a/b")
    with pytest.raises(AlreadyDone):
        place.store.find(place.bucket.name, "a//b")
    place.store.delete(ObjectRef(place.bucket.name, "a//b", place.store.find(place.bucket.name, "a/b").ref.generation))
    assert names(place.bucket) == ["a/b"]


def test_a_folder_marker_is_an_object(place: Place) -> None:
    place.put("folder/", b"")
    assert names(place.bucket) == ["folder/"]


def test_a_name_with_dots_never_leaves_its_bucket(place: Place) -> None:
    mark = f"escaped-{os.urandom(4).hex()}"
    for name in (f"../{mark}", f"../../{mark}", f"a/../../../{mark}"):
        url = place.objects_url("upload/storage/v1")
        requests.post(url, b"out", params={"uploadType": "media", "name": name}, timeout=10)
    assert set(names(place.bucket)) == {f"../{mark}", f"../../{mark}", f"a/../../../{mark}"}
    assert not list(place.folder.parent.rglob(f"*{mark}*"))


def test_a_name_with_a_line_break_is_refused(place: Place) -> None:
    with pytest.raises(exceptions.BadRequest):
        place.put("a\nb")


# Versions


@pytest.fixture
def versioned(place: Place) -> Bucket:
    """A bucket that keeps versions, with an object that was written twice."""
    bucket = place.another_bucket(keeps_versions=True)
    for content in (b"first", b"second"):
        bucket.blob("photo").upload_from_string(content, retry=None)
    return bucket


def test_a_bucket_can_start_and_stop_versioning(place: Place) -> None:
    bucket = place.another_bucket()
    for wanted in (True, False):
        bucket.versioning_enabled = wanted
        bucket.patch(retry=None)
        assert place.client.get_bucket(bucket.name, retry=None).versioning_enabled is wanted


def test_a_bucket_with_versions_lists_and_reads_overwritten_objects(place: Place, versioned: Bucket) -> None:
    old, new = (upload.ref for upload in place.store.uploads(versioned.name))
    assert (place.store.read(old, 100), place.store.read(new, 100)) == (b"first", b"second")
    assert place.store.find(versioned.name, "photo").ref == new
    assert names(versioned) == ["photo"]


def test_a_bucket_with_versions_copies_overwritten_objects(place: Place, versioned: Bucket) -> None:
    old, _ = (upload.ref for upload in place.store.uploads(versioned.name))
    place.store.copy_once(old, place.bucket.name, "copy")
    assert place.content("copy") == b"first"


def test_a_bucket_with_versions_deletes_permanently_only_the_named_generation(place: Place, versioned: Bucket) -> None:
    versioned.blob("photo").delete(retry=None)
    assert names(versioned) == []
    uploads = list(place.store.uploads(versioned.name))
    assert [place.store.read(upload.ref, 100) for upload in uploads] == [b"first", b"second"]
    place.store.delete(uploads[0].ref)
    assert list(place.store.uploads(versioned.name)) == uploads[1:]


def test_a_precondition_applies_to_the_live_generation_of_a_versioned_object(place: Place, versioned: Bucket) -> None:
    old, new = (upload.ref.generation for upload in place.store.uploads(versioned.name))
    with pytest.raises(exceptions.PreconditionFailed):
        versioned.blob("photo", generation=old).delete(if_generation_match=old, retry=None)
    versioned.blob("photo", generation=old).delete(if_generation_match=new, retry=None)
    assert [int(blob.generation) for blob in versioned.list_blobs(versions=True, retry=None)] == [new]


# Buckets and access


def test_an_existing_bucket_is_not_created_again(place: Place) -> None:
    place.put("photo")
    with pytest.raises(exceptions.Conflict):
        place.client.create_bucket(place.bucket.name, retry=None)
    place.store.create_bucket(place.bucket.name)
    assert place.content("photo") == b"first"


def test_a_bucket_reports_its_storage_layout(place: Place) -> None:
    answer = requests.get(f"{place.url}/storage/v1/b/{place.bucket.name}/storageLayout", timeout=10)
    assert answer.json()["hierarchicalNamespace"] == {"enabled": False}


def test_a_bucket_keeps_its_labels_and_lifecycle(place: Place) -> None:
    bucket = place.client.bucket(f"b-{os.urandom(8).hex()}")
    bucket.labels = {"of": "a test"}
    bucket.add_lifecycle_delete_rule(age=1)
    place.client.create_bucket(bucket, retry=None)
    stored = place.client.get_bucket(bucket.name, retry=None)
    assert (stored.labels, len(list(stored.lifecycle_rules))) == ({"of": "a test"}, 1)


def test_a_link_with_a_wrong_signature_opens_nothing(place: Place) -> None:
    place.put("photo")
    signed = {"X-Goog-Algorithm": "GOOG4-RSA-SHA256", "X-Goog-Signature": "00"}
    assert requests.get(f"{place.url}/{place.bucket.name}/photo", params=signed, timeout=10).status_code >= 400


def test_an_error_for_a_missing_object_has_googles_format(place: Place) -> None:
    answer = requests.get(f"{place.objects_url()}/nothing", timeout=10)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["errors"][0]["reason"]) == (404, 404, "notFound")
