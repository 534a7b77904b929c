"""A release on Cloud Run: revisions and traffic by the Admin API, version 2.

API: https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from google.api_core import exceptions as api
from google.api_core.retry import Retry
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import run_v2
from urllib3.exceptions import HTTPError

from shared.adapters.retry import is_passing
from shared.release.errors import PlatformUnavailable, ReleaseRefused, RevisionFailed, TrafficMoved
from shared.release.revisions import CHALLENGER, Change, Revision, Standing, Target, Traffic

UNAVAILABLE = (api.GoogleAPIError, GoogleAuthError, HTTPError, OSError)
"""The families that the client raises from; they share no base class but Exception."""

REFUSED = (api.BadRequest, api.Unauthorized, api.Forbidden, api.NotFound)

LATEST = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
BY_NAME = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION

BACKLOG, SHADOW = "classify-backlog", "classify-backlog-shadow"
REVISIONS_READ = 20


class CloudRun:
    """``release.ports.Platform`` on Cloud Run.

    Args:
        project: the project that the services are in.
        region: theirs.
        deadline_s: a call is answered within this many seconds, retries included.
        patience_s: a revision is ready, and a shadow has ended, within this many seconds.
        endpoint: of another server, which asks for no credentials; None for Cloud Run itself.
    """

    def __init__(
        self,
        project: str,
        region: str,
        deadline_s: float = 60,
        patience_s: float = 3600,
        *,
        endpoint: str | None = None,
    ) -> None:
        options: dict[str, Any] = {"transport": "rest"}
        if endpoint:
            credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
            options |= {"credentials": credentials, "client_options": {"api_endpoint": endpoint}}
        with translated("connecting to Cloud Run"):
            self._services = run_v2.ServicesClient(**options)
            self._revisions = run_v2.RevisionsClient(**options)
            self._jobs = run_v2.JobsClient(**options)
        self._place = f"projects/{project}/locations/{region}"
        self._patience_s = patience_s
        # Repeating a change is safe: it bears the etag of what it changes.
        retry = Retry(predicate=is_passing, initial=0.2, maximum=5.0, timeout=deadline_s)
        self._patiently: dict[str, Any] = {"retry": retry, "timeout": deadline_s}
        self._once: dict[str, Any] = {"retry": None, "timeout": deadline_s}

    def standing(self, service: str) -> Standing:
        """See ``Platform.standing``. Of the revisions the newest are read."""
        found = self._get(service)
        with translated(f"listing the revisions of {service}"):
            listed = self._revisions.list_revisions(parent=self._name(service), **self._patiently)
            revisions = tuple(_revision(one) for one in islice(listed, REVISIONS_READ))
        return Standing(service, revisions, _traffic(found), found.etag)

    def deploy(self, service: str, change: Change) -> str:
        """See ``Platform.deploy``.

        The new revision is named by Cloud Run: with a name of ours in the template Terraform could not change it again.
        """
        found = self._get(service)
        before = _traffic(found)
        if not _is_in(change, found.template):
            _apply(change, found.template)
            found.template.revision = ""
            # Whoever was given "the latest" keeps the revision that he has.
            pinned = [_target(one) for one in before if one.tag != CHALLENGER]
            found.traffic = [*pinned, run_v2.TrafficTarget(type_=LATEST, percent=0, tag=CHALLENGER)]
            try:
                found = self._update(found, ["template", "traffic"], f"making a revision of {service} with {change}")
            except RevisionFailed:
                self._put_back(service, before)
                raise
        if found.latest_created_revision != found.latest_ready_revision:
            self._put_back(service, before)
            why = found.terminal_condition.message or "it does not become ready"
            raise RevisionFailed(f"{_short(found.latest_created_revision)} does not start: {why}")
        return _short(found.latest_ready_revision)

    def set_traffic(self, standing: Standing, traffic: Traffic) -> Standing:
        """See ``Platform.set_traffic``."""
        found = self._get(standing.service)
        if found.etag != standing.etag:
            raise TrafficMoved(
                f"{standing.service} was changed meanwhile; look at `bucketlens release status`, and repeat."
            )
        found.traffic = [_target(one, _latest(found)) for one in traffic]
        changed = self._update(found, ["traffic"], f"moving the traffic of {standing.service}")
        return Standing(standing.service, standing.revisions, _traffic(changed), changed.etag)

    def shadow(self, change: Change) -> str:
        """See ``Platform.shadow``: a job beside classify-backlog, with its settings and identity, runs once."""
        with translated(f"reading the job {BACKLOG}"):
            backlog = self._jobs.get_job(name=self._name(BACKLOG, "jobs"), **self._patiently)
        job = run_v2.Job(name=self._name(SHADOW, "jobs"), template=copy.deepcopy(backlog.template))
        task = job.template.template
        _apply(change, task)
        archive = _setting(task, "ARCHIVE_BUCKET")
        if not archive:
            raise ReleaseRefused(f"The job {BACKLOG} has no ARCHIVE_BUCKET; is it the one that Terraform made?")
        _set(task, "SHADOW", "true")
        task.containers[0].args = ["--bucket", archive, "--keep"]
        request = run_v2.UpdateJobRequest(job=job, allow_missing=True)
        with translated(f"making the job {SHADOW}"):
            self._ended(self._jobs.update_job(request=request, **self._once))
        with translated(f"running the job {SHADOW}"), _of_the_revision(f"The shadow with {change}"):
            done = self._ended(self._jobs.run_job(name=job.name, **self._once))
        return _short(done.name)

    def _get(self, service: str) -> Any:
        with translated(f"reading the service {service}"):
            return self._services.get_service(name=self._name(service), **self._patiently)

    def _update(self, service: Any, fields: list[str], what: str) -> Any:
        request = run_v2.UpdateServiceRequest(service=service, update_mask={"paths": fields})
        with translated(what):
            operation = self._services.update_service(request=request, **self._patiently)
            with _of_the_revision(_short(service.name)):
                return self._ended(operation)

    def _ended(self, operation: Any) -> Any:
        return operation.result(timeout=self._patience_s)

    def _put_back(self, service: str, traffic: Traffic) -> None:
        """Take the tag from a revision that does not start."""
        found = self._get(service)
        found.traffic = [_target(one) for one in traffic]
        self._update(found, ["traffic"], f"putting the traffic of {service} back")

    def _name(self, what: str, kind: str = "services") -> str:
        return f"{self._place}/{kind}/{what}"


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn whatever the client raises into an error of ours; the only place that does.

    Raises:
        TrafficMoved: the service was changed meanwhile.
        ReleaseRefused: Cloud Run would refuse it again.
        PlatformUnavailable: everything else that the client, its transport or its credentials raise.
    """
    try:
        yield
    except api.Conflict as error:
        raise TrafficMoved(f"While {what}: it was changed meanwhile; look, and repeat. ({error.message})") from error
    except REFUSED as error:
        raise ReleaseRefused(f"While {what}: Cloud Run refuses: {error.message}") from error
    except UNAVAILABLE as error:
        raise PlatformUnavailable(f"While {what}: {type(error).__name__}: {error}") from error


@contextmanager
def _of_the_revision(what: str) -> Iterator[None]:
    """What an operation ends with is the revision's fault, unless nobody knows how it ended."""
    try:
        yield
    except api.GoogleAPICallError as error:
        if is_passing(error):
            raise
        raise RevisionFailed(f"{what} does not start: {error.message}") from error


def _revision(found: Any) -> Revision:
    bundle = _setting(found, "MODEL_BUNDLE")
    ready = (one for one in found.conditions if one.type_ == "Ready")
    is_ready = any(one.state == run_v2.Condition.State.CONDITION_SUCCEEDED for one in ready)
    return Revision(_short(found.name), found.containers[0].image, bundle, is_ready, found.create_time)


def _traffic(service: Any) -> Traffic:
    """Return where a service's traffic goes, by names; the latest is the latest ready one."""
    latest = _short(service.latest_ready_revision)
    targets = tuple(
        Target(one.revision if one.type_ == BY_NAME else latest, one.percent, one.tag or None)
        for one in service.traffic
    )
    return targets or (Target(latest, 100),)


def _latest(service: Any) -> str | None:
    """Return the latest revision by its name, if it is ready: what "the latest" would be now."""
    latest = service.latest_ready_revision
    return _short(latest) if latest == service.latest_created_revision else None


def _target(target: Target, latest: str | None = None) -> Any:
    """Return a target by the revision's name; one that gets everything, and is the latest, as the latest.

    So what Terraform or gcloud change after a promotion serves, too. After a rollback, to an older revision, it does
    not: the newest template is that of the image that was rolled back.
    """
    if target.percent == 100 and target.tag is None and target.revision == latest:
        return run_v2.TrafficTarget(type_=LATEST, percent=100)
    return run_v2.TrafficTarget(type_=BY_NAME, revision=target.revision, percent=target.percent, tag=target.tag or "")


def _is_in(change: Change, template: Any) -> bool:
    image, bundle = template.containers[0].image, _setting(template, "MODEL_BUNDLE")
    return change.image in (None, image) and change.bundle in (None, bundle)


def _apply(change: Change, template: Any) -> None:
    if change.image:
        template.containers[0].image = change.image
    if change.bundle:
        _set(template, "MODEL_BUNDLE", change.bundle)


def _setting(template: Any, name: str) -> str | None:
    return next((one.value for one in template.containers[0].env if one.name == name), None)


def _set(template: Any, name: str, value: str) -> None:
    others = [one for one in template.containers[0].env if one.name != name]
    template.containers[0].env = [*others, run_v2.EnvVar(name=name, value=value)]


def _short(name: str) -> str:
    return name.rpartition("/")[2]
