"""Check that the project exists, that it is billed, and that you may create what Terraform creates."""

from __future__ import annotations

from collections.abc import Iterator

from shared.adapters.google_rest import GoogleApiError, RestReader
from shared.errors import BadRequest
from shared.operations.doctor.findings import Finding, bites, fine

NEEDED = (
    "artifactregistry.repositories.create",
    "bigquery.datasets.create",
    "cloudbuild.builds.create",
    "cloudscheduler.jobs.create",
    "eventarc.triggers.create",
    "iam.roles.create",
    "iam.serviceAccounts.actAs",
    "iam.serviceAccounts.create",
    "logging.logMetrics.create",
    "monitoring.alertPolicies.create",
    "resourcemanager.projects.setIamPolicy",
    "run.services.create",
    "run.services.setIamPolicy",
    "serviceusage.services.enable",
    "storage.buckets.create",
    "storage.buckets.setIamPolicy",
)
"""Of the permissions that an apply uses, one for each kind of thing that it makes."""


UNSEEN_FOR_LACK_OF = ("the permission resourcemanager.projects.get", "the permission serviceusage.services.use")
"""Google's answer also for a project that does not exist."""


def existence(google: RestReader, project: str) -> Iterator[Finding]:
    """Yield whether the project is active.

    Raises:
        BadRequest: there is no such project, or the credentials cannot see it: Google does not say which.
    """
    try:
        document = google.get("cloudresourcemanager", f"v3/projects/{project}")
    except GoogleApiError as refusal:
        if refusal.status == 404 or refusal.needs in UNSEEN_FOR_LACK_OF:
            raise BadRequest(
                f"There is no project {project!r} that these credentials see, expected a project's id (not its name); "
                "`gcloud projects list` shows yours."
            ) from refusal
        raise
    if document.get("state") == "ACTIVE":
        yield fine("project", f"{project} is active")
    else:
        yield bites(
            "project",
            f"{project} is {document.get('state', 'of no state')}",
            f"Take another project, or: gcloud projects undelete {project}",
        )


def billing(google: RestReader, project: str) -> Iterator[Finding]:
    """Yield whether a billing account pays for the project."""
    if google.get("cloudbilling", f"v1/projects/{project}/billingInfo").get("billingEnabled"):
        yield fine("billing", "a billing account pays for the project")
    else:
        yield bites(
            "billing",
            "no billing account pays for the project: no API of those that are needed can be switched on",
            f"gcloud billing projects link {project} --billing-account=ACCOUNT (gcloud billing accounts list)",
        )


def rights(google: RestReader, project: str) -> Iterator[Finding]:
    """Yield which permissions Terraform would lack."""
    answer = google.post(
        "cloudresourcemanager", f"v3/projects/{project}:testIamPermissions", {"permissions": list(NEEDED)}
    )
    missing = [permission for permission in NEEDED if permission not in answer.get("permissions", [])]
    if missing:
        yield bites(
            "rights",
            f"the application default credentials lack {', '.join(missing)}",
            "Ask an owner of the project for roles that have these, such as roles/owner while it is set up.",
        )
    else:
        yield fine("rights", f"the application default credentials have the {len(NEEDED)} permissions that were tried")
