"""Every exception that Google's clients may raise: whole families of classes."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator

import google.auth.exceptions
import requests.exceptions
import urllib3.exceptions
from google.api_core import exceptions as api

ROOTS = (
    api.GoogleAPIError,
    google.auth.exceptions.GoogleAuthError,
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
)
"""The base classes of what Google's clients, their credentials and their transport raise."""
MODULES = (
    "google.api_core.exceptions",
    "google.auth.exceptions",
    "google.cloud.exceptions",
    "requests.exceptions",
    "urllib3.exceptions",
)
"""Where those classes are defined. Imported by name, since a class is in no family until its module is loaded."""
ARGUMENTS: tuple[tuple[object, ...], ...] = (
    ("text",),
    ("text", ValueError("the cause")),
    (requests.Response(), "text"),
    (3, 5),
    (urllib3.HTTPResponse(b"body"), b"7"),
    ("text", "text", 0),
    (),
)
"""Arguments for the constructors of these classes, which are tried in order."""


def family(root: type[BaseException]) -> Iterator[type[BaseException]]:
    yield root
    for child in root.__subclasses__():
        yield from family(child)


def raised_by_clients() -> list[type[BaseException]]:
    for module in MODULES:
        importlib.import_module(module)
    members = {kind for root in ROOTS for kind in family(root)}
    storage = importlib.import_module("google.cloud.storage.exceptions")
    members |= {storage.InvalidResponse, storage.DataCorruption}
    return sorted(
        (kind for kind in members if not issubclass(kind, Warning)),
        key=lambda kind: (kind.__qualname__, kind.__module__),
    )


def instance_of(kind: type[BaseException]) -> BaseException:
    """Build an exception with arguments that its constructor accepts and that can be shown as text, as in a log."""
    for arguments in ARGUMENTS:
        try:
            error = kind(*arguments)
            str(error)
        except Exception:
            continue
        return error
    raise AssertionError(f"{kind} takes {inspect.signature(kind)}; add such arguments to ARGUMENTS")
