"""Routes: the action and the object of a request, from its path. The paths are those of the JSON API and signed URLs.

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
    """The action of a request."""

    READ = auto()
    DELETE = auto()
    COPY = auto()
    COMPOSE = auto()
    UPLOAD = auto()
    PUT_FILE = auto()
    """A PUT of the bytes to ``/bucket/name``, as by a signed URL."""
    POST_FILE = auto()
    """A POST to ``/bucket/name``, which starts an upload of the XML API."""
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
    """The action, bucket and object of a request."""

    action: Action
    bucket: str | None = None
    target: ObjectName | None = None
    """The object; None if the path does not name it: an upload may name its object in its body."""
    source: ObjectName | None = None
    """The object that a copy reads."""


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
    """Return the route of a request.

    Args:
        method: the HTTP method, in capitals.
        path: the percent-encoded path without the query.
    """
    if match := OBJECT.fullmatch(path):
        return _on_object(method, *match.groups())
    if (match := UPLOAD.fullmatch(path)) or (method == "POST" and (match := OBJECTS.fullmatch(path))):
        return Route(Action.UPLOAD, _plain(match[1]))
    if path == "/storage/v1/b":
        return Route(ON_BUCKETS.get(method, Action.OTHER))
    if match := BUCKET.fullmatch(path):
        return Route(ON_BUCKET.get(method, Action.OTHER), _plain(match[1]))
    if method == "GET" and (match := FOLDERS.fullmatch(path)):
        return Route(Action.FOLDERS, _plain(match[1]))
    if match := BELOW_BUCKET.fullmatch(path):
        is_listing = method == "GET" and OBJECTS.fullmatch(path)
        return Route(Action.LIST_OBJECTS if is_listing else Action.UNSUPPORTED, _plain(match[1]))
    if method == "POST" and path in ("/batch/storage/v1", "/batch"):
        return Route(Action.BATCH)
    if match := FILE.fullmatch(path):
        return _route(ON_FILE.get(method, Action.UNSUPPORTED), match[1], match[2])
    if match := FORM.fullmatch(path):
        return Route(Action.FORM if method == "POST" else Action.UNSUPPORTED, _plain(match[1]))
    return Route(Action.OTHER)


def _on_object(method: str, bucket: str, rest: str) -> Route:
    if method == "POST" and (match := COPY.fullmatch(rest)):
        source, target_bucket, target = match.groups()
        return Route(
            Action.COPY,
            _plain(target_bucket),
            ObjectName(_plain(target_bucket), _plain(target)),
            ObjectName(_plain(bucket), _plain(source)),
        )
    if method == "POST" and (match := COMPOSE.fullmatch(rest)):
        return _route(Action.COMPOSE, bucket, match[1])
    if match := UNSUPPORTED.fullmatch(rest):
        return _route(Action.UNSUPPORTED, bucket, match[1])
    return _route(ON_OBJECT.get(method, Action.OTHER), bucket, rest)


def _route(action: Action, bucket: str, name: str) -> Route:
    target = ObjectName(_plain(bucket), _plain(name))
    return Route(action, target.bucket, target)


def _plain(encoded: str) -> str:
    try:
        return unquote(encoded, errors="strict")
    except UnicodeDecodeError as error:
        raise ApiError(400, f"The path is not UTF-8: {encoded}") from error
