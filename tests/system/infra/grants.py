"""The whole table of grants, which each plan must equal: one line more or less is found."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.system.infra.plan import Plan, Resource

Grant = tuple[str, str, str]
"""A member, a role, and the resource that it is granted on."""

ROLES = {
    "act_as": {"iam.serviceAccounts.actAs"},
    "append": {"bigquery.tables.get", "bigquery.tables.updateData"},
    "deploy": {
        "run.executions.get",
        "run.jobs.get",
        "run.jobs.update",
        "run.revisions.get",
        "run.revisions.list",
        "run.services.get",
        "run.services.update",
    },
    "deposit": {"storage.objects.create", "storage.objects.delete", "storage.objects.get"},
    "follow": {"run.operations.get"},
    "identify": {"iam.serviceAccounts.getOpenIdToken"},
    "inspect": {"containeranalysis.occurrences.get", "containeranalysis.occurrences.list"},
    "publish": {"storage.objects.create", "storage.objects.get", "storage.objects.list"},
    "take": {"storage.objects.delete", "storage.objects.get", "storage.objects.list"},
}
"""The project's own roles: no permission more, and none that the code needs less (infra/project gives the reasons)."""

_FUNCTIONS = ("classify-backlog", "classify-request", "classify-upload", "monitor")
_KEYS = ("bigquery", "registry", "run", "storage")

ATTEMPTS_ONLY = (
    'resource.type == "storage.googleapis.com/Bucket" || '
    'resource.name.startsWith("projects/_/buckets/%s-quarantine/objects/attempts/")'
)

ALWAYS: set[Grant] = {
    ("backlog-schedule", "roles/run.invoker", "job classify-backlog"),
    ("build-image", "roles/artifactregistry.writer", "the registry"),
    ("build-image", "roles/logging.logWriter", "the project"),
    ("build-image", "roles/storage.objectViewer", "bucket build-sources"),
    ("classify-backlog", "append", "table failures"),
    ("classify-backlog", "append", "table predictions"),
    ("classify-backlog", "deposit", "bucket archive"),
    ("classify-backlog", "deposit", "bucket quarantine"),
    ("classify-backlog", "roles/storage.objectViewer", "bucket quarantine, attempts only"),
    ("classify-backlog", "take", "bucket upload"),
    ("classify-request", "append", "table labels"),
    ("classify-request", "append", "table predictions"),
    ("classify-request", "deposit", "bucket archive"),
    ("classify-request", "roles/storage.objectViewer", "bucket archive"),
    ("classify-upload", "append", "table failures"),
    ("classify-upload", "append", "table predictions"),
    ("classify-upload", "deposit", "bucket archive"),
    ("classify-upload", "deposit", "bucket quarantine"),
    ("classify-upload", "take", "bucket upload"),
    ("monitor", "append", "table model_events"),
    ("monitor", "publish", "bucket reports"),
    ("monitor", "roles/bigquery.dataViewer", "the dataset"),
    ("monitor", "roles/bigquery.jobUser", "the project"),
    ("monitor", "roles/storage.objectViewer", "bucket archive"),
    ("monitor-schedule", "roles/run.invoker", "job monitor"),
    ("upload-trigger", "roles/eventarc.eventReceiver", "the project"),
    ("upload-trigger", "roles/run.invoker", "service classify-upload"),
    ("BigQuery's connection", "roles/run.invoker", "service classify-request"),
    ("BigQuery's connection", "roles/storage.objectViewer", "bucket archive"),
    ("Google's eventarc", "roles/eventarc.serviceAgent", "the project"),
    ("Google's monitoring-notification", "roles/run.invoker", "service classify-request"),
    ("Google's storage", "roles/pubsub.publisher", "the project"),
}

WITH_A_PIPELINE: set[Grant] = {
    ("deploy", "act_as", "account classify-backlog"),
    ("deploy", "act_as", "account classify-request"),
    ("deploy", "act_as", "account classify-upload"),
    ("deploy", "act_as", "account monitor"),
    ("deploy", "append", "table model_events"),
    ("deploy", "deploy", "job classify-backlog"),
    ("deploy", "deploy", "job monitor"),
    ("deploy", "deploy", "service classify-request"),
    ("deploy", "deploy", "service classify-upload"),
    ("deploy", "follow", "the project"),
    ("deploy", "roles/artifactregistry.writer", "the registry"),
    ("deploy", "roles/bigquery.dataViewer", "the dataset"),
    ("deploy", "roles/bigquery.jobUser", "the project"),
    ("deploy", "roles/logging.logWriter", "the project"),
}

THAT_ASKS_A_GOLDEN_SET: set[Grant] = {
    ("deploy", "identify", "account deploy"),
    ("deploy", "roles/run.invoker", "service classify-request"),
    ("deploy", "roles/storage.objectViewer", "bucket golden-set"),
}

THAT_BUILDS: set[Grant] = {
    ("deploy", "inspect", "the project"),
    ("deploy", "roles/storage.objectCreator", "bucket upload"),
}

THAT_HANDS_OVER: set[Grant] = {
    ("deploy of bucketlens-prod", "inspect", "the project"),
    ("deploy of bucketlens-prod", "roles/artifactregistry.reader", "the registry"),
}

THAT_TAKES: set[Grant] = {
    ("deploy of bucketlens-preprod", "roles/pubsub.publisher", "topic releases"),
    ("group:releases@example.com", "roles/cloudbuild.builds.approver", "the project"),
}

OF_OPTIONS: set[Grant] = {
    *((function, "roles/storage.objectViewer", "bucket models") for function in _FUNCTIONS),
    *((f"Google's {agent}", "roles/cloudkms.cryptoKeyEncrypterDecrypter", "the key") for agent in _KEYS),
    ("Google's cloudbuild", "roles/secretmanager.secretAccessor", "secret build-webhook"),
    ("classify-backlog", "roles/bigquery.dataViewer", "table failures"),
    ("classify-backlog", "roles/bigquery.dataViewer", "table predictions"),
    ("classify-backlog", "roles/bigquery.jobUser", "the project"),
    ("classify-backlog", "roles/storage.objectViewer", "bucket holiday-photos"),
    ("classify-request", "roles/storage.objectViewer", "bucket holiday-photos"),
    ("deploy", "roles/secretmanager.secretAccessor", "secret git-token"),
    ("group:analysts@example.com", "roles/bigquery.dataViewer", "the dataset"),
    ("group:analysts@example.com", "roles/storage.objectViewer", "bucket reports"),
    ("group:team@example.com", "roles/storage.objectCreator", "bucket upload"),
    ("serviceAccount:trainer@bucketlens-test.iam.gserviceaccount.com", "append", "table model_events"),
    ("serviceAccount:trainer@bucketlens-test.iam.gserviceaccount.com", "publish", "bucket models"),
    ("user:ada@example.com", "roles/run.invoker", "service classify-request"),
}

EXPECTED: dict[str, tuple[set[Grant], ...]] = {
    "test": (ALWAYS,),
    "preprod": (ALWAYS,),
    "prod": (ALWAYS,),
    "preprod that builds": (ALWAYS, WITH_A_PIPELINE, THAT_ASKS_A_GOLDEN_SET, THAT_BUILDS, THAT_HANDS_OVER),
    "prod that takes": (ALWAYS, WITH_A_PIPELINE, THAT_ASKS_A_GOLDEN_SET, THAT_TAKES),
    "every option": (ALWAYS, WITH_A_PIPELINE, THAT_ASKS_A_GOLDEN_SET, THAT_BUILDS, OF_OPTIONS),
}
"""Grants by the plans of conftest.py."""

OF_THE_MONITOR = {grant for grant in ALWAYS if grant[0].startswith("monitor") or grant[2] == "job monitor"}
"""Grants that are not made where ``monitor`` is null."""

CALLS_WITH_TOKENS: set[Grant] = {
    ("BigQuery's connection", "roles/run.invoker", "service classify-request"),
    ("Google's monitoring-notification", "roles/run.invoker", "service classify-request"),
}
"""Grants that Identity-Aware Proxy would refuse: with it, neither is made."""

OF_EXAMPLES: dict[str, set[Grant]] = {
    "gitlab": {
        *(ALWAYS | WITH_A_PIPELINE | THAT_ASKS_A_GOLDEN_SET | THAT_BUILDS)
        - {("deploy", "roles/storage.objectViewer", "bucket golden-set")},
        ("Google's cloudbuild", "roles/secretmanager.secretAccessor", "secret build-webhook"),
        ("deploy", "roles/secretmanager.secretAccessor", "secret git-token"),
        ("deploy", "roles/storage.objectViewer", "bucket my-team-preprod-golden"),
        ("deploy of my-team-prod", "inspect", "the project"),
        ("deploy of my-team-prod", "roles/artifactregistry.reader", "the registry"),
    },
    "hospital": {
        *ALWAYS - CALLS_WITH_TOKENS,
        *((f"Google's {agent}", "roles/cloudkms.cryptoKeyEncrypterDecrypter", "the key") for agent in _KEYS),
        ("Google's iap", "roles/run.invoker", "service classify-request"),
        ("group:radiology@example.com", "roles/iap.httpsResourceAccessor", "page of classify-request"),
        ("serviceAccount:scanner@my-hospital.iam.gserviceaccount.com", "roles/storage.objectCreator", "bucket upload"),
    },
    "laboratory": {
        *ALWAYS,
        ("group:laboratory@example.com", "roles/bigquery.dataViewer", "the dataset"),
        ("group:laboratory@example.com", "roles/storage.objectCreator", "bucket upload"),
    },
    "public_page": ALWAYS,
}
"""Grants by the name of an example in infra/examples."""


def expected(name: str) -> set[Grant]:
    """Return the table of a plan."""
    return set().union(*EXPECTED[name])


def grants_of(plan: Plan) -> list[Grant]:
    """Return every grant of a plan, in words that are the same in each project."""
    return sorted((_who(plan, grant), _what(plan, grant), _on(plan, grant)) for grant in plan.grants)


def differences(plan: Plan, expected_grants: Iterable[Grant]) -> list[str]:
    """Return a sentence for each grant that a plan has in excess, lacks or has twice."""
    granted, expected_grants = grants_of(plan), set(expected_grants)
    faults = [
        f"{member} may do {what} on {on}, which is not expected"
        for member, what, on in sorted(set(granted) - expected_grants)
    ]
    faults += [f"{member} may not do {what} on {on}" for member, what, on in sorted(expected_grants - set(granted))]
    return faults + [
        f"{grant} is granted twice" for grant in sorted({grant for grant in granted if granted.count(grant) > 1})
    ]


def roles_of(plan: Plan) -> dict[str, set[str]]:
    """Return the project's own roles and their permissions."""
    made = plan.of("project_iam_custom_role")
    return {str(role["role_id"]).removeprefix("bucketlens_"): set(role["permissions"]) for role in made}


def strangers(plan: Plan) -> list[str]:
    """Return a sentence for each grant on a foreign resource, and for each way to grant that the table leaves out.

    A foreign resource that is granted on purpose is named by a variable: a key, a secret, the other project's topic.
    """
    faults = []
    for resource in plan.grants:
        expected = {
            "project": plan.variable("project"),
            "dataset_id": plan.variable("dataset"),
            "repository": "bucketlens",
            "crypto_key_id": plan.variable("kms_key"),
        }
        if resource.kind == "google_pubsub_topic_iam_member":
            del expected["project"]  # releases are announced to the next environment's project
        faults += [
            f"{resource.address} is on {name} {resource[name]}, expected {expected_value}"
            for name, expected_value in expected.items()
            if resource[name] is not None and resource[name] != expected_value
        ]
    grants = {resource.address for resource in plan.grants}
    for resource in plan.resources:
        names_a_member = {"member", "members", "entity", "policy_data"} & resource.values.keys()
        if resource.kind == "google_service_account":
            continue  # its own member is not a grant
        if resource.address not in grants and (names_a_member or _GRANTS_OTHERWISE.search(resource.kind)):
            faults.append(f"{resource.address} grants something in a way that the table does not show")
        if resource.kind.endswith(("_iam_binding", "_iam_policy")):
            faults.append(f"{resource.address} revokes what it does not name, expected a grant to one member")
    faults += [
        f"{resource.address} has an access list of its own"
        for resource in plan.of("bigquery_dataset")
        if resource["access"]
    ]
    return faults


def _who(plan: Plan, grant: Resource) -> str:
    member = grant["member"]
    if member is None:  # it is known after the apply; of all accounts, only that of BigQuery's connection may be
        is_known = re.search(r"\.connection_reads_archive$|\.invoker\[\"bigquery\"\]$", grant.address)
        return "BigQuery's connection" if is_known else f"an account known after the apply ({grant.address})"
    if match := re.fullmatch(r"serviceAccount:([a-z-]+)@([a-z0-9-]+)\.iam\.gserviceaccount\.com", member):
        name, project = match.groups()
        if project == plan.variable("project") and name in {
            account["account_id"] for account in plan.of("service_account")
        }:
            return str(name)
        if name == "deploy":
            return f"deploy of {project}"
    if match := re.fullmatch(r"serviceAccount:(?:service|bq)-\d+@(?:gcp-sa-)?([a-z-]+)\.iam\..*", member):
        return f"Google's {_AGENTS.get(match[1], match[1])}"
    return str(member)


def _what(plan: Plan, grant: Resource) -> str:
    return str(grant["role"]).removeprefix(f"projects/{plan.variable('project')}/roles/bucketlens_")


def _on(plan: Plan, grant: Resource) -> str:
    condition = grant.block("condition").get("expression")
    only = condition == ATTEMPTS_ONLY % plan.variable("project")
    return _thing(plan, grant) + (", attempts only" if only else f", if {condition}" if condition else "")


def _thing(plan: Plan, grant: Resource) -> str:
    kind = grant.kind.removeprefix("google_").removesuffix("_iam_member")
    if kind == "storage_bucket":
        made = {bucket["name"]: str((bucket["labels"] or {}).get("role")) for bucket in plan.of("storage_bucket")}
        return f"bucket {made.get(grant['bucket'], grant['bucket'])}"
    if kind == "service_account":
        return f"account {str(grant['service_account_id']).rpartition('/')[2].partition('@')[0]}"
    name = {"bigquery_table": "table_id", "cloud_run_v2_job": "name", "cloud_run_v2_service": "name"}.get(kind)
    name = {"iap_web_cloud_run_service": "cloud_run_service_name", "pubsub_topic": "topic"}.get(kind, name)
    name = "secret_id" if kind == "secret_manager_secret" else name
    return f"{_THINGS[kind]} {grant[name]}" if name else _THINGS[kind]


_GRANTS_OTHERWISE = re.compile(
    r"_acl$|_access_control$|_dataset_access$|_iam_(?!member$|custom_role$|binding$|policy$)|_service_account_key$|_hmac_key$"
)
"""Resources that give access without a grant: lists of a bucket or an object, a dataset's entries, and keys."""

_THINGS = {
    "artifact_registry_repository": "the registry",
    "bigquery_dataset": "the dataset",
    "bigquery_table": "table",
    "cloud_run_v2_job": "job",
    "cloud_run_v2_service": "service",
    "iap_web_cloud_run_service": "page of",
    "kms_crypto_key": "the key",
    "project": "the project",
    "pubsub_topic": "topic",
    "secret_manager_secret": "secret",
}
_AGENTS = {
    "artifactregistry": "registry",
    "bigquery-encryption": "bigquery",
    "gs-project-accounts": "storage",
    "serverless-robot-prod": "run",
}
