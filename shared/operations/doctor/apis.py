"""Check which APIs are on: three must be on before Terraform starts, which switches on the others."""

from __future__ import annotations

from collections.abc import Iterator

from shared.adapters.google_rest import RestReader
from shared.operations.doctor.findings import Finding, Verdict, bites, fine

FIRST = ("cloudresourcemanager", "serviceusage", "storage")
"""Terraform needs these before it can switch on others; its state is in a bucket."""

LATER = (
    *("artifactregistry", "bigquery", "bigqueryconnection", "cloudbuild", "cloudscheduler", "eventarc", "iam"),
    *("iamcredentials", "logging", "monitoring", "pubsub", "run"),
)
"""The APIs that infra/project switches on for every deployment, in addition to ``FIRST``."""


def apis(google: RestReader, project: str) -> Iterator[Finding]:
    """Yield which APIs are off; ``services.batchGet`` takes 30 names at most."""
    names = [f"projects/{project}/services/{name}.googleapis.com" for name in (*FIRST, *LATER)]
    answer = google.get("serviceusage", f"v1/projects/{project}/services:batchGet", names=names)
    on = {
        service["name"].rsplit("/", 1)[-1].removesuffix(".googleapis.com")
        for service in answer.get("services", [])
        if service.get("state") == "ENABLED"
    }
    first, later = ([name for name in names if name not in on] for names in (FIRST, LATER))
    if first:
        addresses = " ".join(f"{name}.googleapis.com" for name in first)
        yield bites("APIs", f"Terraform cannot start without {addresses}", f"gcloud services enable {addresses}")
    if later:
        yield Finding("APIs", Verdict.NOTE, f"Terraform will switch on {', '.join(later)}; that takes a minute or two")
    if not first and not later:
        yield fine("APIs", f"all {len(names)} are on")
