"""Run all checks of a project, and continue if one of them cannot be made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from shared.adapters.google_rest import GoogleApiError, GoogleUnavailable, RestReader
from shared.errors import BadRequest
from shared.operations.doctor.apis import apis
from shared.operations.doctor.findings import Finding, Verdict
from shared.operations.doctor.policies import policies
from shared.operations.doctor.programs import Ask, gcloud, signed_in, terraform
from shared.operations.doctor.project import billing, existence, rights
from shared.operations.doctor.quotas import quotas
from shared.operations.doctor.regions import building, running

PROJECT_ID = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
"""https://cloud.google.com/resource-manager/docs/creating-managing-projects"""

REGION = re.compile(r"[a-z]+-[a-z]+[0-9]{1,2}")


@dataclass(frozen=True, slots=True)
class Patient:
    """The project to check, and the size of its deployment."""

    project: str
    region: str
    vcpus: int
    """The CPUs of all instances at their maximum."""
    memory_gib: float

    def __post_init__(self) -> None:
        """Refuse a malformed project or region.

        Raises:
            BadRequest: the project or the region is malformed.
        """
        if not PROJECT_ID.fullmatch(self.project):
            raise BadRequest(
                f"The project is {self.project!r}, expected an id of 6 to 30 of a-z, 0-9 and -, such as my-project."
            )
        if not REGION.fullmatch(self.region):
            raise BadRequest(f"The region is {self.region!r}, expected a region such as europe-west1, not a zone.")


def examine(
    patient: Patient, google: RestReader, ask: Ask, notice: Callable[[str], None] = lambda _: None
) -> list[Finding]:
    """Return the findings, in the order in which an apply meets them.

    Args:
        patient: the project to check.
        google: reads Google's APIs.
        ask: runs programs of this machine.
        notice: called with the name of each check before it runs.

    Raises:
        BadRequest: there is no such project or region, or no account is signed in.
    """
    project, region = patient.project, patient.region
    room = {"vcpus": patient.vcpus, "memory_gib": patient.memory_gib}
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "terraform": lambda: terraform(ask),
        "gcloud": lambda: gcloud(ask),
        "project": lambda: existence(google, project),
        "signed in": lambda: signed_in(ask, google),
        "billing": lambda: billing(google, project),
        "rights": lambda: rights(google, project),
        "APIs": lambda: apis(google, project),
        "region": lambda: running(google, project, region),
        "builds": lambda: building(region),
        "policies": lambda: policies(google, project, region),
        "quotas": lambda: quotas(google, project, region, **room),  # type: ignore[arg-type]
    }
    findings: list[Finding] = []
    for name, look in checks.items():
        notice(name)
        findings += _looked(name, look)
    return findings


def _looked(name: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Yield the findings of a check, or one that it could not be made."""
    try:
        yield from look()
    except GoogleApiError as refusal:
        yield Finding(name, Verdict.UNSEEN, f"could not be looked at: needs {refusal.needs}", _remedy(refusal))
    except GoogleUnavailable as error:
        yield Finding(name, Verdict.UNANSWERED, str(error), "Look again in a minute; behind a proxy, set HTTPS_PROXY.")


def _remedy(refusal: GoogleApiError) -> str:
    api = re.search(r"the API (\S+\.googleapis\.com)", refusal.needs)
    if api:
        return f"gcloud services enable {api[1]}"
    return "Ask for a role that has it, or have a person with such a role run the check."
