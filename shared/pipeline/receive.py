"""Step 1: read an ``Upload`` from a CloudEvent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.errors import BucketlensError
from shared.pipeline.probe import is_marked
from shared.types import METADATA_KEY, Acknowledged, ObjectRef, Upload

FINALIZED = "google.cloud.storage.object.v1.finalized"
LONGEST_NAME_BYTES = 1024
"""The longest name of an object (https://cloud.google.com/storage/docs/objects#naming); a bucket's is shorter."""

PART_OF_AN_UPLOAD = re.compile(
    r"(^|/)gcloud/tmp/parallel_composite_uploads/see_gcloud_storage_cp_help_for_details/"
    r"|^\d+/gsutil/tmp/parallel_composite_uploads/for_details_see/gsutil_help_cp/"
)
"""gcloud puts parts at the bucket's root, or next to the file if ``parallel_composite_upload_component_prefix`` is
relative; gsutil puts a random number before them."""

END_OF_TIME = 253_402_300_800_000_000
"""The year 10000 as a generation, in microseconds: the first that Python's ``datetime`` cannot represent."""


class MalformedEvent(BucketlensError):
    """An event that cannot be read. It is acknowledged, because a retry would bring the same event."""


def upload_from(attributes: Mapping[str, Any], data: Any) -> Upload:
    """Return the upload that an Eventarc event announces.

    Args:
        attributes: the CloudEvent's attributes, of which ``type`` is read.
        data: the CloudEvent's data, a ``StorageObjectData`` as JSON
            (https://github.com/googleapis/google-cloudevents, storage/v1).

    Raises:
        MalformedEvent: a field is missing or has the wrong type; the message names the first.
    """
    if attributes.get("type") != FINALIZED:
        raise MalformedEvent(f"The event's type is {repr(attributes.get('type'))[:200]}, expected {FINALIZED!r}.")
    if not isinstance(data, Mapping):
        raise MalformedEvent(f"The event's data is {type(data).__name__}, expected a JSON object.")
    bucket, name = (_text(data, key) for key in ("bucket", "name"))
    return Upload(
        ObjectRef(bucket, name, _number(data, "generation")),
        size_bytes=_number(data, "size"),
        content_type=str(data.get("contentType") or ""),
        model=_model(data.get("metadata")),
        content_encoding=str(data.get("contentEncoding") or ""),
        is_probe=is_marked(data.get("metadata")),
    )


def outcome_if_ignored(upload: Upload, upload_bucket: str, age: timedelta, max_age_s: int) -> Acknowledged | None:
    """Return the outcome of an event that must be ignored; None if its upload must be processed.

    An object outside the upload bucket is never touched, so that no setting makes the function react to its own
    output. An event that was retried for too long is left to the sweep, which counts attempts.
    """
    if upload.ref.bucket != upload_bucket:
        return Acknowledged(upload.ref, "not_our_bucket")
    if not is_upload(upload):
        return Acknowledged(upload.ref, "not_an_upload")
    if age.total_seconds() > max_age_s:
        return Acknowledged(upload.ref, "too_old")
    return None


def is_upload(upload: Upload) -> bool:
    """Return whether an object is an image to classify, not a folder or a part of an upload.

    A folder, as the console and many tools make it, is an empty object whose name ends with a slash
    (https://cloud.google.com/storage/docs/objects#simulated-folders). gcloud and gsutil compose the parts of a
    parallel upload into one object and then delete them
    (https://cloud.google.com/storage/docs/parallel-composite-uploads).
    """
    is_folder = upload.ref.name.endswith("/") and upload.size_bytes == 0
    return not is_folder and PART_OF_AN_UPLOAD.search(upload.ref.name) is None


def occurred_at(attributes: Mapping[str, Any]) -> datetime | None:
    """Return the event's time, aware; None if it is missing or cannot be read."""
    try:
        time = datetime.fromisoformat(str(attributes.get("time")))
    except ValueError:
        return None
    return time if time.tzinfo else None


def is_unicode(text: str) -> bool:
    """Return whether a text can be encoded as UTF-8, as ids need; JSON can escape half of a surrogate pair."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value or not is_unicode(value) or len(value.encode()) > LONGEST_NAME_BYTES:
        raise MalformedEvent(
            f"The event's {key} is {repr(value)[:200]}, expected 1 to {LONGEST_NAME_BYTES:,} bytes of UTF-8."
        )
    return value


def _model(metadata: Any) -> str | None:
    """Return the model that an object's custom metadata names, or None."""
    name = metadata.get(METADATA_KEY) if isinstance(metadata, Mapping) else None
    return name if isinstance(name, str) and name and is_unicode(name) else None


def _number(data: Mapping[str, Any], key: str) -> int:
    """Return a field that is an int64, which protobuf's JSON writes as a string."""
    value = data.get(key)
    text = str(value)
    if (
        isinstance(value, bool)
        or not text.isascii()
        or not text.isdigit()
        or len(text) > 18
        or int(text) >= END_OF_TIME
    ):
        raise MalformedEvent(f"The event's {key} is {repr(value)[:40]}, expected a number of 0 or more.")
    return int(text)
