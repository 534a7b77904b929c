"""Requests that apply only to a given state of an object.

Meaning: https://cloud.google.com/storage/docs/request-preconditions
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.emulators.storage.errors import ApiError
from shared.emulators.storage.names import ObjectName, no_such


@dataclass(frozen=True, slots=True)
class Live:
    """What an object is at the moment."""

    generation: int
    metageneration: int


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What a request demands of one object; what it does not mention is None."""

    generation: int | None = None
    """The version that is meant; any other is as good as none (404)."""
    generation_match: int | None = None
    """0 means that there must be no object."""
    generation_not_match: int | None = None
    metageneration_match: int | None = None
    metageneration_not_match: int | None = None

    @classmethod
    def of(cls, query: Mapping[str, str], *, of_source: bool = False) -> Preconditions:
        """Read the parameters of a request; ``of_source``: those of the object that a copy reads."""
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
        """Refuse a request on an object that must exist: 404, 412, or 304 to a reader whose copy is current."""
        if live is None or self.is_of_another(live):
            raise no_such(target)
        self._check(live, reading)

    def is_of_another(self, live: Live | None) -> bool:
        """Tell whether a generation is named that is not the live one: an old version, or none."""
        return self.generation is not None and (live is None or self.generation != live.generation)

    def check_old(self, live: Live | None, *, reading: bool = False) -> None:
        """Refuse a request on an old version, which is kept: what it demands is asked of the live one all the same."""
        self._check(Live(live.generation if live else 0, metageneration=1), reading)

    def check_target(self, live: Live | None) -> None:
        """Refuse (412) to write an object that is not in the state demanded; there may be none yet."""
        self._check(live or NO_OBJECT, reading=False)

    def _check(self, live: Live, reading: bool) -> None:
        matches = ((self.generation_match, live.generation), (self.metageneration_match, live.metageneration))
        if any(wanted is not None and wanted != found for wanted, found in matches):
            raise ApiError(412, "At least one of the pre-conditions you specified did not hold.")
        differs = (
            (self.generation_not_match, live.generation),
            (self.metageneration_not_match, live.metageneration),
        )
        if any(unwanted == found for unwanted, found in differs):
            raise ApiError(304 if reading else 412, "At least one of the pre-conditions you specified did not hold.")


def demands_in(query: Mapping[str, str], headers: Mapping[str, str]) -> Preconditions:
    """Read the parameters of a request, and of the XML API the headers that say the same."""
    said = {name: headers[header] for name, header in HEADERS.items() if header in headers}
    return Preconditions.of({**said, **query})


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
        raise ApiError(400, f"Invalid value for {name}: {text!r}; it takes a whole number.")
    return int(text)
