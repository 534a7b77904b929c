"""The vocabulary of a release: revisions, traffic, and which revision is champion, challenger and previous.

The state of a release is only in the tags of a service's traffic, so it is visible at the service, and a release that
was interrupted anywhere can be resumed or rolled back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

CHALLENGER = "challenger"
"""The tag of the revision that is on trial."""

PREVIOUS = "previous"
"""The tag of the revision that served before the last promotion, to which a rollback returns."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One version of a service, which never changes."""

    name: str
    image: str | None
    """The container image, by digest; None in the local cloud, which runs the source tree."""
    bundle: str | None
    """``MODEL_BUNDLE``; None where the container image's default is served."""
    is_ready: bool
    created_at: datetime | None = None
    """Aware, UTC."""
    commit: str | None = None
    """The commit of the image's code; None where it is not known."""


@dataclass(frozen=True, slots=True)
class Target:
    """A share of a service's traffic."""

    revision: str
    percent: int
    """0 to 100; the shares of a service add up to 100."""
    tag: str | None = None
    """A name for the revision, which also gives it its own URL."""


Traffic = tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """The current state of a service."""

    service: str
    revisions: tuple[Revision, ...]
    """Newest first."""
    traffic: Traffic
    etag: str
    """Changes whenever the service does."""

    @property
    def challenger(self) -> str | None:
        """The revision on trial, or None."""
        return tagged(self.traffic, CHALLENGER)

    @property
    def previous(self) -> str | None:
        """The revision that a rollback of the last promotion returns to, or None."""
        return tagged(self.traffic, PREVIOUS)

    @property
    def champion(self) -> str:
        """The revision that serves: the one with most traffic among those that are not on trial."""
        return champion_of(self.traffic)

    def percent_of(self, revision: str) -> int:
        """Return the share of traffic that a revision gets, 0 to 100."""
        return sum(target.percent for target in self.traffic if target.revision == revision)

    def find(self, name: str) -> Revision | None:
        """Return a revision by its name."""
        return next((revision for revision in self.revisions if revision.name == name), None)


@dataclass(frozen=True, slots=True)
class Change:
    """The difference between a new revision and the last; without values, the newest revision as it is."""

    image: str | None = None
    """A container image, by digest."""
    bundle: str | None = None
    """A value of ``MODEL_BUNDLE``."""
    commit: str | None = None
    """The commit of the image's code, which a new revision is labelled with; it is not a change by itself."""

    def is_in(self, revision: Revision) -> bool:
        """Return whether a revision has the change already."""
        return self.image in (None, revision.image) and self.bundle in (None, revision.bundle)

    def __str__(self) -> str:
        parts = [f"image {self.image}" if self.image else "", f"bundle {self.bundle}" if self.bundle else ""]
        return " and ".join(filter(None, parts)) or "the newest revision"


def champion_of(traffic: Traffic) -> str:
    """Return the revision that serves: the one with most traffic among those that are not on trial."""
    serving = [target for target in traffic if target.tag != CHALLENGER] or list(traffic)
    return max(serving, key=lambda target: target.percent).revision


def tagged(traffic: Traffic, tag: str) -> str | None:
    """Return the revision that has a tag, or None."""
    return next((target.revision for target in traffic if target.tag == tag), None)
