"""``releases.json``: which revisions the local cloud has, and where their traffic goes.

The command line writes it, under a lock and in one move; the supervisor and the fronts only read.
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
    """One process's worth of a service."""

    name: str
    bundle: str
    """A folder."""
    digest: str
    """Of the bundle, or nothing for what `up` started."""
    port: int
    created_at: str
    """RFC 3339, UTC."""


@dataclass(frozen=True, slots=True)
class LocalService:
    """A service's revisions, oldest first, and its traffic."""

    revisions: tuple[LocalRevision, ...]
    traffic: Traffic
    version: int = 1
    """Counts the changes."""

    @property
    def wanted(self) -> tuple[LocalRevision, ...]:
        """Those that run: they have traffic or a tag."""
        named = {target.revision for target in self.traffic}
        return tuple(revision for revision in self.revisions if revision.name in named)

    def find(self, name: str) -> LocalRevision | None:
        """Return a revision by its name."""
        return next((revision for revision in self.revisions if revision.name == name), None)

    def standing(self, service: str) -> Standing:
        """Return it in the words of a release."""
        known = (
            Revision(one.name, None, one.bundle, is_ready=True, created_at=datetime.fromisoformat(one.created_at))
            for one in reversed(self.revisions)
        )
        return Standing(service, tuple(known), self.traffic, str(self.version))


@dataclass(frozen=True, slots=True)
class Ledger:
    """All of the file."""

    services: dict[str, LocalService]
    front_url: str
    """Where HTTPS traffic is split."""


def path_of(folder: Path) -> Path:
    """Return where a local cloud keeps its releases."""
    return folder / "releases.json"


def read(path: Path) -> Ledger | None:
    """Return what the file says; None if there is none, or it is of another time."""
    try:
        content = json.loads(path.read_text("utf-8"))
        services = {name: _service(**one) for name, one in content["services"].items()}
        return Ledger(services, content["front_url"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def write(path: Path, ledger: Ledger) -> None:
    """Replace the file in one move, so that who reads sees all of the old one or all of the new one."""
    temporary = path.with_suffix(".json.new")
    temporary.write_text(json.dumps(asdict(ledger), indent=2) + "\n", "utf-8")
    temporary.replace(path)


@contextmanager
def sole_writer(path: Path) -> Iterator[None]:
    """Hold the file's lock for the length of the block; others wait."""
    import fcntl  # Windows has none, and needs none to import this module

    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def first_revision(cloud: Cloud, service: str) -> LocalRevision:
    """Return what `up` started."""
    port = cloud.ports[BEHIND_FRONT[SERVICES[service]]]
    return LocalRevision(f"{service}-local", cloud.bundle, "", port, cloud.started_at or datetime.now(UTC).isoformat())


def untouched(cloud: Cloud, service: str) -> LocalService:
    """Return a service that was never released: `up`'s revision has all traffic."""
    first = first_revision(cloud, service)
    return LocalService((first,), (Target(first.name, 100),))


def _service(revisions: list[dict[str, object]], traffic: list[dict[str, object]], version: int) -> LocalService:
    return LocalService(
        tuple(LocalRevision(**one) for one in revisions),  # type: ignore[arg-type]
        tuple(Target(**one) for one in traffic),  # type: ignore[arg-type]
        version,
    )
