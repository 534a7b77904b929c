"""``MODEL_BUNDLE``, taken apart: where bundles lie, under which names they are served, and which labels they have.

::

    flowers_v1                                              one bundle, under the name that its manifest says
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
"""What is asked where nobody says which version."""

CANARY = "canary"
LABELS = (STABLE, CANARY)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""Of a model, where ``MODEL_BUNDLE`` or a folder of the models bucket says it: it is a part of paths."""

DIGITS = re.compile(r"([0-9]+)")


@dataclass(frozen=True, slots=True)
class Place:
    """One entry: where a bundle is looked for, and what it is served as."""

    where: str
    """The name of a bundle that ships, a folder, or ``gs://bucket/folder``; of one version, or of a model's versions,
    of which the highest is meant."""
    name: str | None = None
    """What the model is called here; None for what its manifest says."""
    label: str | None = None
    """``stable`` or ``canary``."""

    def __str__(self) -> str:
        label = f"@{self.label}" if self.label else ""
        return f"{self.name}{label}={self.where}" if self.name else self.where

    @property
    def is_in_a_bucket(self) -> bool:
        """Whether it is to be downloaded."""
        return self.where.startswith(SCHEME)

    @property
    def bucket_and_folder(self) -> tuple[str, str]:
        """The bucket, and the folder in it without a slash at its end."""
        uri = parse_gs_uri(self.where)
        return uri.bucket, uri.name.rstrip("/")


def places_from(text: str) -> tuple[Place, ...]:
    """Parse entries with commas between them.

    Raises:
        ValueError: naming everything that is wrong, as what was expected instead.
    """
    faults: list[str] = []
    places = tuple(_place(entry, faults) for entry in entries(text))
    if not places:
        faults.append("the name of a bundle, a folder or gs://BUCKET/FOLDER")
    if faults:
        raise ValueError("; ".join(dict.fromkeys(faults)))
    return places


def highest(versions: Iterable[str]) -> str:
    """Return the highest of some versions: digits in them count as numbers, so 10 is above 9, and 1.10 above 1.9."""
    # Text and digits come by turns, text first, so like is compared with like.
    return max(versions, key=lambda one: [int(part) if part.isdigit() else part for part in DIGITS.split(one)])


def _place(entry: str, faults: list[str]) -> Place:
    served_as, equals, where = (part.strip() for part in entry.partition("="))
    if not equals or "/" in served_as:  # a folder may have = in its name
        served_as, where = "", entry
    name, at, label = served_as.partition("@")
    if where.startswith(SCHEME) and not _is_in_bucket(where):
        faults.append(f"gs://BUCKET/FOLDER instead of {where!r}")
    if where != entry and not (NAME.fullmatch(name) and where):
        faults.append(f"NAME=PLACE or NAME@LABEL=PLACE instead of {entry!r}, with a name of letters, digits, . _ and -")
    elif at and label not in LABELS:
        faults.append(f"{' or '.join(f'{name}@{one}' for one in LABELS)} instead of {served_as!r}")
    return Place(where, name or None, label or None)


def _is_in_bucket(where: str) -> bool:
    try:
        uri = parse_gs_uri(where)
    except ValueError:
        return False
    return BUCKET_NAME.fullmatch(uri.bucket) is not None and not uri.name.startswith("/")
