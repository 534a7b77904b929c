"""Is the project there, is it paid for, and may you make in it what Terraform makes?"""

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
"""What Google answers for a project that there is not, too."""


def existence(google: RestReader, project: str) -> Iterator[Finding]:
    """Yield what the project is.

    Raises:
        BadRequest: there is no such project, or the credentials cannot see it: Google does not say which.
    """
    try:
        found = google.get("cloudresourcemanager", f"v3/projects/{project}")
    except GoogleApiError as refusal:
        if refusal.status == 404 or refusal.needs in UNSEEN_FOR_LACK_OF:
            raise BadRequest(
                f"There is no project {project!r} that these credentials see, expected a project's id (not its name); "
                "`gcloud projects list` shows yours."
            ) from refusal
        raise
    if found.get("state") == "ACTIVE":
        yield fine("project", f"{project} is active")
    else:
        yield bites(
            "project",
            f"{project} is {found.get('state', 'of no state')}",
            f"Take another project, or: gcloud projects undelete {project}",
        )


def billing(google: RestReader, project: str) -> Iterator[Finding]:
    """Yield whether somebody pays."""
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
    missing = [one for one in NEEDED if one not in answer.get("permissions", [])]
    if missing:
        yield bites(
            "rights",
            f"the application default credentials lack {', '.join(missing)}",
            "Ask an owner of the project for roles that have these, such as roles/owner while it is set up.",
        )
    else:
        yield fine("rights", f"the application default credentials have the {len(NEEDED)} permissions that were tried")
