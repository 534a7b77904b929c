"""Events of Eventarc become uploads, and events that must not be processed are ignored."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import BucketlensError, Permanent, Transient
from shared.pipeline.receive import (
    FINALIZED,
    MalformedEvent,
    is_unicode,
    is_upload,
    occurred_at,
    outcome_if_ignored,
    upload_from,
)
from shared.types import METADATA_KEY, Acknowledged, ObjectRef, Upload

ATTRIBUTES = {
    "id": "8897446546443",
    "source": "//storage.googleapis.com/projects/_/buckets/my-uploads",
    "specversion": "1.0",
    "type": "google.cloud.storage.object.v1.finalized",
    "subject": "objects/garden/rose ü.jpg",
    "time": "2025-11-21T08:00:00.123456Z",
    "bucket": "my-uploads",
}
DATA = {
    "kind": "storage#object",
    "id": "my-uploads/garden/rose ü.jpg/1763712000123456",
    "selfLink": "https://www.googleapis.com/storage/v1/b/my-uploads/o/garden%2Frose%20%C3%BC.jpg",
    "name": "garden/rose ü.jpg",
    "bucket": "my-uploads",
    "generation": "1763712000123456",
    "metageneration": "1",
    "contentType": "image/jpeg",
    "timeCreated": "2025-11-21T08:00:00.123Z",
    "updated": "2025-11-21T08:00:00.123Z",
    "storageClass": "STANDARD",
    "timeStorageClassUpdated": "2025-11-21T08:00:00.123Z",
    "size": "73012",
    "md5Hash": "rL0Y20zC+Fzt72VPzMSk2A==",
    "crc32c": "z8SuHQ==",
    "etag": "CMDM2unCgpEDEAE=",
}
"""As Eventarc sends a StorageObjectData: int64 fields are strings in protobuf's JSON."""

UPLOAD = Upload(ObjectRef("my-uploads", "garden/rose ü.jpg", 1763712000123456), 73012, "image/jpeg")
AN_HOUR = timedelta(hours=1)


def test_event_of_eventarc_becomes_an_upload() -> None:
    upload = upload_from(ATTRIBUTES, DATA)
    assert upload == UPLOAD
    assert upload.ref.uri == "gs://my-uploads/garden/rose ü.jpg"
    assert str(upload.ref) == "gs://my-uploads/garden/rose ü.jpg#1763712000123456"
    assert upload.ref.created_at == datetime(2025, 11, 21, 8, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("number", ["73012", 73012])
def test_event_numbers_may_be_strings_or_numbers(number: str | int) -> None:
    assert upload_from(ATTRIBUTES, {**DATA, "size": number}).size_bytes == 73012


def test_event_of_an_empty_object_is_an_upload() -> None:
    assert upload_from(ATTRIBUTES, {**DATA, "size": "0"}).size_bytes == 0


@pytest.mark.parametrize("content_type", [None, ""])
def test_event_without_a_content_type_gives_an_empty_one(content_type: str | None) -> None:
    assert upload_from(ATTRIBUTES, {**DATA, "contentType": content_type}).content_type == ""


@pytest.mark.parametrize("field", ["bucket", "name", "generation", "size"])
def test_event_error_names_a_missing_field(field: str) -> None:
    with pytest.raises(MalformedEvent, match=f"The event's {field} is None, expected"):
        upload_from(ATTRIBUTES, {key: value for key, value in DATA.items() if key != field})


@pytest.mark.parametrize("field", ["bucket", "name"])
@pytest.mark.parametrize("value", ["", 5, None, [], {}, True, "half a pair \ud83c.jpg", "n" * 1025, "ä" * 513])
def test_event_error_names_a_bad_text(field: str, value: Any) -> None:
    with pytest.raises(MalformedEvent, match=f"The event's {field} is .*, expected 1 to 1,024 bytes"):
        upload_from(ATTRIBUTES, {**DATA, field: value})


@pytest.mark.parametrize("field", ["generation", "size"])
@pytest.mark.parametrize(
    "value", ["", "-1", -1, 1.5, "1e3", " 5", "٣", "²", True, None, [], {}, "9" * 5000, 2**63, 10**17 * 3]
)
def test_event_error_names_a_bad_number(field: str, value: Any) -> None:
    with pytest.raises(MalformedEvent, match=f"The event's {field} is .*, expected a number of 0 or more"):
        upload_from(ATTRIBUTES, {**DATA, field: value})


@pytest.mark.parametrize("type_", [None, "", "google.cloud.storage.object.v1.deleted", FINALIZED.upper()])
def test_event_of_another_type_is_malformed(type_: str | None) -> None:
    with pytest.raises(MalformedEvent, match=r"expected 'google\.cloud\.storage\.object\.v1\.finalized'"):
        upload_from({**ATTRIBUTES, "type": type_}, DATA)


@pytest.mark.parametrize("data", [None, b"{}", "{}", [], [DATA], 5])
def test_event_data_must_be_an_object(data: Any) -> None:
    with pytest.raises(MalformedEvent, match="expected a JSON object"):
        upload_from(ATTRIBUTES, data)


def test_malformed_event_is_neither_permanent_nor_transient() -> None:
    assert issubclass(MalformedEvent, BucketlensError)
    assert not issubclass(MalformedEvent, Permanent | Transient)


def test_event_of_the_upload_bucket_is_processed() -> None:
    assert outcome_if_ignored(UPLOAD, "my-uploads", timedelta(seconds=5), 3600) is None


@pytest.mark.parametrize("bucket", ["my-archive", "my-upload", "my-uploads-2", "MY-UPLOADS", ""])
def test_event_of_another_bucket_is_ignored(bucket: str) -> None:
    assert outcome_if_ignored(UPLOAD, bucket, timedelta(), 3600) == Acknowledged(UPLOAD.ref, "not_our_bucket")


def test_event_older_than_the_limit_is_left_to_the_sweep() -> None:
    assert outcome_if_ignored(UPLOAD, "my-uploads", AN_HOUR, 3600) is None
    late = outcome_if_ignored(UPLOAD, "my-uploads", AN_HOUR + timedelta(microseconds=1), 3600)
    assert late == Acknowledged(UPLOAD.ref, "too_old")


def test_event_from_the_future_is_processed() -> None:
    assert outcome_if_ignored(UPLOAD, "my-uploads", -AN_HOUR, 3600) is None


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2025-11-21T08:00:00.123456Z", datetime(2025, 11, 21, 8, 0, 0, 123456, tzinfo=UTC)),
        ("2025-11-21T08:00:00.123456789Z", datetime(2025, 11, 21, 8, 0, 0, 123456, tzinfo=UTC)),
        ("2025-11-21T09:00:00+01:00", datetime(2025, 11, 21, 8, tzinfo=UTC)),
    ],
)
def test_event_time_is_read(time: str, expected: datetime) -> None:
    assert occurred_at({"time": time}) == expected


@pytest.mark.parametrize("time", [None, "", "yesterday", "2025-11-21T08:00:00", 5])
def test_event_time_without_a_zone_or_unreadable_is_none(time: Any) -> None:
    assert occurred_at({"time": time}) is None
    assert occurred_at({}) is None


def test_event_may_have_the_last_generation_with_a_date() -> None:
    last = upload_from(ATTRIBUTES, {**DATA, "generation": "253402300799999999"})
    assert last.ref.created_at == datetime.max.replace(tzinfo=UTC)


def test_event_error_shortens_a_long_name() -> None:
    with pytest.raises(MalformedEvent) as error:
        upload_from(ATTRIBUTES, {**DATA, "name": "n" * 1_000_000})
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    "name",
    [
        "gcloud/tmp/parallel_composite_uploads/see_gcloud_storage_cp_help_for_details/123456_ab12_0",
        "holiday/gcloud/tmp/parallel_composite_uploads/see_gcloud_storage_cp_help_for_details/123456_ab12_31",
        "4611686018427387904/gsutil/tmp/parallel_composite_uploads/for_details_see/gsutil_help_cp/0cc175b9c0f1b6a8_3",
    ],
)
def test_part_of_a_composite_upload_is_not_an_upload(name: str) -> None:
    """The names are those of gcloud's copy_component_util.py and gsutil's copy_helper.py."""
    part = replace(UPLOAD, ref=replace(UPLOAD.ref, name=name))
    assert outcome_if_ignored(part, "my-uploads", AN_HOUR, 4000) == Acknowledged(part.ref, "not_an_upload")


def test_folder_marker_is_not_an_upload() -> None:
    folder = replace(UPLOAD, ref=replace(UPLOAD.ref, name="roses/"), size_bytes=0)
    assert outcome_if_ignored(folder, "my-uploads", AN_HOUR, 4000) == Acknowledged(folder.ref, "not_an_upload")


@pytest.mark.parametrize(
    ("name", "size_bytes"),
    [("empty.jpg", 0), ("roses/", 73012), ("my gcloud/tmp/photo.jpg", 1), ("gsutil/tmp/parallel_composite_uploads", 1)],
)
def test_object_that_only_resembles_a_part_or_a_folder_is_an_upload(name: str, size_bytes: int) -> None:
    assert is_upload(replace(UPLOAD, ref=replace(UPLOAD.ref, name=name), size_bytes=size_bytes))


def test_event_content_encoding_is_read() -> None:
    assert upload_from(ATTRIBUTES, {**DATA, "contentEncoding": "gzip"}).content_encoding == "gzip"


@pytest.mark.parametrize(("generation", "fits"), [(253_402_300_799_999_999, True), (253_402_300_800_000_000, False)])
def test_generation_is_a_moment_before_the_year_10000(generation: int, fits: bool) -> None:
    data = DATA | {"generation": str(generation)}
    if fits:
        assert upload_from(ATTRIBUTES, data).ref.created_at.year == 9999
    else:
        with pytest.raises(MalformedEvent, match="generation"):
            upload_from(ATTRIBUTES, data)


@pytest.mark.parametrize(("size", "fits"), [("0" * 17 + "1", True), ("0" * 18 + "1", False)])
def test_number_in_an_event_has_18_digits_at_most(size: str, fits: bool) -> None:
    if fits:
        assert upload_from(ATTRIBUTES, DATA | {"size": size}).size_bytes == 1
    else:
        with pytest.raises(MalformedEvent, match="size"):
            upload_from(ATTRIBUTES, DATA | {"size": size})


@pytest.mark.parametrize(
    ("code_point", "expected"), [(0xD7FF, True), (0xD800, False), (0xDC00, False), (0xDFFF, False), (0xE000, True)]
)
def test_text_is_unicode_without_halves_of_a_pair(code_point: int, expected: bool) -> None:
    assert is_unicode(f"a{chr(code_point)}b🌹") is expected


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({METADATA_KEY: "ponies"}, "ponies"),
        ({METADATA_KEY: ""}, None),
        ({METADATA_KEY: 7}, None),
        ({METADATA_KEY: "\ud800"}, None),
        ({}, None),
        ([METADATA_KEY], None),
        (None, None),
    ],
)
def test_model_is_named_by_the_metadata_of_an_object_or_not_at_all(metadata: object, expected: str | None) -> None:
    assert upload_from(ATTRIBUTES, DATA | {"metadata": metadata}).model == expected
