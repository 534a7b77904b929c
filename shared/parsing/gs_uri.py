"""URIs of objects in Cloud Storage: ``gs://bucket/name``.

https://cloud.google.com/storage/docs/objects#naming has the rules of names. A name may contain any character except a
line break, so ``?`` and further slashes are part of it.
"""

from __future__ import annotations

from dataclasses import dataclass

SCHEME = "gs://"
MAX_NAME_BYTES = 1024


@dataclass(frozen=True, slots=True)
class GsUri:
    """The URI of an object or a folder in a bucket."""

    bucket: str
    """Not empty; not checked against the rules of bucket names."""
    name: str
    """Not empty."""

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.name}"


def parse_gs_uri(text: str) -> GsUri:
    """Parse a ``gs://`` URI.

    Raises:
        ValueError: the message is what was expected.
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
    """Return a bucket's name without ``gs://`` and outer slashes; it is not checked against the rules of names."""
    return text.removeprefix(SCHEME).strip("/")
