"""What settings must be beyond their type: lists with a form of their own, and values that depend on each other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HOST = re.compile(r"([a-z0-9]([a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
"""A name or an address, IPv6 in brackets, with or without a port, in lower case."""

MIN_KEY_CHARACTERS = 32
"""64 hex digits are 256 bits; fewer than half of that could be guessed away from here."""


def hosts(value: str) -> tuple[str, ...]:
    """Read host names with commas between them; what is empty is left out.

    Raises:
        ValueError: saying what was expected.
    """
    names = tuple(name.strip().lower() for name in value.split(",") if name.strip())
    if not all(HOST.fullmatch(name) for name in names):
        raise ValueError("host names with commas between them, such as images.example.com or localhost:8080")
    return names


def caller_source(value: str) -> str:
    """Read who checks callers.

    Raises:
        ValueError: saying what was expected.
    """
    if value not in ("iam", "iap", "none"):
        raise ValueError("iam, iap or none")
    return value


def secret_keys(value: str) -> tuple[str, ...]:
    """Read secret keys with commas between them; what is empty is left out.

    Raises:
        ValueError: saying what was expected, and nothing of what was given.
    """
    keys = tuple(key.strip() for key in value.split(",") if key.strip())
    if not all(len(key) >= MIN_KEY_CHARACTERS and key.isascii() and key.isprintable() for key in keys):
        raise ValueError(f"keys of {MIN_KEY_CHARACTERS} or more ASCII characters, as openssl rand -hex 32 makes them")
    return keys


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
