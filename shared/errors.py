"""Every error of the project, as a tree by what to do about it.

::

    BucketlensError
    ├── AlreadyDone               this generation is gone           → acknowledge
    │   └── Superseded            it was overwritten before we read → acknowledge, count
    ├── Permanent                 trying again cannot help          → quarantine, record, acknowledge
    │   ├── NotAnImage            its format is not known
    │   ├── DamagedImage          the format is known, the pixels cannot be read
    │   ├── TooManyBytes          over MAX_IMAGE_BYTES
    │   ├── TooManyPixels         over MAX_IMAGE_PIXELS
    │   ├── TooCostly             decoding it takes more time or memory than its size allows
    │   ├── UnknownModel          it names a model that is not served
    │   ├── WrongEncoding         its bytes do not match its Content-Encoding
    │   ├── Unreadable            Cloud Storage does not serve its bytes          → set aside if it cannot be copied
    │   ├── TriedTooOften         the sweep gave up on it
    │   └── MetadataStays         STRIP_METADATA is set, and its metadata cannot be removed
    ├── BadRequest                the caller can correct it         → 4xx
    ├── Transient                 trying again may help             → raise; 503 with Retry-After
    │   ├── Busy                  no memory for one more picture    → 429 with Retry-After
    │   ├── OverRate              over MAX_IMAGES_PER_MINUTE        → leave it to the sweep; 429 with Retry-After
    │   ├── KeysUnavailable       callers cannot be verified for now
    │   ├── StorageUnavailable
    │   │   └── StorageRefused    it refused; a person must change something
    │   │       └── NameTaken     another object has the name
    │   └── WarehouseUnavailable
    │       └── RowRefused        it does not accept this row
    └── Misconfigured             the deployment is wrong           → fail at start, naming every fault
        └── InvalidBundle
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class BucketlensError(Exception):
    """The root of the tree; ``shared/`` raises no other errors to its callers."""


class AlreadyDone(BucketlensError):
    """The object's generation is gone: an earlier delivery finished the work."""


class Superseded(AlreadyDone):
    """The object's generation is gone because a newer one replaced it before it was read."""


class Permanent(BucketlensError):
    """Trying again cannot help. The message is a sentence for the person who uploaded the file."""

    reason: ClassVar[str] = "permanent"
    http_status: ClassVar[int] = 422


class NotAnImage(Permanent):
    """The bytes have no known image format."""

    reason = "not_an_image"
    http_status = 415


class DamagedImage(Permanent):
    """The bytes begin like an image, but cannot be read to the end."""

    reason = "damaged_image"
    http_status = 422


class TooManyBytes(Permanent):
    """The file is larger than MAX_IMAGE_BYTES."""

    reason = "too_many_bytes"
    http_status = 413


class TooManyPixels(Permanent):
    """The picture is larger than MAX_IMAGE_PIXELS."""

    reason = "too_many_pixels"
    http_status = 413


class TooCostly(Permanent):
    """Decoding the picture takes more time or memory than the limit for its size."""

    reason = "too_costly"
    http_status = 422


class UnknownModel(Permanent):
    """The upload or the request names a model that is not served."""

    reason = "unknown_model"
    http_status = 404


class WrongEncoding(Permanent):
    """The file's bytes do not match its ``Content-Encoding``, or that encoding is not supported."""

    reason = "wrong_content_encoding"
    http_status = 422


class TriedTooOften(Permanent):
    """Sweeps started this upload several times and never finished it."""

    reason = "tried_too_often"
    http_status = 422


class Unreadable(Permanent):
    """Cloud Storage has the object but does not serve its bytes, as with a customer-supplied encryption key."""

    reason = "unreadable"
    http_status = 422


class MetadataStays(Permanent):
    """The picture's metadata cannot be separated from its pixels, and metadata must not be archived."""

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
    """The pictures that are being decoded fill the memory reserved for them."""

    reason = "busy"
    http_status = 429
    retry_after_s = 1


class OverRate(Transient):
    """The rate limit is reached: this process has taken MAX_IMAGES_PER_MINUTE images in the last minute."""

    reason = "over_rate"
    http_status = 429

    def __init__(self, images_per_minute: int, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(
            f"{images_per_minute} images were taken in the last minute, all that MAX_IMAGES_PER_MINUTE allows; "
            f"there is room again in {retry_after_s} s"
        )


class KeysUnavailable(Transient):
    """The public keys that verify callers are not available for now."""


class StorageUnavailable(Transient):
    """Cloud Storage did not answer, or refused for now."""


class StorageRefused(StorageUnavailable):
    """Cloud Storage refused, and will until a person changes a permission, a policy or a bucket."""


class NameTaken(StorageRefused):
    """An object with other bytes already has the name."""


class WarehouseUnavailable(Transient):
    """BigQuery did not accept the row, for now."""


class RowRefused(WarehouseUnavailable):
    """BigQuery refused this row, and will until its table or the row changes."""


class Misconfigured(BucketlensError):
    """The deployment is wrong; the message names every fault."""

    def __init__(self, what: str, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"{what}: " + "; ".join(self.faults))


class InvalidBundle(Misconfigured):
    """A model bundle cannot be served."""
