"""Preconditions: requests that apply only to a given state of an object.

Meaning: https://cloud.google.com/storage/docs/request-preconditions
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.emulators.storage.errors import ApiError
from shared.emulators.storage.names import ObjectName, no_such


@dataclass(frozen=True, slots=True)
class Live:
    """The state of a live object."""

    generation: int
    metageneration: int


@dataclass(frozen=True, slots=True)
class Preconditions:
    """A request's preconditions on one object; None for those that it does not have."""

    generation: int | None = None
    """The requested version; 404 if it does not exist."""
    generation_match: int | None = None
    """0 requires that the object does not exist."""
    generation_not_match: int | None = None
    metageneration_match: int | None = None
    metageneration_not_match: int | None = None

    @classmethod
    def of(cls, query: Mapping[str, str], *, of_source: bool = False) -> Preconditions:
        """Read the preconditions from a query string; with ``of_source``, those of the object that a copy reads."""
        source = "Source" if of_source else ""
        return cls(
            _number(query, "sourceGeneration" if of_source else "generation"),
            _number(query, f"if{source}GenerationMatch"),
            _number(query, f"if{source}GenerationNotMatch"),
            _number(query, f"if{source}MetagenerationMatch"),
            _number(query, f"if{source}MetagenerationNotMatch"),
        )

    def __bool__(self) -> bool:
        return self != NONE

    def check_existing(self, target: ObjectName, live: Live | None, *, reading: bool = False) -> None:
        """Refuse a request on an existing object: 404, 412, or 304 for a reader with a current copy."""
        if live is None or self.is_of_another(live):
            raise no_such(target)
        self._check(live, reading)

    def is_of_another(self, live: Live | None) -> bool:
        """Return whether the request names another generation than the live one: an old version, or a missing one."""
        return self.generation is not None and (live is None or self.generation != live.generation)

    def check_old(self, live: Live | None, *, reading: bool = False) -> None:
        """Refuse a request on an old version; as in Cloud Storage, its preconditions apply to the live one."""
        self._check(Live(live.generation if live else 0, metageneration=1), reading)

    def check_target(self, live: Live | None) -> None:
        """Refuse (412) to write an object whose preconditions do not hold; it need not exist."""
        self._check(live or NO_OBJECT, reading=False)

    def _check(self, live: Live, reading: bool) -> None:
        matches = ((self.generation_match, live.generation), (self.metageneration_match, live.metageneration))
        if any(expected is not None and expected != actual for expected, actual in matches):
            raise ApiError(412, "At least one of the pre-conditions you specified did not hold.")
        differs = (
            (self.generation_not_match, live.generation),
            (self.metageneration_not_match, live.metageneration),
        )
        if any(excluded == actual for excluded, actual in differs):
            raise ApiError(304 if reading else 412, "At least one of the pre-conditions you specified did not hold.")


def preconditions_in(query: Mapping[str, str], headers: Mapping[str, str]) -> Preconditions:
    """Read the preconditions of a request from its query string and from the XML API's headers."""
    from_headers = {name: headers[header] for name, header in HEADERS.items() if header in headers}
    return Preconditions.of({**from_headers, **query})


HEADERS = {
    "ifGenerationMatch": "x-goog-if-generation-match",
    "ifMetagenerationMatch": "x-goog-if-metageneration-match",
}
"""https://cloud.google.com/storage/docs/xml-api/reference-headers"""
NONE = Preconditions()
NO_OBJECT = Live(generation=0, metageneration=0)


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise ApiError(400, f"Invalid value for {name}: {text!r}; expected a whole number.")
    return int(text)
