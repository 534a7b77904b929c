"""The processes of a release: a function for each revision that is wanted, and a front for each function."""

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
    sole_writer,
    write,
)

FRONTS = {"front": "classify_request", "front_of_uploads": "classify_upload"}
"""By part: the function whose calls it splits between revisions."""

KEYS = {"classify_request": "Idempotency-Key", "classify_upload": "ce-id"}
"""By function: the header that says which calls are one call that is made again."""


def release_parts(cloud: Cloud) -> list[Part]:
    """List what runs besides the six parts: callers only, so all may be stopped first."""
    ledger = read(path_of(cloud.folder))
    if ledger is None:
        return []
    wanted = (
        _revision_part(cloud, SERVICES[service], revision)
        for service, one in ledger.services.items()
        for revision in one.wanted
        if revision.name != one.revisions[0].name  # `up` starts that one by itself
    )
    return [*wanted, *(_front(cloud, name, function) for name, function in FRONTS.items())]


@dataclass(frozen=True, slots=True)
class News:
    """What a change of ``releases.json`` asks for."""

    new: list[Part]
    gone: list[str]
    """Names of parts."""


class Follower:
    """Tells what is to be started and ended as ``releases.json`` changes."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._seen: tuple[int, int] | None = None
        self._parts: dict[str, Part] = {}

    def news(self) -> News | None:
        """Return what changed since the last call; None if nothing did."""
        try:
            stat = path_of(self._cloud.folder).stat()
        except OSError:
            return None
        if self._seen == (stat.st_mtime_ns, stat.st_ino):
            return None
        self._seen = (stat.st_mtime_ns, stat.st_ino)
        before, self._parts = self._parts, {part.name: part for part in release_parts(self._cloud)}
        news = News(
            [part for name, part in self._parts.items() if name not in before],
            [name for name in before if name not in self._parts],
        )
        return news if news.new or news.gone else None


def front_status(cloud: Cloud, function: str) -> str:
    """Return the URL that answers 200 once a front splits a function's calls."""
    return f"{cloud.url(function)}/_bucketlens/status"


def part_name(function: str, revision: str) -> str:
    """Return what a revision's process and its log are called."""
    return function + revision[len(function) :]  # a service's name is its function's, with dashes


def renew(cloud: Cloud, take: Callable[[int], int]) -> None:
    """Give the revisions of an earlier `up`, if there are any, ports of this one.

    Args:
        cloud: that is about to be started.
        take: takes a port, or another where it is taken, and returns which.
    """
    path = path_of(cloud.folder)
    ledger = read(path)
    if ledger is None:
        return
    with sole_writer(path):
        services = {name: _renewed(cloud, name, service, take) for name, service in ledger.services.items()}
        write(path, Ledger(services, cloud.url("classify_request")))


def _renewed(cloud: Cloud, service: str, one: LocalService, take: Callable[[int], int]) -> LocalService:
    _, *others = one.revisions
    moved = (replace(revision, port=take(revision.port)) for revision in others)
    return replace(one, revisions=(first_revision(cloud, service), *moved), version=one.version + 1)


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
