"""What Cloud Storage's errors mean: the only place that turns what its client raises into errors of ours.

Statuses and reasons: https://cloud.google.com/storage/docs/json_api/v1/status-codes. docs/reliability.md says what
becomes of an upload at each of them.
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

from shared.adapters.retry import is_passing
from shared.adapters.wording import said
from shared.errors import AlreadyDone, BadRequest, BucketlensError, StorageRefused, StorageUnavailable, Unreadable

UNAVAILABLE = (api.GoogleAPIError, GoogleAuthError, InvalidResponse, DataCorruption, HTTPError, OSError)
"""The families that the client raises from; they share no base class but Exception."""

OF_THE_BUCKET = re.compile(r"kms|requester.?pays|user_?project", re.IGNORECASE)
"""What a 400 says where not the object is the reason but a key or a setting of its bucket, which somebody can mend."""

OF_THE_CALL = (401, 410)
"""A token that is no longer valid, and a resumable upload that must begin anew: the next call has others."""

OWN_KEY = re.compile(r"customer.?(supplied )?encryption|customer-supplied", re.IGNORECASE)


@contextmanager
def translated(what: str, *, of_object: bool = False) -> Iterator[None]:
    """Turn whatever the client raises into an error of ours.

    Args:
        what: is done, for the message.
        of_object: whether a 400 can only mean the object that is read or copied.

    Raises:
        AlreadyDone: the object, or this generation of it, is gone (404).
        Unreadable: the object is there, and is not given out as it is (400, with ``of_object``).
        StorageRefused: Cloud Storage said no, and will say it again until somebody changes something (any other 4xx).
        StorageUnavailable: everything else that the client, its transport or its credentials raise.
    """
    try:
        yield
    except NotFound as error:
        raise AlreadyDone(f"While {what}: it is gone.") from error
    except UNAVAILABLE as error:
        raise _meant(error, what, of_object) from error


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Tell a name that no object can have from a refusal of every upload.

    Raises:
        BadRequest: it is the name (400).
    """
    try:
        yield
    except StorageRefused as error:
        if _status_of(error.__cause__) == 400 and not OF_THE_BUCKET.search(str(error)):
            raise BadRequest(f"Cloud Storage takes no object of the name {name[:100]!r}; rename it.") from error
        raise


def _meant(error: Exception, what: str, of_object: bool) -> BucketlensError:
    status, message = _status_of(error), f"While {what}: {type(error).__name__}: {said(error)}"
    if of_object and status == 400 and not OF_THE_BUCKET.search(str(error)):
        return Unreadable(
            "Cloud Storage does not give out this file: it is encrypted with a key of its owner's (a customer-supplied "
            "encryption key). Upload it again without one."
            if OWN_KEY.search(str(error))
            else "Cloud Storage gives out no file of this name as it is. Upload it again, with a name of at most 1,024 "
            "bytes and without a key of its own."
        )
    if status is not None and 400 <= status < 500 and status not in OF_THE_CALL and not is_passing(error):
        return StorageRefused(message)
    return StorageUnavailable(message)


def _status_of(error: BaseException | None) -> int | None:
    if isinstance(error, api.GoogleAPICallError):
        return None if error.code is None else int(error.code)
    status = getattr(getattr(error, "response", None), "status_code", None)  # of InvalidResponse, which downloads raise
    return status if isinstance(status, int) else None
