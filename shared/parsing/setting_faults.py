"""Faults of settings taken together, each of which may be well formed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def faults_between(values: Mapping[str, Any]) -> list[str]:
    """Return the faults of the values taken together, a sentence each; what could not be read is not among them."""
    return _bucket_in_two_roles(values) + _timeout_too_short(values) + _no_audience(values)


def _bucket_in_two_roles(values: Mapping[str, Any]) -> list[str]:
    """It would make the function react to its own output, for ever and at a price."""
    roles = {name: values[name] for name in ("upload_bucket", "archive_bucket", "quarantine_bucket") if name in values}
    if len(set(roles.values())) == len(roles):
        return []
    named = ", ".join(f"{name.upper()} is {bucket!r}" for name, bucket in roles.items())
    return [f"{named}: expected three different buckets, or an image would be classified again and again"]


def _timeout_too_short(values: Mapping[str, Any]) -> list[str]:
    """Two sweeps at once would take each other for dead, and quarantine what both could read."""
    names = ("attempt_timeout_s", "storage_deadline_s", "warehouse_deadline_s")
    if not values.keys() >= set(names):
        return []
    timeout_s, storage_s, warehouse_s = (values[name] for name in names)
    longest_s = 4 * storage_s + warehouse_s
    if timeout_s > longest_s:
        return []
    return [
        f"ATTEMPT_TIMEOUT_S is '{timeout_s}', expected more than {longest_s}: the four calls of storage and the one of "
        "the warehouse that an upload takes may last that long by STORAGE_DEADLINE_S and WAREHOUSE_DEADLINE_S"
    ]


def _no_audience(values: Mapping[str, Any]) -> list[str]:
    """An assertion that IAP made for another service would be believed."""
    if values.get("callers") != "iap" or values.get("iap_audience"):
        return []
    return [
        "IAP_AUDIENCE is not set and CALLERS is 'iap', expected /projects/NUMBER/locations/REGION/services/NAME, as in "
        "the assertions of IAP"
    ]
