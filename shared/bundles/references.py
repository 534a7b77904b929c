"""References to bundles: ``MODEL_BUNDLE``, parsed into locations, the names they are served by, and version aliases.

::

    flowers_v1                                              one bundle, under the name in its manifest
    flowers=gs://p-models/flowers, x-ray=/models/chest      two models
    flowers=flowers_v1, flowers@canary=gs://p-models/flowers/2      two versions of one model
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from shared.parsing.gs_uri import SCHEME, parse_gs_uri
from shared.parsing.setting_values import BUCKET_NAME, entries

STABLE = "stable"
"""The version alias for callers who name no version."""

CANARY = "canary"
ALIASES = (STABLE, CANARY)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""A model's name in ``MODEL_BUNDLE`` or in the models bucket, where it becomes a part of paths."""

DIGITS = re.compile(r"([0-9]+)")


@dataclass(frozen=True, slots=True)
class BundleReference:
    """One entry of ``MODEL_BUNDLE``: where a bundle is, and the name and version alias that it is served by."""

    location: str
    """The name of a bundle that ships, a folder, or ``gs://bucket/folder``. The folder holds one bundle, or a model's
    versions, of which the highest is read."""
    name: str | None = None
    """The name that the model is served by; None for the name in its manifest."""
    alias: str | None = None
    """``stable`` or ``canary``; None for a version without an alias."""

    def __str__(self) -> str:
        alias = f"@{self.alias}" if self.alias else ""
        return f"{self.name}{alias}={self.location}" if self.name else self.location

    @property
    def is_in_a_bucket(self) -> bool:
        """Whether the bundle has to be downloaded."""
        return self.location.startswith(SCHEME)

    @property
    def bucket_and_folder(self) -> tuple[str, str]:
        """The bucket, and the folder in it without a slash at its end."""
        uri = parse_gs_uri(self.location)
        return uri.bucket, uri.name.rstrip("/")


def references_from(text: str) -> tuple[BundleReference, ...]:
    """Parse the references in a text, which are separated by commas.

    Raises:
        ValueError: the message lists every fault, as the expected text instead of the entry.
    """
    faults: list[str] = []
    references = tuple(_reference_from(entry, faults) for entry in entries(text))
    if not references:
        faults.append("the name of a bundle, a folder or gs://BUCKET/FOLDER")
    if faults:
        raise ValueError("; ".join(dict.fromkeys(faults)))
    return references


def highest_version(versions: Iterable[str]) -> str:
    """Return the highest of some versions; digits count as numbers, so 10 is above 9, and 1.10 above 1.9."""
    # Text and digits alternate, text first, so text is compared with text and numbers with numbers.
    return max(versions, key=lambda version: [int(part) if part.isdigit() else part for part in DIGITS.split(version)])


def _reference_from(entry: str, faults: list[str]) -> BundleReference:
    served_as, equals, location = (part.strip() for part in entry.partition("="))
    if not equals or "/" in served_as:  # a folder may have = in its name
        served_as, location = "", entry
    name, at, alias = served_as.partition("@")
    if location.startswith(SCHEME) and not _is_in_bucket(location):
        faults.append(f"gs://BUCKET/FOLDER instead of {location!r}")
    if location != entry and not (NAME.fullmatch(name) and location):
        faults.append(f"NAME=PLACE or NAME@ALIAS=PLACE instead of {entry!r}, with a name of letters, digits, . _ and -")
    elif at and alias not in ALIASES:
        faults.append(f"{' or '.join(f'{name}@{known}' for known in ALIASES)} instead of {served_as!r}")
    return BundleReference(location, name or None, alias or None)


def _is_in_bucket(location: str) -> bool:
    try:
        uri = parse_gs_uri(location)
    except ValueError:
        return False
    return BUCKET_NAME.fullmatch(uri.bucket) is not None and not uri.name.startswith("/")
