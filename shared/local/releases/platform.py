"""Implement ``release.ports.Platform`` on the local cloud.

A revision is a process, which the supervisor starts and stops.
"""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from shared.adapters.gcs import CloudStorage
from shared.bundles.references import references_from
from shared.bundles.resolve import BundleSource, with_absolute_paths
from shared.errors import Misconfigured, StorageUnavailable
from shared.local.children import answers
from shared.local.cloud import HOST, PROJECT, Cloud, free_port
from shared.local.log_files import last_lines
from shared.local.processes import shadow_command
from shared.local.releases.ledger import (
    SERVICES,
    Ledger,
    LocalRevision,
    LocalService,
    path_of,
    read,
    unreleased,
    write,
    write_lock,
)
from shared.local.releases.parts import front_status, part_name
from shared.release.errors import ReleaseRefused, RevisionFailed, TrafficMoved
from shared.release.revisions import CHALLENGER, Change, Standing, Target, Traffic
from shared.settings import own_models

START_TIMEOUT_S = 60.0
SHADOW_TIMEOUT_S = 3600.0
READ_DEADLINE_S = 20.0
LARGEST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class LocalPlatform:
    """The platform of a local cloud that runs."""

    cloud: Cloud

    def standing(self, service: str) -> Standing:
        """See ``Platform.standing``."""
        return self._services()[_checked(service)].standing(service)

    def deploy(self, service: str, change: Change) -> str:
        """See ``Platform.deploy``. Bundles with equal digests are the same bundle, whatever their folder."""
        bundle = _bundle_references(change)
        digest = self._digest(bundle)
        with write_lock(self._path):
            known = self._services()[_checked(service)]
            revision = next((deployed for deployed in known.revisions if deployed.digest == digest), None)
            if not revision and digest == self._digest(known.revisions[0].bundle):
                return known.revisions[0].name
            if not revision:
                revision = self._new(service, known, bundle, digest)
                known = replace(known, revisions=(*known.revisions, revision))
            if revision not in known.active:  # a tag alone makes it run, without traffic
                traffic = tuple(target for target in known.traffic if target.tag != CHALLENGER)
                known = replace(known, traffic=(*traffic, Target(revision.name, 0, CHALLENGER)))
            self._write(service, known)
        self._wait_until_ready(service, revision)
        return revision.name

    def set_traffic(self, standing: Standing, traffic: Traffic) -> Standing:
        """See ``Platform.set_traffic``."""
        with write_lock(self._path):
            known = self._services()[standing.service]
            if str(known.version) != standing.etag:
                raise TrafficMoved(
                    f"{standing.service} changed in the meantime; see `bucketlens release status` and try again."
                )
            return self._write(standing.service, replace(known, traffic=traffic)).standing(standing.service)

    def shadow(self, change: Change) -> str:
        """See ``Platform.shadow``."""
        bundle = _bundle_references(change)
        digest = self._digest(bundle)
        name = f"classify-backlog-{digest[:8]}"
        command, environment = shadow_command(self.cloud, bundle, name)
        log_file = self.cloud.log_file("shadow")
        with log_file.open("ab") as log:
            done = subprocess.run(
                command,
                env=environment,
                cwd=self.cloud.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=SHADOW_TIMEOUT_S,
                check=False,
            )
        if done.returncode:
            raise RevisionFailed(f"The shadow {name} ended with exit code {done.returncode}. {_last_lines(log_file)}")
        return name

    def _digest(self, bundles: str) -> str:
        """Return the digest of a bundle, or one digest over the digests of several."""
        source = BundleSource(
            lambda: CloudStorage(PROJECT, READ_DEADLINE_S, endpoint=self.cloud.url("storage")),
            LARGEST_BYTES,
            own_models(),
        )
        try:
            entries = source.index(references_from(bundles)).entries
        except (Misconfigured, StorageUnavailable) as error:
            raise RevisionFailed(str(error)) from error
        digests = [bundle.digest for _, bundle in entries]
        return digests[0] if len(digests) == 1 else sha256("".join(digests).encode()).hexdigest()

    @property
    def front_url(self) -> str | None:
        """The URL at which HTTPS traffic is split; None before the first release."""
        ledger = read(self._path)
        return ledger.front_url if ledger else None

    @property
    def _path(self) -> Path:
        return path_of(self.cloud.folder)

    def _services(self) -> dict[str, LocalService]:
        ledger = read(self._path)
        known = ledger.services if ledger else {}
        return {service: known.get(service) or unreleased(self.cloud, service) for service in SERVICES}

    def _write(self, service: str, known: LocalService) -> LocalService:
        services = self._services()
        services[service] = replace(known, version=known.version + 1)
        write(self._path, Ledger(services, self.cloud.url("classify_request")))
        return services[service]

    def _new(self, service: str, known: LocalService, bundle: str, digest: str) -> LocalRevision:
        port = free_port(0, self._ports(self._services()))
        name = f"{service}-{len(known.revisions) + 1:05}-{digest[:6]}"
        return LocalRevision(name, bundle, digest, port, datetime.now(UTC).isoformat())

    def _ports(self, services: dict[str, LocalService]) -> set[int]:
        revision_ports = (revision.port for service in services.values() for revision in service.revisions)
        return {*self.cloud.ports.values(), *revision_ports}

    def _wait_until_ready(self, service: str, revision: LocalRevision) -> None:
        give_up_at = time.monotonic() + START_TIMEOUT_S
        urls = [f"http://{HOST}:{revision.port}/v2/health/ready", front_status(self.cloud, SERVICES[service])]
        while not all(answers(url) for url in urls):
            if time.monotonic() > give_up_at:
                self._forget(service, revision)
                log = self.cloud.log_file(part_name(SERVICES[service], revision.name))
                raise RevisionFailed(f"{revision.name} was not ready in {START_TIMEOUT_S:.0f} s. {_last_lines(log)}")
            time.sleep(0.05)

    def _forget(self, service: str, revision: LocalRevision) -> None:
        with write_lock(self._path):
            known = self._services()[service]
            traffic = tuple(target for target in known.traffic if target.revision != revision.name or target.percent)
            revisions = tuple(kept for kept in known.revisions if kept != revision)
            self._write(service, replace(known, revisions=revisions, traffic=traffic))


def absolute_references(bundles: str) -> str:
    """Return a value of ``MODEL_BUNDLE`` with absolute paths, as the local cloud stores it.

    Raises:
        ReleaseRefused: the value is malformed.
    """
    try:
        return with_absolute_paths(references_from(bundles), own_models())
    except ValueError as error:
        raise ReleaseRefused(f"--bundle is {bundles!r}, expected {error}.") from error


def _checked(service: str) -> str:
    if service not in SERVICES:
        raise ReleaseRefused(f"There is no service {service}; there is {', '.join(SERVICES)}.")
    return service


def _bundle_references(change: Change) -> str:
    """Return the bundles of the challenger as a value of ``MODEL_BUNDLE``."""
    if change.image:
        raise ReleaseRefused("The local cloud runs this source, not a container image; name a bundle with --bundle.")
    if not change.bundle:
        raise ReleaseRefused("The challenger is missing; name it with --bundle: a bundle that ships here, or a folder.")
    return absolute_references(change.bundle)


def _last_lines(log: Path) -> str:
    lines = [line for text in last_lines(log, 6) for line in text.splitlines()]
    return (
        "The last lines of its log:\n" + "\n".join(f"  {line}" for line in lines)
        if lines
        else f"Its log {log} is empty or missing."
    )
