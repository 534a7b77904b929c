"""Which names an object may have: those that Cloud Storage takes, less those that a file cannot have.

Cloud Storage's rules: https://cloud.google.com/storage/docs/objects#naming and …/buckets#naming
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.local.storage_proxy.refusals import Refused

BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
HIDDEN_BUCKET = "bucketlens-kept-versions"
"""Where the versions lie that are no longer live; it is not for clients."""

LONGEST_NAME_BYTES = 1024
LONGEST_SEGMENT_BYTES = 230
"""A file name may have 255 bytes; the store's temporary file has the object's name and up to 20 digits more."""


@dataclass(frozen=True, slots=True, order=True)
class ObjectName:
    """A bucket and a name in it, as people write them, not percent-encoded."""

    bucket: str
    name: str

    def __str__(self) -> str:
        return f"{self.bucket}/{self.name}"


def check_bucket(bucket: str) -> None:
    """Refuse (400) a bucket name that Cloud Storage would not take."""
    if not BUCKET.fullmatch(bucket):
        raise Refused(400, f"Invalid bucket name: {bucket!r}; use 3 to 222 of a-z, 0-9, '-', '_' and '.'.")
    if bucket == HIDDEN_BUCKET:
        raise Refused(400, f"The local object store keeps old versions in {HIDDEN_BUCKET}; use another bucket.")


def check_writable(target: ObjectName) -> None:
    """Refuse (400) a name that Cloud Storage would not take, or that our store cannot hold as a file."""
    if fault := _fault_of_name(target.name):
        raise Refused(400, f"The object name {target.name!r} {fault}.")
    if fault := _fault_of_file(target.name):
        raise Refused(
            400,
            f"The local object store keeps each object as a file and cannot hold {target.name!r}: it {fault}. "
            "Cloud Storage would take this name; locally, use another.",
        )


def check_readable(target: ObjectName) -> None:
    """Refuse (404) a name under which nothing can be stored, before the store mistakes it for another."""
    if _fault_of_name(target.name) or _fault_of_file(target.name):
        raise no_such(target)


def no_such(target: ObjectName) -> Refused:
    """Return the refusal of an object that is not there."""
    return Refused(404, f"No such object: {target}")


def _fault_of_name(name: str) -> str | None:
    if not 1 <= len(name.encode("utf-8", "surrogateescape")) <= LONGEST_NAME_BYTES:
        return f"must have 1 to {LONGEST_NAME_BYTES} bytes of UTF-8"
    if "\r" in name or "\n" in name:
        return "must not have a line break"
    if name in (".", "..") or name.startswith(".well-known/acme-challenge/"):
        return "is reserved"
    return None


def _fault_of_file(name: str) -> str | None:
    segments = name.split("/")
    if "" in segments:
        return "has an empty segment (a slash at its start or end, or two in a row)"
    if "." in segments or ".." in segments:
        return "has the segment '.' or '..', which would lead to another folder"
    if "\0" in name:
        return "has a zero byte"
    if any(len(segment.encode("utf-8", "surrogateescape")) > LONGEST_SEGMENT_BYTES for segment in segments):
        return f"has more than {LONGEST_SEGMENT_BYTES} bytes between two slashes"
    return None
