"""What a request is about, read from its path. The paths are those of the JSON API, and of signed URLs.

https://cloud.google.com/storage/docs/request-endpoints
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import unquote

from shared.emulators.storage.errors import ApiError
from shared.emulators.storage.names import ObjectName


class Action(Enum):
    """What a request wants."""

    READ = auto()
    DELETE = auto()
    COPY = auto()
    COMPOSE = auto()
    UPLOAD = auto()
    PUT_FILE = auto()
    """A PUT of the bytes themselves to ``/bucket/name``, as signed URLs do."""
    POST_FILE = auto()
    """A POST to ``/bucket/name``, which begins an upload of the XML API."""
    FORM = auto()
    """A POST of an HTML form to ``/bucket``."""
    CHANGE_METADATA = auto()
    LIST_OBJECTS = auto()
    CREATE_BUCKET = auto()
    READ_BUCKET = auto()
    LIST_BUCKETS = auto()
    CHANGE_BUCKET = auto()
    DELETE_BUCKET = auto()
    FOLDERS = auto()
    BATCH = auto()
    UNSUPPORTED = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Route:
    """What a request is about."""

    action: Action
    bucket: str | None = None
    target: ObjectName | None = None
    """None where the path does not tell: an upload may name its object in its body."""
    source: ObjectName | None = None
    """Of a copy."""


OBJECT = re.compile(r"/(?:download/)?storage/v1/b/([^/]+)/o/(.+)")
COPY = re.compile(r"(.+)/(?:copyTo|rewriteTo)/b/([^/]+)/o/(.+)")
COMPOSE = re.compile(r"(.+)/compose")
UNSUPPORTED = re.compile(r"(.+)/(?:acl(?:/.*)?|iam(?:/.*)?|moveTo/o/.+|restore|bulkRestore)")
UPLOAD = re.compile(r"(?:/resumable)?/upload/storage/v1/b/([^/]+)/o")
OBJECTS = re.compile(r"/storage/v1/b/([^/]+)/o")
BUCKET = re.compile(r"/storage/v1/b/([^/]+)")
FOLDERS = re.compile(r"/storage/v1/b/([^/]+)/(?:storageLayout|managedFolders)")
BELOW_BUCKET = re.compile(r"/storage/v1/b/([^/]+)/.+")
FILE = re.compile(r"/(?!storage/v1(?:/|$)|_internal/|batch(?:/|$)|upload/|resumable/|download/)([^/]+)/(.+)")
FORM = re.compile(r"/([a-z0-9][^/]+)/?")

ON_OBJECT = {
    "GET": Action.READ,
    "HEAD": Action.READ,
    "DELETE": Action.DELETE,
    "PATCH": Action.CHANGE_METADATA,
    "PUT": Action.CHANGE_METADATA,
    "POST": Action.CHANGE_METADATA,
}
ON_BUCKET = {
    "GET": Action.READ_BUCKET,
    "PATCH": Action.CHANGE_BUCKET,
    "PUT": Action.CHANGE_BUCKET,
    "DELETE": Action.DELETE_BUCKET,
}
ON_BUCKETS = {"GET": Action.LIST_BUCKETS, "POST": Action.CREATE_BUCKET}
ON_FILE = {
    "GET": Action.READ,
    "HEAD": Action.READ,
    "PUT": Action.PUT_FILE,
    "DELETE": Action.DELETE,
    "POST": Action.POST_FILE,
}


def route_of(method: str, path: str) -> Route:
    """Tell what a request is about.

    Args:
        method: in capitals.
        path: as it came, percent-encoded, without the query.
    """
    if found := OBJECT.fullmatch(path):
        return _on_object(method, *found.groups())
    if (found := UPLOAD.fullmatch(path)) or (method == "POST" and (found := OBJECTS.fullmatch(path))):
        return Route(Action.UPLOAD, _plain(found[1]))
    if path == "/storage/v1/b":
        return Route(ON_BUCKETS.get(method, Action.OTHER))
    if found := BUCKET.fullmatch(path):
        return Route(ON_BUCKET.get(method, Action.OTHER), _plain(found[1]))
    if method == "GET" and (found := FOLDERS.fullmatch(path)):
        return Route(Action.FOLDERS, _plain(found[1]))
    if found := BELOW_BUCKET.fullmatch(path):
        is_listing = method == "GET" and OBJECTS.fullmatch(path)
        return Route(Action.LIST_OBJECTS if is_listing else Action.UNSUPPORTED, _plain(found[1]))
    if method == "POST" and path in ("/batch/storage/v1", "/batch"):
        return Route(Action.BATCH)
    if found := FILE.fullmatch(path):
        return _route(ON_FILE.get(method, Action.UNSUPPORTED), found[1], found[2])
    if found := FORM.fullmatch(path):
        return Route(Action.FORM if method == "POST" else Action.UNSUPPORTED, _plain(found[1]))
    return Route(Action.OTHER)


def _on_object(method: str, bucket: str, rest: str) -> Route:
    if method == "POST" and (found := COPY.fullmatch(rest)):
        source, target_bucket, target = found.groups()
        return Route(
            Action.COPY,
            _plain(target_bucket),
            ObjectName(_plain(target_bucket), _plain(target)),
            ObjectName(_plain(bucket), _plain(source)),
        )
    if method == "POST" and (found := COMPOSE.fullmatch(rest)):
        return _route(Action.COMPOSE, bucket, found[1])
    if found := UNSUPPORTED.fullmatch(rest):
        return _route(Action.UNSUPPORTED, bucket, found[1])
    return _route(ON_OBJECT.get(method, Action.OTHER), bucket, rest)


def _route(action: Action, bucket: str, name: str) -> Route:
    target = ObjectName(_plain(bucket), _plain(name))
    return Route(action, target.bucket, target)


def _plain(encoded: str) -> str:
    try:
        return unquote(encoded, errors="strict")
    except UnicodeDecodeError as error:
        raise ApiError(400, f"The path is not UTF-8: {encoded}") from error
