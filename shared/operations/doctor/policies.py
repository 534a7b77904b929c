"""Which of an organisation's policies refuse something that Terraform makes.

Format: https://cloud.google.com/resource-manager/docs/reference/orgpolicy/rest/v2/projects.policies
Constraints: https://cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from shared.adapters.google_rest import GoogleApiError, RestReader
from shared.operations.doctor.findings import Finding, Verdict, bites, fine


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy that a constraint comes to for a project, all that it inherits included."""

    is_enforced: bool = False
    denies_all: bool = False
    allowed: frozenset[str] = frozenset()
    """The only values that are allowed; empty if all are."""
    denied: frozenset[str] = frozenset()
    is_conditional: bool = False
    """Whether a rule of it depends on a tag."""

    @classmethod
    def of(cls, document: dict[str, Any]) -> Policy:
        """Read what ``getEffectivePolicy`` answers; a rule that depends on tags is counted, and marked."""
        rules = document.get("spec", {}).get("rules", [])
        values = [rule.get("values", {}) for rule in rules]
        return cls(
            is_enforced=any(rule.get("enforce") for rule in rules),
            denies_all=any(rule.get("denyAll") for rule in rules),
            allowed=frozenset(_plain(allowed) for value in values for allowed in value.get("allowedValues", [])),
            denied=frozenset(_plain(denied) for value in values for denied in value.get("deniedValues", [])),
            is_conditional=any(rule.get("condition") for rule in rules),
        )

    def permits(self, value: str) -> bool:
        """Return whether a value is allowed; groups of values (``in:…``) are not unfolded."""
        if self.denies_all or value in self.denied:
            return False
        return not self.allowed or value in self.allowed

    @property
    def limits(self) -> bool:
        """Whether a list of values is limited at all."""
        return self.denies_all or bool(self.allowed or self.denied)


def _plain(value: str) -> str:
    return value.removeprefix("is:")


def _location(policy: Policy, region: str) -> str | None:
    groups = {f"in:{region}-locations", f"in:{region.split('-')[0]}-locations"}
    if region.startswith("europe-"):
        groups.add("in:eu-locations")
    is_in = policy.permits(region) or (policy.allowed & groups and not policy.denies_all)
    if is_in and not policy.denied & (groups | {region}):
        return None
    return f"it does not allow {region}; {_values(policy)}"


def _ingress(policy: Policy, _: str) -> str | None:
    missing = [value for value in ("all", "internal") if not policy.permits(value)]
    return f"it does not allow ingress {' and '.join(missing)}" if missing else None


def _members(policy: Policy, _: str) -> str | None:
    if not policy.limits:
        return None
    return (
        f"only members of {_listed(policy.allowed) or 'no customer'} may be granted anything: no other, and no allUsers"
    )


def _enforced(policy: Policy, _: str) -> str | None:
    return "it is enforced" if policy.is_enforced else None


def _limited(policy: Policy, _: str) -> str | None:
    return _values(policy) if policy.limits else None


def _services(policy: Policy, _: str) -> str | None:
    refused = [
        name
        for name in ("run", "eventarc", "cloudbuild", "bigquery", "storage")
        if not policy.permits(f"{name}.googleapis.com")
    ]
    return f"it does not allow the APIs {', '.join(refused)}" if refused else None


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint, how it bites, and what to do then."""

    name: str
    fault: Callable[[Policy, str], str | None]
    to_do: str
    is_only_noted: bool = False
    """Whether it bites with some options only."""


ASK = "Ask who administers the organisation for an exception for this project"
CONSTRAINTS = (
    Constraint(
        "gcp.resourceLocations", _location, f"{ASK}, or choose an allowed region with --region and in the tfvars."
    ),
    Constraint(
        "run.allowedIngress",
        _ingress,
        "classify-upload has ingress internal, classify-request all; without all it is reached only through a load "
        f"balancer (domain = …) or from the network. {ASK}, or set domain.",
    ),
    Constraint(
        "iam.allowedPolicyMemberDomains",
        _members,
        "invokers, uploaders and readers must be members of these customers, and public = true is refused.",
        is_only_noted=True,
    ),
    Constraint(
        "run.managed.requireInvokerIam", _enforced, "public = true is refused; leave it out.", is_only_noted=True
    ),
    Constraint("gcp.restrictServiceUsage", _services, f"{ASK}; all these are needed."),
    Constraint(
        "storage.softDeletePolicySeconds",
        _limited,
        "keep_days.deleted, in seconds, must be one of these.",
        is_only_noted=True,
    ),
    Constraint(
        "storage.retentionPolicySeconds",
        _limited,
        f"Buckets without a retention policy are refused, and uploads could not be removed under one. {ASK}.",
    ),
    Constraint("gcp.restrictNonCmekServices", _limited, "Set kms_key, or ask for an exception.", is_only_noted=True),
    Constraint(
        "cloudbuild.allowedIntegrations",
        _limited,
        "The pipeline's trigger may be refused; builds by hand are not.",
        is_only_noted=True,
    ),
)
"""``storage.publicAccessPrevention`` and ``storage.uniformBucketLevelAccess`` are kept by every bucket, so no policy on
them bites; no key of a service account is made."""


def policies(google: RestReader, project: str, region: str) -> Iterator[Finding]:
    """Yield what each constraint comes to.

    A constraint that Google does not know (404) limits nothing.
    """
    quiet = []
    for constraint in CONSTRAINTS:
        about = f"policy {constraint.name}"
        try:
            document = google.get("orgpolicy", f"v2/projects/{project}/policies/{constraint.name}:getEffectivePolicy")
        except GoogleApiError as refusal:
            if refusal.status != 404:
                raise
            document = {}
        policy = Policy.of(document)
        fault = constraint.fault(policy, region)
        if fault is None:
            quiet.append(constraint.name)
        elif constraint.is_only_noted or policy.is_conditional:
            yield Finding(about, Verdict.NOTE, fault, constraint.to_do)
        else:
            yield bites(about, fault, constraint.to_do)
    if quiet:
        yield fine("policies", f"nothing is refused by {', '.join(quiet)}")


def _values(policy: Policy) -> str:
    if policy.denies_all:
        return "it denies every value"
    sides = {"it allows only": policy.allowed, "it denies": policy.denied}
    return ", ".join(f"{what} {_listed(values)}" for what, values in sides.items() if values)


def _listed(values: frozenset[str]) -> str:
    return ", ".join(sorted(values))
