"""Translate the errors of Cloud Storage's client into those of ``shared.errors``; nothing else does that.

Statuses and reasons: https://cloud.google.com/storage/docs/json_api/v1/status-codes. docs/reliability.md describes
what happens to an upload after each of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from google.api_core import exceptions as api
from google.auth.exceptions import GoogleAuthError
from google.cloud.exceptions import NotFound
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
from urllib3.exceptions import HTTPError

from shared.adapters.error_messages import message_of
from shared.adapters.retry import is_transient
from shared.errors import AlreadyDone, BadRequest, BucketlensError, StorageRefused, StorageUnavailable, Unreadable

UNAVAILABLE = (api.GoogleAPIError, GoogleAuthError, InvalidResponse, DataCorruption, HTTPError, OSError)
"""The families that the client raises from; they share no base class but Exception."""

OF_THE_BUCKET = re.compile(r"kms|requester.?pays|user_?project", re.IGNORECASE)
"""Words of a 400 whose cause is a key or a setting of the bucket, which an operator can fix, and not the object."""

OF_THE_CALL = (401, 410)
"""An expired token, and a resumable upload that must start again: the next call has new ones."""

OWN_KEY = re.compile(r"customer.?(supplied )?encryption|customer-supplied", re.IGNORECASE)


@contextmanager
def translate_errors(action: str, *, of_object: bool = False) -> Iterator[None]:
    """Translate every error of the client.

    Args:
        action: what is done, for the message ("reading gs://b/n").
        of_object: whether a 400 can only mean the object that is read or copied.

    Raises:
        AlreadyDone: the object, or this generation of it, is gone (404).
        Unreadable: the object exists, and Cloud Storage does not return it as it is (400, with ``of_object``).
        StorageRefused: Cloud Storage refused, and will again until an operator changes something (any other 4xx).
        StorageUnavailable: any other error of the client, its transport or its credentials.
    """
    try:
        yield
    except NotFound as error:
        raise AlreadyDone(f"While {action}: it is gone.") from error
    except UNAVAILABLE as error:
        raise _translated(error, action, of_object) from error


@contextmanager
def refuse_impossible_name(name: str) -> Iterator[None]:
    """Blame the object's name for a 400, which otherwise would refuse every upload.

    Raises:
        BadRequest: no object can have the name (400).
    """
    try:
        yield
    except StorageRefused as error:
        if _status_of(error.__cause__) == 400 and not OF_THE_BUCKET.search(str(error)):
            raise BadRequest(f"Cloud Storage accepts no object with the name {name[:100]!r}; rename it.") from error
        raise


def _translated(error: Exception, action: str, of_object: bool) -> BucketlensError:
    status, message = _status_of(error), f"While {action}: {type(error).__name__}: {message_of(error)}"
    if of_object and status == 400 and not OF_THE_BUCKET.search(str(error)):
        return Unreadable(
            "Cloud Storage does not return this file: it is encrypted with a key of its owner (a customer-supplied "
            "encryption key). Upload it again without one."
            if OWN_KEY.search(str(error))
            else "Cloud Storage does not return a file of this name. Upload it again, with a name of at most 1,024 "
            "bytes and without a customer-supplied encryption key."
        )
    if status is not None and 400 <= status < 500 and status not in OF_THE_CALL and not is_transient(error):
        return StorageRefused(message)
    return StorageUnavailable(message)


def _status_of(error: BaseException | None) -> int | None:
    if isinstance(error, api.GoogleAPICallError):
        return None if error.code is None else int(error.code)
    status = getattr(getattr(error, "response", None), "status_code", None)  # of InvalidResponse, which downloads raise
    return status if isinstance(status, int) else None
