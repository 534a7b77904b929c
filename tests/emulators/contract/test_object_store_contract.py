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
from tests.emulators.contract.object_store_parts import StoreUnderTest, at_once, names, same, winners

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


def test_a_read_gives_exactly_the_bytes_of_its_generation(tested: StoreUnderTest) -> None:
    content = os.urandom(300_000)
    assert tested.store.read(tested.put("photo", content), len(content)) == content


def test_a_read_of_an_overwritten_generation_never_gives_the_newer_bytes(tested: StoreUnderTest) -> None:
    old = tested.put("photo")
    tested.put("photo", b"second")
    with pytest.raises(Superseded):
        tested.store.read(old, 100)


def test_a_read_of_a_deleted_object_is_not_found(tested: StoreUnderTest) -> None:
    ref = tested.put("photo")
    tested.store.delete(ref)
    with pytest.raises(AlreadyDone):
        tested.store.read(ref, 100)
    with pytest.raises(AlreadyDone):
        tested.store.find(ref.bucket, "photo")


def test_a_read_stops_at_the_limit_of_decompressed_bytes(tested: StoreUnderTest) -> None:
    blob = tested.bucket.blob("zipped")
    blob.content_encoding = "gzip"
    blob.upload_from_string(gzip.compress(b"a" * 100_000), retry=None)
    ref = ObjectRef(tested.bucket.name, "zipped", int(blob.generation))
    assert tested.store.read(ref, 100_000) == b"a" * 100_000
    with pytest.raises(TooManyBytes):
        tested.store.read(ref, 99_999)


def test_a_read_can_be_of_a_range(tested: StoreUnderTest) -> None:
    tested.put("photo", b"0123456789")
    blob = tested.bucket.blob("photo")
    assert blob.download_as_bytes(start=2, end=4, retry=None) == b"234"
    with pytest.raises(exceptions.RequestRangeNotSatisfiable):
        blob.download_as_bytes(start=10, end=12, retry=None)


def test_a_read_obeys_its_preconditions(tested: StoreUnderTest) -> None:
    generation = tested.put("photo").generation
    blob = tested.bucket.blob("photo")
    for read in (blob.download_as_bytes, blob.reload):
        with pytest.raises(exceptions.PreconditionFailed):
            read(if_generation_match=STALE, retry=None)
        with pytest.raises(exceptions.NotModified):
            read(if_generation_not_match=generation, retry=None)


def test_the_live_generation_is_found_by_its_name(tested: StoreUnderTest) -> None:
    tested.put("photo")
    ref = tested.put("photo", b"second")
    actual = tested.store.find(ref.bucket, "photo")
    assert (actual.ref, actual.size_bytes, actual.content_type) == (ref, 6, "text/plain")


# Writing


def test_a_create_only_write_leaves_an_existing_object(tested: StoreUnderTest) -> None:
    first = tested.store.write_once(tested.bucket.name, "photo", b"first", "image/jpeg")
    assert tested.store.write_once(tested.bucket.name, "photo", b"first", "image/png") == first
    with pytest.raises(NameTaken):
        tested.store.write_once(tested.bucket.name, "photo", b"second", "image/png")
    assert tested.content("photo") == b"first"
    assert tested.bucket.get_blob("photo", retry=None).content_type == "image/jpeg"


def test_a_create_only_upload_leaves_an_existing_object(tested: StoreUnderTest, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(b"second")
    first = tested.put("photo")
    assert tested.store.upload(tested.bucket.name, "photo", tmp_path / "photo") is None
    assert tested.store.find(first.bucket, "photo").ref == first


def test_a_create_only_upload_above_eight_megabytes_leaves_an_existing_object(
    tested: StoreUnderTest, tmp_path: Path
) -> None:
    (tmp_path / "photo").write_bytes(content := os.urandom(LARGE))
    first = tested.store.upload(tested.bucket.name, "photo", tmp_path / "photo")
    assert first
    assert tested.store.read(first, LARGE) == content
    assert tested.store.upload(tested.bucket.name, "photo", tmp_path / "photo") == first
    (tmp_path / "photo").write_bytes(os.urandom(LARGE))
    assert tested.store.upload(tested.bucket.name, "photo", tmp_path / "photo") is None
    assert tested.store.find(first.bucket, "photo").ref == first


def test_two_parallel_writers_have_exactly_one_winner(tested: StoreUnderTest) -> None:
    for round_ in range(8):
        blob = tested.bucket.blob(f"photo{round_}")
        create = partial(blob.upload_from_string, if_generation_match=0, retry=None)
        assert winners(at_once(partial(create, b"one"), partial(create, b"two"), partial(create, b"three"))) == 1


def test_two_parallel_resumable_writers_have_exactly_one_winner(tested: StoreUnderTest) -> None:
    def create(content: bytes) -> None:
        blob = tested.bucket.blob("photo", chunk_size=CHUNK)
        blob.upload_from_file(BytesIO(content), if_generation_match=0, retry=None)  # of unknown size: resumable

    assert winners(at_once(*(partial(create, bytes([number]) * 100) for number in range(3)))) == 1


def test_a_write_on_top_of_a_generation_needs_that_generation(tested: StoreUnderTest) -> None:
    first = tested.put("photo")
    blob = tested.bucket.blob("photo")
    with pytest.raises(exceptions.PreconditionFailed):
        blob.upload_from_string(b"second", if_generation_match=STALE, retry=None)
    blob.upload_from_string(b"second", if_generation_match=first.generation, retry=None)
    assert int(blob.generation) > first.generation


def test_a_generation_is_the_microsecond_of_the_write(tested: StoreUnderTest) -> None:
    before = time.time_ns() // 1000
    assert before - 1_000_000 <= tested.put("photo").generation <= time.time_ns() // 1000 + 1_000_000


def test_an_object_has_its_size_checksums_content_type_and_metadata(tested: StoreUnderTest) -> None:
    content = os.urandom(1000)
    blob = tested.bucket.blob("photo")
    blob.metadata, blob.cache_control = {"camera": "größe 100 %"}, "no-cache"
    blob.upload_from_string(content, "image/jpeg", retry=None)
    stored = tested.bucket.get_blob("photo", retry=None)
    assert (stored.size, stored.content_type, stored.cache_control) == (1000, "image/jpeg", "no-cache")
    assert stored.metadata == {"camera": "größe 100 %"}
    assert base64.b64decode(stored.md5_hash) == hashlib.md5(content).digest()
    assert base64.b64decode(stored.crc32c) == google_crc32c.Checksum(content).digest()


def test_an_upload_with_a_wrong_checksum_is_refused(tested: StoreUnderTest) -> None:
    body = b'--x\r\nContent-Type: application/json\r\n\r\n{"name": "photo", "crc32c": "AAAAAA=="}\r\n'
    body += b"--x\r\nContent-Type: image/jpeg\r\n\r\nphoto\r\n--x--\r\n"
    url = tested.objects_url("upload/storage/v1") + "?uploadType=multipart"
    answer = requests.post(url, body, headers={"Content-Type": "multipart/related; boundary=x"}, timeout=10)
    assert answer.status_code == 400


def test_a_status_query_does_not_finish_an_upload(tested: StoreUnderTest) -> None:
    url = tested.bucket.blob("photo").create_resumable_upload_session("image/jpeg", retry=None)
    send = partial(requests.put, url, timeout=10, allow_redirects=False)
    send(data=b"a" * CHUNK, headers={"Content-Range": f"bytes 0-{CHUNK - 1}/{CHUNK + 1}"})
    assert send(headers={"Content-Range": "bytes */*"}).status_code == 308
    assert tested.bucket.get_blob("photo", retry=None) is None
    assert send(data=b"b", headers={"Content-Range": f"bytes {CHUNK}-{CHUNK}/{CHUNK + 1}"}).status_code == 200
    assert tested.content("photo") == b"a" * CHUNK + b"b"


def test_an_upload_of_the_xml_api_can_have_parts(tested: StoreUnderTest, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(content := os.urandom(LARGE))
    upload_chunks_concurrently(str(tmp_path / "photo"), tested.bucket.blob("photo"), worker_type=THREAD)
    assert tested.content("photo") == content


def test_a_write_to_a_missing_bucket_names_it(tested: StoreUnderTest) -> None:
    with pytest.raises(StorageUnavailable, match="no bucket gs://no-such-bucket"):
        tested.store.write_once("no-such-bucket", "photo", b"", "image/jpeg")


def test_metadata_can_change_without_a_new_generation(tested: StoreUnderTest) -> None:
    ref = tested.put("photo")
    blob = tested.bucket.blob("photo")
    blob.metadata = {"seen": "yes"}
    blob.patch(retry=None)
    stored = tested.bucket.get_blob("photo", retry=None)
    assert (int(stored.generation), stored.metageneration, stored.metadata) == (ref.generation, 2, {"seen": "yes"})


# Copying


def test_a_copy_is_made_once_and_of_exactly_its_generation(tested: StoreUnderTest) -> None:
    first = tested.put("photo")
    tested.store.copy_once(first, tested.bucket.name, "archive/photo")
    made = tested.store.find(first.bucket, "archive/photo").ref
    assert tested.store.copy_once(first, tested.bucket.name, "archive/photo") == made
    second = tested.put("photo", b"second")
    with pytest.raises(NameTaken):
        tested.store.copy_once(second, tested.bucket.name, "archive/photo")
    assert tested.content("archive/photo") == b"first"
    assert tested.store.find(first.bucket, "archive/photo").ref == made


def test_an_overwritten_generation_is_not_copied(tested: StoreUnderTest) -> None:
    first = tested.put("photo")
    tested.put("photo", b"second")
    with pytest.raises(AlreadyDone):
        tested.store.copy_once(first, tested.bucket.name, "copy")
    assert names(tested.bucket) == ["photo"]


def test_two_parallel_copies_create_the_target_once(tested: StoreUnderTest) -> None:
    sources = [tested.bucket.blob(tested.put(f"source{number}").name) for number in range(3)]
    copy = partial(
        tested.bucket.copy_blob, destination_bucket=tested.bucket, new_name="copy", if_generation_match=0, retry=None
    )
    assert winners(at_once(*(partial(copy, source) for source in sources))) == 1


def test_a_copy_obeys_the_preconditions_on_its_source(tested: StoreUnderTest) -> None:
    source = tested.bucket.blob(tested.put("photo").name)
    with pytest.raises(exceptions.PreconditionFailed):
        tested.bucket.copy_blob(source, tested.bucket, "copy", if_source_generation_match=STALE, retry=None)


def test_a_copy_has_the_bytes_content_type_and_metadata_of_its_source(tested: StoreUnderTest) -> None:
    source = tested.bucket.blob("photo")
    source.metadata = {"camera": "old"}
    source.upload_from_string(b"photo", "image/jpeg", retry=None)
    target = tested.another_bucket()
    tested.store.copy_once(ObjectRef(tested.bucket.name, "photo", int(source.generation)), target.name, "copy")
    copy = target.get_blob("copy", retry=None)
    assert same(copy, tested.bucket.get_blob("photo", retry=None))
    assert (copy.content_type, copy.metadata) == ("image/jpeg", {"camera": "old"})


def test_a_copy_to_a_missing_bucket_names_it(tested: StoreUnderTest) -> None:
    with pytest.raises(StorageUnavailable, match="no bucket gs://no-such-bucket"):
        tested.store.copy_once(tested.put("photo"), "no-such-bucket", "copy")


# Deleting


def test_a_delete_of_an_old_generation_leaves_the_newer_one(tested: StoreUnderTest) -> None:
    old = tested.put("photo")
    new = tested.put("photo", b"second")
    tested.store.delete(old)
    assert tested.store.find(new.bucket, "photo").ref == new


def test_a_delete_of_a_deleted_object_is_not_an_error(tested: StoreUnderTest) -> None:
    ref = tested.put("photo")
    tested.store.delete(ref)
    tested.store.delete(ref)
    assert names(tested.bucket) == []


def test_a_delete_obeys_its_precondition(tested: StoreUnderTest) -> None:
    tested.put("photo")
    with pytest.raises(exceptions.PreconditionFailed):
        tested.bucket.blob("photo").delete(if_generation_match=STALE, retry=None)
    assert tested.content("photo") == b"first"


def test_a_delete_is_answered_without_a_body(tested: StoreUnderTest) -> None:
    tested.put("photo")
    answer = requests.delete(f"{tested.objects_url()}/photo", timeout=10)
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_batch_of_deletes_is_answered_one_by_one(tested: StoreUnderTest) -> None:
    tested.put("one")
    tested.put("two")
    with tested.client.batch(raise_exception=False) as batch:
        for name in ("one", "missing", "two"):
            tested.bucket.blob(name).delete()
    assert [answer.status_code for answer in batch._responses] == [204, 404, 204]


def test_a_bucket_that_is_not_empty_is_not_deleted(tested: StoreUnderTest) -> None:
    tested.put("photo")
    with pytest.raises(exceptions.Conflict):
        tested.bucket.delete(retry=None)
    assert tested.content("photo") == b"first"


# Listing


def test_a_listing_gives_name_generation_size_and_content_type(tested: StoreUnderTest) -> None:
    refs = [tested.put("b/photo", b"12"), tested.put("a", b"1")]
    listed = {
        upload.ref: (upload.size_bytes, upload.content_type) for upload in tested.store.uploads(tested.bucket.name)
    }
    assert listed == {refs[0]: (2, "text/plain"), refs[1]: (1, "text/plain")}


def test_a_listing_has_pages_of_at_most_a_thousand_without_gaps(tested: StoreUnderTest) -> None:
    written = [f"{number:04}" for number in range(1003)]
    url = tested.objects_url("upload/storage/v1") + "?uploadType=media&name="
    with requests.Session() as session, ThreadPoolExecutor(8) as threads:
        for answer in threads.map(lambda name: session.post(url + name, b"x", timeout=30), written):
            answer.raise_for_status()
    assert [upload.ref.name for upload in tested.store.uploads(tested.bucket.name)] == written
    pages = [[blob.name for blob in page] for page in tested.bucket.list_blobs(retry=None).pages]
    assert [len(page) for page in pages] == [1000, 3]


def test_a_listing_is_in_the_order_of_the_names(tested: StoreUnderTest) -> None:
    written = ["a", "a b", "a/b", "a0", "b", "ä", "\U0001f33b"]
    for name in reversed([name for name in written if name != "a"]):
        tested.put(name)
    assert names(tested.bucket) == written[1:]


def test_a_listing_can_be_of_a_prefix_or_a_range_or_stop_at_a_delimiter(tested: StoreUnderTest) -> None:
    for name in ("a/1", "a/2", "b/1", "c"):
        tested.put(name)
    assert [upload.ref.name for upload in tested.store.uploads(tested.bucket.name, "a/")] == ["a/1", "a/2"]
    assert names(tested.bucket, start_offset="a/2", end_offset="c") == ["a/2", "b/1"]
    listing = tested.bucket.list_blobs(delimiter="/", retry=None)
    assert ([blob.name for blob in listing], sorted(listing.prefixes)) == (["c"], ["a/", "b/"])


def test_a_listing_can_be_of_a_glob(tested: StoreUnderTest) -> None:
    for name in ("a.jpg", "b.png"):
        tested.put(name)
    assert names(tested.bucket, match_glob="*.jpg") == ["a.jpg"]


def test_a_listing_of_a_missing_bucket_is_not_found(tested: StoreUnderTest) -> None:
    with pytest.raises(AlreadyDone):
        list(tested.store.uploads("no-such-bucket"))


# Names


@pytest.mark.parametrize("name", ["größe 100 %", "a?b#c+d&e=f", "日本/猫 \U0001f408.jpg", " leading", "a\tb", "'\"\\"])
def test_a_name_is_returned_unchanged(tested: StoreUnderTest, name: str) -> None:
    ref = tested.put(name, name.encode())
    assert tested.store.read(ref, 100) == name.encode()
    assert [upload.ref for upload in tested.store.uploads(tested.bucket.name)] == [ref]
    tested.store.copy_once(ref, tested.bucket.name, "copy of " + name)
    tested.store.delete(ref)
    assert names(tested.bucket) == ["copy of " + name]


def test_a_name_of_1024_bytes_is_accepted_and_a_longer_one_is_not(tested: StoreUnderTest) -> None:
    longest = "/".join(["n" * 204] * 5)
    assert len(longest) == 1024
    tested.put(longest)
    assert names(tested.bucket) == [longest]
    with pytest.raises(exceptions.BadRequest):
        tested.put("n/" + longest)


def test_a_name_of_1024_bytes_may_be_without_a_slash(tested: StoreUnderTest) -> None:
    tested.put("n" * 1024)
    assert names(tested.bucket) == ["n" * 1024]


def test_a_name_may_begin_as_another_name_and_a_slash(tested: StoreUnderTest) -> None:
    tested.put("photo")
    tested.put("photo/child")
    assert names(tested.bucket) == ["photo", "photo/child"]


def test_two_slashes_in_a_row_make_another_name_than_one(tested: StoreUnderTest) -> None:
    tested.put("a/b", b"one")
    tested.put("a//b", b"two")
    assert (tested.content("a/b"), tested.content("a//b")) == (b"one", b"two")


def test_two_slashes_in_a_row_never_reach_the_object_with_one(tested: StoreUnderTest) -> None:
    tested.put("a/b")
    with pytest.raises(AlreadyDone):
        tested.store.find(tested.bucket.name, "a//b")
    tested.store.delete(
        ObjectRef(tested.bucket.name, "a//b", tested.store.find(tested.bucket.name, "a/b").ref.generation)
    )
    assert names(tested.bucket) == ["a/b"]


def test_a_folder_marker_is_an_object(tested: StoreUnderTest) -> None:
    tested.put("folder/", b"")
    assert names(tested.bucket) == ["folder/"]


def test_a_name_with_dots_never_leaves_its_bucket(tested: StoreUnderTest) -> None:
    mark = f"escaped-{os.urandom(4).hex()}"
    for name in (f"../{mark}", f"../../{mark}", f"a/../../../{mark}"):
        url = tested.objects_url("upload/storage/v1")
        requests.post(url, b"out", params={"uploadType": "media", "name": name}, timeout=10)
    assert set(names(tested.bucket)) == {f"../{mark}", f"../../{mark}", f"a/../../../{mark}"}
    assert not list(tested.folder.parent.rglob(f"*{mark}*"))


def test_a_name_with_a_line_break_is_refused(tested: StoreUnderTest) -> None:
    with pytest.raises(exceptions.BadRequest):
        tested.put("a\nb")


# Versions


@pytest.fixture
def versioned(tested: StoreUnderTest) -> Bucket:
    """A bucket that keeps versions, with an object that was written twice."""
    bucket = tested.another_bucket(keeps_versions=True)
    for content in (b"first", b"second"):
        bucket.blob("photo").upload_from_string(content, retry=None)
    return bucket


def test_a_bucket_can_start_and_stop_versioning(tested: StoreUnderTest) -> None:
    bucket = tested.another_bucket()
    for wanted in (True, False):
        bucket.versioning_enabled = wanted
        bucket.patch(retry=None)
        assert tested.client.get_bucket(bucket.name, retry=None).versioning_enabled is wanted


def test_a_bucket_with_versions_lists_and_reads_overwritten_objects(tested: StoreUnderTest, versioned: Bucket) -> None:
    old, new = (upload.ref for upload in tested.store.uploads(versioned.name))
    assert (tested.store.read(old, 100), tested.store.read(new, 100)) == (b"first", b"second")
    assert tested.store.find(versioned.name, "photo").ref == new
    assert names(versioned) == ["photo"]


def test_a_bucket_with_versions_copies_overwritten_objects(tested: StoreUnderTest, versioned: Bucket) -> None:
    old, _ = (upload.ref for upload in tested.store.uploads(versioned.name))
    tested.store.copy_once(old, tested.bucket.name, "copy")
    assert tested.content("copy") == b"first"


def test_a_bucket_with_versions_deletes_permanently_only_the_named_generation(
    tested: StoreUnderTest, versioned: Bucket
) -> None:
    versioned.blob("photo").delete(retry=None)
    assert names(versioned) == []
    uploads = list(tested.store.uploads(versioned.name))
    assert [tested.store.read(upload.ref, 100) for upload in uploads] == [b"first", b"second"]
    tested.store.delete(uploads[0].ref)
    assert list(tested.store.uploads(versioned.name)) == uploads[1:]


def test_a_precondition_applies_to_the_live_generation_of_a_versioned_object(
    tested: StoreUnderTest, versioned: Bucket
) -> None:
    old, new = (upload.ref.generation for upload in tested.store.uploads(versioned.name))
    with pytest.raises(exceptions.PreconditionFailed):
        versioned.blob("photo", generation=old).delete(if_generation_match=old, retry=None)
    versioned.blob("photo", generation=old).delete(if_generation_match=new, retry=None)
    assert [int(blob.generation) for blob in versioned.list_blobs(versions=True, retry=None)] == [new]


# Buckets and access


def test_an_existing_bucket_is_not_created_again(tested: StoreUnderTest) -> None:
    tested.put("photo")
    with pytest.raises(exceptions.Conflict):
        tested.client.create_bucket(tested.bucket.name, retry=None)
    tested.store.create_bucket(tested.bucket.name)
    assert tested.content("photo") == b"first"


def test_a_bucket_reports_its_storage_layout(tested: StoreUnderTest) -> None:
    answer = requests.get(f"{tested.url}/storage/v1/b/{tested.bucket.name}/storageLayout", timeout=10)
    assert answer.json()["hierarchicalNamespace"] == {"enabled": False}


def test_a_bucket_keeps_its_labels_and_lifecycle(tested: StoreUnderTest) -> None:
    bucket = tested.client.bucket(f"b-{os.urandom(8).hex()}")
    bucket.labels = {"of": "a test"}
    bucket.add_lifecycle_delete_rule(age=1)
    tested.client.create_bucket(bucket, retry=None)
    stored = tested.client.get_bucket(bucket.name, retry=None)
    assert (stored.labels, len(list(stored.lifecycle_rules))) == ({"of": "a test"}, 1)


def test_a_link_with_a_wrong_signature_opens_nothing(tested: StoreUnderTest) -> None:
    tested.put("photo")
    signed = {"X-Goog-Algorithm": "GOOG4-RSA-SHA256", "X-Goog-Signature": "00"}
    assert requests.get(f"{tested.url}/{tested.bucket.name}/photo", params=signed, timeout=10).status_code >= 400


def test_an_error_for_a_missing_object_has_googles_format(tested: StoreUnderTest) -> None:
    answer = requests.get(f"{tested.objects_url()}/nothing", timeout=10)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["errors"][0]["reason"]) == (404, 404, "notFound")
