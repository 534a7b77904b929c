"""The audit sample: which uploads a person labels to learn the accuracy on all of them."""

from __future__ import annotations

from math import ceil

ID_DIGITS = 64
"""Hex digits of an ``upload_id``, a sha256."""

ABOVE_ALL = "g"
"""Greater than every hex digit, so above every id."""


def audit_bound(share: float) -> str:
    """Return the bound below which an ``upload_id`` is in the audit sample: ``upload_id < bound``.

    An id is a sha256, so ids are uniform and their order as text is their order as numbers; every system with text can
    draw the sample, and draws the same one. Whether an upload is in it depends on its id alone: never on its label or
    score, nor on the day of the query. A larger share holds all of a smaller one's uploads, so labels stay of use.

    A caller who chooses idempotency keys can choose ids as well, so uploads of a caller who must not know that they are
    audited should come without a key.

    Args:
        share: of all uploads, above 0, at most 1; 0.01 is the default of the view ``audit_queue``.

    Returns:
        64 hex digits in lower case; above every id for a share of 1.

    Raises:
        ValueError: the share is out of its range.
    """
    if not 0 < share <= 1:
        raise ValueError(f"The audit sample is a share of {share}, expected above 0 and at most 1.")
    return ABOVE_ALL if share == 1 else f"{ceil(share * 16**ID_DIGITS):0{ID_DIGITS}x}"
