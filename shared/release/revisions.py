"""The vocabulary of a release: a revision, where traffic goes, and who is champion, challenger and previous.

Nothing else is kept of a release than the tags of a service's own traffic, so whoever looks at the service sees it,
and a release that broke off anywhere can be taken up or given back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

CHALLENGER = "challenger"
"""The tag of the revision that is on trial."""

PREVIOUS = "previous"
"""The tag of the revision that served before the last promotion: what a rollback returns to."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One version of a service, which never changes."""

    name: str
    image: str | None
    """The container image, by digest; None in the local cloud, which runs this source."""
    bundle: str | None
    """``MODEL_BUNDLE``; None where the image's default is served."""
    is_ready: bool
    created_at: datetime | None = None
    """Aware, UTC."""


@dataclass(frozen=True, slots=True)
class Target:
    """A share of a service's traffic."""

    revision: str
    percent: int
    """0 to 100; those of a service add up to 100."""
    tag: str | None = None
    """Names the revision for as long as it is there, and gives it a URL of its own."""


Traffic = tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A service as it is now."""

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
        """The revision that serves: of those that are not on trial the one with most traffic."""
        return champion_of(self.traffic)

    def percent_of(self, revision: str) -> int:
        """Return the share of traffic that a revision gets, 0 to 100."""
        return sum(target.percent for target in self.traffic if target.revision == revision)

    def find(self, name: str) -> Revision | None:
        """Return a revision by its name."""
        return next((revision for revision in self.revisions if revision.name == name), None)


@dataclass(frozen=True, slots=True)
class Change:
    """What a new revision has that the last one had not. Nothing: the newest revision as it is."""

    image: str | None = None
    """A container image, by digest."""
    bundle: str | None = None
    """A value of ``MODEL_BUNDLE``."""

    def is_in(self, revision: Revision) -> bool:
        """Tell whether a revision has it already."""
        return self.image in (None, revision.image) and self.bundle in (None, revision.bundle)

    def __str__(self) -> str:
        named = [f"image {self.image}" if self.image else "", f"bundle {self.bundle}" if self.bundle else ""]
        return " and ".join(filter(None, named)) or "the newest revision"


def champion_of(traffic: Traffic) -> str:
    """Return the revision that serves: of those that are not on trial the one with most traffic."""
    serving = [target for target in traffic if target.tag != CHALLENGER] or list(traffic)
    return max(serving, key=lambda target: target.percent).revision


def tagged(traffic: Traffic, tag: str) -> str | None:
    """Return the revision that bears a tag, or None."""
    return next((target.revision for target in traffic if target.tag == tag), None)
