"""Names of buckets and objects that Cloud Storage accepts.

Rules: https://cloud.google.com/storage/docs/objects#naming and https://cloud.google.com/storage/docs/buckets#naming
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.emulators.storage.errors import ApiError

BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
LONGEST_NAME_BYTES = 1024


@dataclass(frozen=True, slots=True, order=True)
class ObjectName:
    """A bucket and the name of an object in it, not percent-encoded."""

    bucket: str
    name: str

    def __str__(self) -> str:
        return f"{self.bucket}/{self.name}"


def check_bucket(bucket: str) -> None:
    """Refuse (400) a bucket name that Cloud Storage does not accept."""
    if not BUCKET.fullmatch(bucket):
        raise ApiError(400, f"Invalid bucket name: {bucket!r}; use 3 to 222 of a-z, 0-9, '-', '_' and '.'.")


def check_writable(target: ObjectName) -> None:
    """Refuse (400) an object name that Cloud Storage does not accept, or that has a zero byte."""
    if fault := _fault_of(target.name):
        raise ApiError(400, f"The object name {target.name[:100]!r} {fault}.")


def no_such(target: ObjectName) -> ApiError:
    """Return the error for a missing object."""
    return ApiError(404, f"No such object: {target}")


def no_bucket(bucket: str) -> ApiError:
    """Return the error for a missing bucket."""
    return ApiError(404, f"The bucket {bucket} does not exist.")


def _fault_of(name: str) -> str | None:
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        return "is not Unicode"
    if not 1 <= length <= LONGEST_NAME_BYTES:
        return f"must have 1 to {LONGEST_NAME_BYTES} bytes of UTF-8"
    if "\r" in name or "\n" in name:
        return "must not have a line break"
    if "\0" in name:
        return "must not have a zero byte, which the local warehouse cannot store"
    if name in (".", "..") or name.startswith(".well-known/acme-challenge/"):
        return "is reserved"
    return None
