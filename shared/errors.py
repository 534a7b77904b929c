"""Every error of ours, as a tree of what to do about it.

::

    BucketlensError
    ├── AlreadyDone               this generation is gone           → acknowledge
    │   └── Superseded            it was overwritten before we read → acknowledge, count
    ├── Permanent                 trying again cannot help          → quarantine, record, acknowledge
    │   ├── NotAnImage            no format that we know
    │   ├── DamagedImage          the format is known, the pixels cannot be read
    │   ├── TooManyBytes          over MAX_IMAGE_BYTES
    │   ├── TooManyPixels         over MAX_IMAGE_PIXELS
    │   ├── UnknownModel          it names a model that is not served
    │   ├── WrongEncoding         its bytes are not what its Content-Encoding says
    │   ├── Unreadable            Cloud Storage gives it to nobody as it is       → set aside where it cannot be copied
    │   ├── TriedTooOften         the sweep gave up on it
    │   └── MetadataStays         STRIP_METADATA is set, and its metadata cannot be taken out
    ├── BadRequest                the caller can mend it            → 4xx
    ├── Transient                 trying again may help             → raise; 503 with Retry-After
    │   ├── Busy                  no room for one more picture      → 429 with Retry-After
    │   ├── OverRate              over MAX_IMAGES_PER_MINUTE        → leave it to the sweep; 429 with Retry-After
    │   ├── KeysUnavailable       who calls cannot be verified for now
    │   ├── StorageUnavailable
    │   │   └── StorageRefused    it said no; somebody has to change something
    │   │       └── NameTaken     another object has the name
    │   └── WarehouseUnavailable
    │       └── RowRefused        it does not take this row
    └── Misconfigured             the deployment is wrong           → fail at start, naming every fault
        └── InvalidBundle
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class BucketlensError(Exception):
    """The root; nothing else leaves ``shared/``."""


class AlreadyDone(BucketlensError):
    """The object's generation is gone: an earlier delivery finished the work."""


class Superseded(AlreadyDone):
    """The object's generation is gone because a newer one took its place before it was read."""


class Permanent(BucketlensError):
    """Trying again cannot help. The message is a sentence for the person who uploaded the file."""

    reason: ClassVar[str] = "permanent"
    http_status: ClassVar[int] = 422


class NotAnImage(Permanent):
    """The bytes are of no image format that we know."""

    reason = "not_an_image"
    http_status = 415


class DamagedImage(Permanent):
    """The bytes begin like an image and cannot be read to the end."""

    reason = "damaged_image"
    http_status = 422


class TooManyBytes(Permanent):
    """The file is larger than we read."""

    reason = "too_many_bytes"
    http_status = 413


class TooManyPixels(Permanent):
    """The picture is larger than we decode."""

    reason = "too_many_pixels"
    http_status = 413


class UnknownModel(Permanent):
    """The upload or the request names a model that is not served."""

    reason = "unknown_model"
    http_status = 404


class WrongEncoding(Permanent):
    """The file's bytes are not what its ``Content-Encoding`` says, or it names one that is not undone."""

    reason = "wrong_content_encoding"
    http_status = 422


class TriedTooOften(Permanent):
    """The sweep began this upload several times and never finished it."""

    reason = "tried_too_often"
    http_status = 422


class Unreadable(Permanent):
    """Cloud Storage has the object and gives its bytes to nobody as they are, such as one with a key of its owner's."""

    reason = "unreadable"
    http_status = 422


class MetadataStays(Permanent):
    """The picture's metadata cannot be told from its pixels, and none may be archived."""

    reason = "metadata_stays"
    http_status = 422


class BadRequest(BucketlensError):
    """The caller's request is malformed. The message is a sentence for the caller."""

    def __init__(self, message: str, http_status: int = 400, reason: str = "bad_request") -> None:
        super().__init__(message)
        self.http_status = http_status
        self.reason = reason


class Transient(BucketlensError):
    """Trying again may help."""

    reason: ClassVar[str] = "unavailable"
    http_status: ClassVar[int] = 503
    retry_after_s: int = 2


class Busy(Transient):
    """The pictures being decoded fill the memory set aside for them."""

    reason = "busy"
    http_status = 429
    retry_after_s = 1


class OverRate(Transient):
    """The rate breaker is open: this process has taken as many images in the last minute as it may."""

    reason = "over_rate"
    http_status = 429

    def __init__(self, images_per_minute: int, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(
            f"{images_per_minute} images were taken in the last minute, all that MAX_IMAGES_PER_MINUTE allows; "
            f"there is room again in {retry_after_s} s"
        )


class KeysUnavailable(Transient):
    """The public keys by which callers are verified cannot be had, for now."""


class StorageUnavailable(Transient):
    """Cloud Storage did not answer, or refused for now."""


class StorageRefused(StorageUnavailable):
    """Cloud Storage said no, and says so until somebody changes a permission, a policy or a bucket."""


class NameTaken(StorageRefused):
    """An object with other bytes has the name under which something was to be written."""


class WarehouseUnavailable(Transient):
    """BigQuery did not take the row, for now."""


class RowRefused(WarehouseUnavailable):
    """BigQuery does not take this row as it is, and says so until its table or the row is another."""


class Misconfigured(BucketlensError):
    """The deployment is wrong; every fault is named at once."""

    def __init__(self, what: str, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"{what}: " + "; ".join(self.faults))


class InvalidBundle(Misconfigured):
    """A model bundle cannot be served as it is."""
