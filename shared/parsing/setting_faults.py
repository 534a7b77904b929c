"""Faults between settings that are valid on their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def faults_between(values: Mapping[str, Any]) -> list[str]:
    """Return the faults between settings, a sentence each; settings that could not be parsed are not in ``values``."""
    return (
        _bucket_in_two_roles(values)
        + _reports_among_pictures(values)
        + _timeout_too_short(values)
        + _no_audience(values)
    )


def _bucket_in_two_roles(values: Mapping[str, Any]) -> list[str]:
    """Report a bucket in two roles: the function would react to its own output without a limit, at a price."""
    roles = {name: values[name] for name in ("upload_bucket", "archive_bucket", "quarantine_bucket") if name in values}
    if len(set(roles.values())) == len(roles):
        return []
    named = ", ".join(f"{name.upper()} is {bucket!r}" for name, bucket in roles.items())
    return [f"{named}: expected three different buckets, or an image would be classified again and again"]


def _reports_among_pictures(values: Mapping[str, Any]) -> list[str]:
    """Report a bucket of reports that has another role: a report would be classified, archived or exported."""
    others = [name for name in ("upload_bucket", "archive_bucket", "quarantine_bucket") if name in values]
    bucket = values.get("report_bucket")
    return [
        f"REPORT_BUCKET and {name.upper()} are {bucket!r}: expected a bucket of its own for reports"
        for name in others
        if bucket and values[name] == bucket
    ]


def _timeout_too_short(values: Mapping[str, Any]) -> list[str]:
    """Report an attempt timeout so short that two parallel sweeps would count each other's attempts as dead."""
    names = ("attempt_timeout_s", "storage_deadline_s", "warehouse_deadline_s")
    if not values.keys() >= set(names):
        return []
    timeout_s, storage_s, warehouse_s = (values[name] for name in names)
    longest_s = 4 * storage_s + warehouse_s
    if timeout_s > longest_s:
        return []
    return [
        f"ATTEMPT_TIMEOUT_S is '{timeout_s}', expected more than {longest_s}: an upload needs four calls to storage "
        "and one to the warehouse, which may take that long by STORAGE_DEADLINE_S and WAREHOUSE_DEADLINE_S"
    ]


def _no_audience(values: Mapping[str, Any]) -> list[str]:
    """Report a missing audience: an assertion that IAP made for another service would be accepted."""
    if values.get("callers") != "iap" or values.get("iap_audience"):
        return []
    return [
        "IAP_AUDIENCE is not set and CALLERS is 'iap', expected /projects/NUMBER/locations/REGION/services/NAME, as in "
        "the assertions of IAP"
    ]
