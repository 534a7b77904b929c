"""``releases.json``: the revisions of the local cloud and their traffic.

The command line writes the file, under a lock and by an atomic rename; the supervisor and the fronts only read it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from shared.local.cloud import BEHIND_FRONT, Cloud
from shared.release.revisions import Revision, Standing, Target, Traffic

SERVICES = {"classify-upload": "classify_upload", "classify-request": "classify_request"}
"""The function that each service runs."""


@dataclass(frozen=True, slots=True)
class LocalRevision:
    """A revision of a service on the local cloud: one process."""

    name: str
    bundle: str
    """The bundle's folder."""
    digest: str
    """The bundle's digest; empty for the revision that `up` started."""
    port: int
    created_at: str
    """RFC 3339, UTC."""


@dataclass(frozen=True, slots=True)
class LocalService:
    """A service's revisions, oldest first, and its traffic."""

    revisions: tuple[LocalRevision, ...]
    traffic: Traffic
    version: int = 1
    """The number of changes; it serves as the etag."""

    @property
    def active(self) -> tuple[LocalRevision, ...]:
        """The revisions that run, since they have traffic or a tag."""
        named = {target.revision for target in self.traffic}
        return tuple(revision for revision in self.revisions if revision.name in named)

    def find(self, name: str) -> LocalRevision | None:
        """Return a revision by its name."""
        return next((revision for revision in self.revisions if revision.name == name), None)

    def standing(self, service: str) -> Standing:
        """Return the service's revisions, newest first, and traffic as a release reads them."""
        newest_first = (
            Revision(own.name, None, own.bundle, is_ready=True, created_at=datetime.fromisoformat(own.created_at))
            for own in reversed(self.revisions)
        )
        return Standing(service, tuple(newest_first), self.traffic, str(self.version))


@dataclass(frozen=True, slots=True)
class Ledger:
    """The content of ``releases.json``."""

    services: dict[str, LocalService]
    front_url: str
    """The URL at which HTTPS traffic is split."""


def path_of(folder: Path) -> Path:
    """Return the path of a local cloud's ``releases.json``."""
    return folder / "releases.json"


def read(path: Path) -> Ledger | None:
    """Return the file's content; None if the file is missing or has another format."""
    try:
        content = json.loads(path.read_text("utf-8"))
        services = {name: _service(**fields) for name, fields in content["services"].items()}
        return Ledger(services, content["front_url"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def write(path: Path, ledger: Ledger) -> None:
    """Replace the file by an atomic rename, so that a reader sees the whole old or the whole new content."""
    temporary = path.with_suffix(".json.new")
    temporary.write_text(json.dumps(asdict(ledger), indent=2) + "\n", "utf-8")
    temporary.replace(path)


@contextmanager
def write_lock(path: Path) -> Iterator[None]:
    """Hold the file's lock during the block; other writers wait."""
    import fcntl  # not available on Windows, which must still be able to import this module

    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def first_revision(cloud: Cloud, service: str) -> LocalRevision:
    """Return the revision of a service that `up` started."""
    port = cloud.ports[BEHIND_FRONT[SERVICES[service]]]
    return LocalRevision(f"{service}-local", cloud.bundle, "", port, cloud.started_at or datetime.now(UTC).isoformat())


def unreleased(cloud: Cloud, service: str) -> LocalService:
    """Return a service before its first release: the revision that `up` started has all traffic."""
    first = first_revision(cloud, service)
    return LocalService((first,), (Target(first.name, 100),))


def _service(revisions: list[dict[str, object]], traffic: list[dict[str, object]], version: int) -> LocalService:
    return LocalService(
        tuple(LocalRevision(**fields) for fields in revisions),  # type: ignore[arg-type]
        tuple(Target(**fields) for fields in traffic),  # type: ignore[arg-type]
        version,
    )
