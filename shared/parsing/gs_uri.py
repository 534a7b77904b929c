"""URIs of objects in Cloud Storage, as people and rows have them: ``gs://bucket/name``.

https://cloud.google.com/storage/docs/objects#naming has the rules of names. A name may have any character but a line
break, so a ``?`` and a second slash are parts of it like others.
"""

from __future__ import annotations

from dataclasses import dataclass

SCHEME = "gs://"
MAX_NAME_BYTES = 1024


@dataclass(frozen=True, slots=True)
class GsUri:
    """A place in a bucket: an object, or a folder."""

    bucket: str
    """Not empty; whether a bucket can be called so is not looked at."""
    name: str
    """Not empty."""

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.name}"


def parse_gs_uri(text: str) -> GsUri:
    """Read a URI.

    Raises:
        ValueError: saying what was expected.
    """
    bucket, _, name = text.removeprefix(SCHEME).partition("/")
    try:
        size_bytes = len(name.encode()) if text.encode().startswith(SCHEME.encode()) and bucket else 0
    except UnicodeEncodeError:  # JSON can escape half of a surrogate pair
        size_bytes = 0
    if not size_bytes:
        raise ValueError("gs://bucket/name")
    if size_bytes > MAX_NAME_BYTES or name in (".", "..") or set(name) & set("\r\n"):
        raise ValueError(f"the name of an object: at most {MAX_NAME_BYTES:,} bytes, without line breaks")
    return GsUri(bucket, name)


def bucket_name(text: str) -> str:
    """Return the name of a bucket that a person typed with or without ``gs://``; whether it can be one is not seen."""
    return text.removeprefix(SCHEME).strip("/")
