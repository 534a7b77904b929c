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

from shared.adapters.retry import is_transient
from shared.release.errors import PlatformUnavailable, ReleaseRefused, RevisionFailed, TrafficMoved
from shared.release.revisions import CHALLENGER, Change, Revision, Standing, Target, Traffic

UNAVAILABLE = (api.GoogleAPIError, GoogleAuthError, HTTPError, OSError)
"""The families that the client raises from; they share no base class but Exception."""

REFUSED = (api.BadRequest, api.Unauthorized, api.Forbidden, api.NotFound)

LATEST = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
BY_NAME = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION

BACKLOG, SHADOW = "classify-backlog", "classify-backlog-shadow"
REVISIONS_READ = 20

COMMIT = "commit"
"""The label that infra/pipeline/deploy.sh gives a revision, too."""


class CloudRun:
    """``release.ports.Platform`` on Cloud Run.

    Args:
        project: the project that the services are in.
        region: the region of the services.
        deadline_s: a call ends within this many seconds, retries included.
        operation_timeout_s: a revision is ready, and a shadow has ended, within this many seconds.
        endpoint: URL of another server, which needs no credentials; None for Cloud Run itself.
    """

    def __init__(
        self,
        project: str,
        region: str,
        deadline_s: float = 60,
        operation_timeout_s: float = 3600,
        *,
        endpoint: str | None = None,
    ) -> None:
        options: dict[str, Any] = {"transport": "rest"}
        if endpoint:
            credentials = AnonymousCredentials()
            options |= {"credentials": credentials, "client_options": {"api_endpoint": endpoint}}
        with translate_errors("connecting to Cloud Run"):
            self._services = run_v2.ServicesClient(**options)
            self._revisions = run_v2.RevisionsClient(**options)
            self._jobs = run_v2.JobsClient(**options)
        self._location = f"projects/{project}/locations/{region}"
        self._operation_timeout_s = operation_timeout_s
        # Repeating a change is safe: it carries the etag of the state that it changes.
        retry = Retry(predicate=is_transient, initial=0.2, maximum=5.0, timeout=deadline_s)
        self._with_retry: dict[str, Any] = {"retry": retry, "timeout": deadline_s}
        self._without_retry: dict[str, Any] = {"retry": None, "timeout": deadline_s}

    def standing(self, service: str) -> Standing:
        """See ``Platform.standing``; only the newest ``REVISIONS_READ`` revisions are read."""
        current = self._get(service)
        with translate_errors(f"listing the revisions of {service}"):
            listed = self._revisions.list_revisions(parent=self._name(service), **self._with_retry)
            revisions = tuple(_revision(revision) for revision in islice(listed, REVISIONS_READ))
        return Standing(service, revisions, _traffic(current), current.etag)

    def deploy(self, service: str, change: Change) -> str:
        """See ``Platform.deploy``.

        Cloud Run names the new revision: if we named it in the template, Terraform could not change the template again.
        """
        current = self._get(service)
        before = _traffic(current)
        if not _is_in(change, current.template):
            _apply(change, current.template)
            if change.image:  # the label of the image before would be wrong
                current.template.labels.pop(COMMIT, None)
                current.template.labels.update({COMMIT: change.commit} if change.commit else {})
            current.template.revision = ""
            # Traffic that goes to "the latest" is pinned to the revision that is the latest now.
            pinned = [_target(target) for target in before if target.tag != CHALLENGER]
            current.traffic = [*pinned, run_v2.TrafficTarget(type_=LATEST, percent=0, tag=CHALLENGER)]
            action = f"making a revision of {service} with {change}"
            try:
                current = self._update(current, ["template", "traffic"], action)
            except RevisionFailed:
                self._restore_traffic(service, before)
                raise
        if current.latest_created_revision != current.latest_ready_revision:
            self._restore_traffic(service, before)
            cause = current.terminal_condition.message or "it does not become ready"
            raise RevisionFailed(f"{_short(current.latest_created_revision)} does not start: {cause}")
        return _short(current.latest_ready_revision)

    def set_traffic(self, standing: Standing, traffic: Traffic) -> Standing:
        """See ``Platform.set_traffic``."""
        current = self._get(standing.service)
        if current.etag != standing.etag:
            raise TrafficMoved(
                f"{standing.service} was changed meanwhile; look at `bucketlens release status`, and repeat."
            )
        current.traffic = [_target(target, _latest(current)) for target in traffic]
        changed = self._update(current, ["traffic"], f"moving the traffic of {standing.service}")
        return Standing(standing.service, standing.revisions, _traffic(changed), changed.etag)

    def shadow(self, change: Change) -> str:
        """See ``Platform.shadow``: a second job with the settings and identity of classify-backlog runs once."""
        with translate_errors(f"reading the job {BACKLOG}"):
            backlog = self._jobs.get_job(name=self._name(BACKLOG, "jobs"), **self._with_retry)
        job = run_v2.Job(name=self._name(SHADOW, "jobs"), template=copy.deepcopy(backlog.template))
        task = job.template.template
        _apply(change, task)
        archive = _setting(task, "ARCHIVE_BUCKET")
        if not archive:
            raise ReleaseRefused(f"The job {BACKLOG} has no ARCHIVE_BUCKET; create it with Terraform.")
        _set(task, "SHADOW", "true")
        task.containers[0].args = ["--bucket", archive, "--keep"]
        request = run_v2.UpdateJobRequest(job=job, allow_missing=True)
        with translate_errors(f"making the job {SHADOW}"):
            self._result_of(self._jobs.update_job(request=request, **self._without_retry))
        with translate_errors(f"running the job {SHADOW}"), _translate_operation_errors(f"The shadow with {change}"):
            run = self._result_of(self._jobs.run_job(name=job.name, **self._without_retry))
        return _short(run.name)

    def _get(self, service: str) -> Any:
        with translate_errors(f"reading the service {service}"):
            return self._services.get_service(name=self._name(service), **self._with_retry)

    def _update(self, service: Any, fields: list[str], action: str) -> Any:
        request = run_v2.UpdateServiceRequest(service=service, update_mask={"paths": fields})
        with translate_errors(action):
            operation = self._services.update_service(request=request, **self._with_retry)
            with _translate_operation_errors(_short(service.name)):
                return self._result_of(operation)

    def _result_of(self, operation: Any) -> Any:
        return operation.result(timeout=self._operation_timeout_s)

    def _restore_traffic(self, service: str, traffic: Traffic) -> None:
        """Set the traffic as it was, which removes the tag of a revision that does not start."""
        current = self._get(service)
        current.traffic = [_target(target) for target in traffic]
        self._update(current, ["traffic"], f"restoring the traffic of {service}")

    def _name(self, resource: str, kind: str = "services") -> str:
        return f"{self._location}/{kind}/{resource}"


@contextmanager
def translate_errors(action: str) -> Iterator[None]:
    """Translate every error of the client into one of ``release.errors``; nothing else does that.

    Raises:
        TrafficMoved: the service was changed meanwhile.
        ReleaseRefused: Cloud Run would refuse the call again.
        PlatformUnavailable: any other error of the client, its transport or its credentials.
    """
    try:
        yield
    except api.Conflict as error:
        raise TrafficMoved(
            f"While {action}: it was changed meanwhile; look at its state and repeat. ({error.message})"
        ) from error
    except REFUSED as error:
        raise ReleaseRefused(f"While {action}: Cloud Run refused: {error.message}") from error
    except UNAVAILABLE as error:
        raise PlatformUnavailable(f"While {action}: {type(error).__name__}: {error}") from error


@contextmanager
def _translate_operation_errors(subject: str) -> Iterator[None]:
    """Translate the error of an operation: the revision's fault, unless its outcome is unknown."""
    try:
        yield
    except api.GoogleAPICallError as error:
        if is_transient(error):
            raise
        raise RevisionFailed(f"{subject} does not start: {error.message}") from error


def _revision(resource: Any) -> Revision:
    bundle = _setting(resource, "MODEL_BUNDLE")
    ready = (condition for condition in resource.conditions if condition.type_ == "Ready")
    is_ready = any(condition.state == run_v2.Condition.State.CONDITION_SUCCEEDED for condition in ready)
    image, commit = resource.containers[0].image, resource.labels.get(COMMIT)
    return Revision(_short(resource.name), image, bundle, is_ready, resource.create_time, commit)


def _traffic(service: Any) -> Traffic:
    """Return a service's traffic by names of revisions; "the latest" is the latest ready one."""
    latest = _short(service.latest_ready_revision)
    targets = tuple(
        Target(target.revision if target.type_ == BY_NAME else latest, target.percent, target.tag or None)
        for target in service.traffic
    )
    return targets or (Target(latest, 100),)


def _latest(service: Any) -> str | None:
    """Return the name of the latest revision if it is ready: what "the latest" means now."""
    latest = service.latest_ready_revision
    return _short(latest) if latest == service.latest_created_revision else None


def _target(target: Target, latest: str | None = None) -> Any:
    """Return a target by the revision's name; the latest revision with all traffic becomes "the latest".

    A revision that Terraform or gcloud makes after a promotion then serves, too. After a rollback to an older revision
    it does not: the newest template is that of the image that was rolled back.
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
    return next((variable.value for variable in template.containers[0].env if variable.name == name), None)


def _set(template: Any, name: str, value: str) -> None:
    others = [variable for variable in template.containers[0].env if variable.name != name]
    template.containers[0].env = [*others, run_v2.EnvVar(name=name, value=value)]


def _short(name: str) -> str:
    return name.rpartition("/")[2]
