"""The processes of a release: one for each active revision, and a front for each function."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

from shared.local.cloud import BEHIND_FRONT, HOST, Cloud
from shared.local.processes import Part, function_part, part_environment
from shared.local.releases.ledger import (
    SERVICES,
    Ledger,
    LocalRevision,
    LocalService,
    first_revision,
    path_of,
    read,
    write,
    write_lock,
)

FRONTS = {"front": "classify_request", "front_of_uploads": "classify_upload"}
"""By part: the function whose requests it splits between revisions."""

KEYS = {"classify_request": "Idempotency-Key", "classify_upload": "ce-id"}
"""By function: the header whose value is equal in repetitions of one request."""


def release_parts(cloud: Cloud) -> list[Part]:
    """List the release's processes, which run next to the other parts; all are callers, so they are stopped first."""
    ledger = read(path_of(cloud.folder))
    if ledger is None:
        return []
    revisions = (
        _revision_part(cloud, SERVICES[name], revision)
        for name, service in ledger.services.items()
        for revision in service.active
        if revision.name != service.revisions[0].name  # `up` starts the first revision itself
    )
    return [*revisions, *(_front(cloud, name, function) for name, function in FRONTS.items())]


@dataclass(frozen=True, slots=True)
class PartsChange:
    """The parts to start and to end after a change of ``releases.json``."""

    new: list[Part]
    gone: list[str]
    """Names of the parts to end."""


class ReleaseWatcher:
    """Reads which parts to start and to end as ``releases.json`` changes."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._seen: tuple[int, int] | None = None
        self._parts: dict[str, Part] = {}

    def read_change(self) -> PartsChange | None:
        """Return the change since the last call; None if there is none."""
        try:
            stat = path_of(self._cloud.folder).stat()
        except OSError:
            return None
        if self._seen == (stat.st_mtime_ns, stat.st_ino):
            return None
        self._seen = (stat.st_mtime_ns, stat.st_ino)
        before, self._parts = self._parts, {part.name: part for part in release_parts(self._cloud)}
        change = PartsChange(
            [part for name, part in self._parts.items() if name not in before],
            [name for name in before if name not in self._parts],
        )
        return change if change.new or change.gone else None


def front_status(cloud: Cloud, function: str) -> str:
    """Return the URL that answers 200 once a front splits a function's requests."""
    return f"{cloud.url(function)}/_bucketlens/status"


def part_name(function: str, revision: str) -> str:
    """Return the name of a revision's process and log."""
    return function + revision[len(function) :]  # a service is named like its function, with dashes


def renew_ports(cloud: Cloud, take: Callable[[int], int]) -> None:
    """Choose ports for the revisions of an earlier `up`, if there are any.

    Args:
        cloud: the cloud that is about to start.
        take: takes a port, or another if it is in use, and returns its number.
    """
    path = path_of(cloud.folder)
    ledger = read(path)
    if ledger is None:
        return
    with write_lock(path):
        services = {name: _renewed(cloud, name, service, take) for name, service in ledger.services.items()}
        write(path, Ledger(services, cloud.url("classify_request")))


def _renewed(cloud: Cloud, name: str, service: LocalService, take: Callable[[int], int]) -> LocalService:
    _, *others = service.revisions
    moved = (replace(revision, port=take(revision.port)) for revision in others)
    return replace(service, revisions=(first_revision(cloud, name), *moved), version=service.version + 1)


def _revision_part(cloud: Cloud, function: str, revision: LocalRevision) -> Part:
    name = part_name(function, revision.name)
    return function_part(cloud, function, name, revision=revision.name, bundle=revision.bundle, port=revision.port)


def _front(cloud: Cloud, name: str, function: str) -> Part:
    port, behind = cloud.ports[function], cloud.ports[BEHIND_FRONT[function]]
    command = (
        *(sys.executable, "-m", "shared.local.releases.front", "--port", str(port)),
        *("--releases", str(path_of(cloud.folder)), "--service", function.replace("_", "-"), "--key", KEYS[function]),
        *("--target", f"http://{HOST}:{behind}", "--names", cloud.environment["ALLOWED_HOSTS"]),
    )
    return Part(name, command, part_environment({}), front_status(cloud, function), port)
