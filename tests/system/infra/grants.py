"""Who may do what on what: the whole table, which each plan must equal. One line more or less is seen."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.system.infra.plan import Plan, Resource

Grant = tuple[str, str, str]
"""Who, may do what, on what."""

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
"""Our own roles: neither a permission more, nor one that the code needs less (infra/project says why each is there)."""

_FUNCTIONS = ("classify-backlog", "classify-request", "classify-upload")
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
    ("deploy", "deploy", "job classify-backlog"),
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
    *((who, "roles/storage.objectViewer", "bucket models") for who in _FUNCTIONS),
    *((f"Google's {who}", "roles/cloudkms.cryptoKeyEncrypterDecrypter", "the key") for who in _KEYS),
    ("Google's cloudbuild", "roles/secretmanager.secretAccessor", "secret build-webhook"),
    ("classify-backlog", "roles/bigquery.dataViewer", "table failures"),
    ("classify-backlog", "roles/bigquery.dataViewer", "table predictions"),
    ("classify-backlog", "roles/bigquery.jobUser", "the project"),
    ("classify-backlog", "roles/storage.objectViewer", "bucket holiday-photos"),
    ("classify-request", "roles/storage.objectViewer", "bucket holiday-photos"),
    ("deploy", "roles/secretmanager.secretAccessor", "secret git-token"),
    ("group:analysts@example.com", "roles/bigquery.dataViewer", "the dataset"),
    ("group:team@example.com", "roles/storage.objectCreator", "bucket upload"),
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
"""By the plans of conftest.py."""

CALLS_WITH_TOKENS: set[Grant] = {
    ("BigQuery's connection", "roles/run.invoker", "service classify-request"),
    ("Google's monitoring-notification", "roles/run.invoker", "service classify-request"),
}
"""What Identity-Aware Proxy would turn away: with it, neither is granted."""

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
        *((f"Google's {who}", "roles/cloudkms.cryptoKeyEncrypterDecrypter", "the key") for who in _KEYS),
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
"""By the name of an example in infra/examples."""


def expected(name: str) -> set[Grant]:
    """Return the table of a plan."""
    return set().union(*EXPECTED[name])


def grants_of(plan: Plan) -> list[Grant]:
    """Return every grant of a plan, in words that are the same in each project."""
    return sorted((_who(plan, one), _what(plan, one), _on(plan, one)) for one in plan.grants)


def differences(plan: Plan, wanted: Iterable[Grant]) -> list[str]:
    """Return a sentence for each line that a plan has more, less or twice."""
    found, wanted = grants_of(plan), set(wanted)
    said = [f"{who} may do {what} on {on}, which nobody expects" for who, what, on in sorted(set(found) - wanted)]
    said += [f"{who} may not do {what} on {on}" for who, what, on in sorted(wanted - set(found))]
    return said + [f"{one} is granted twice" for one in sorted({one for one in found if found.count(one) > 1})]


def roles_of(plan: Plan) -> dict[str, set[str]]:
    """Return our own roles and what they allow."""
    made = plan.of("project_iam_custom_role")
    return {str(one["role_id"]).removeprefix("bucketlens_"): set(one["permissions"]) for one in made}


def strangers(plan: Plan) -> list[str]:
    """Return a sentence for each grant on what is not this plan's, and for each way to grant that the table leaves out.

    What is not ours and granted on all the same is named by a variable: a key, a secret, a topic of the other project.
    """
    said = []
    for one in plan.grants:
        expected = {
            "project": plan.variable("project"),
            "dataset_id": plan.variable("dataset"),
            "repository": "bucketlens",
            "crypto_key_id": plan.variable("kms_key"),
        }
        if one.kind == "google_pubsub_topic_iam_member":
            del expected["project"]  # releases are announced to the next environment's project
        said += [
            f"{one.address} is on {name} {one[name]}, expected {wanted}"
            for name, wanted in expected.items()
            if one[name] is not None and one[name] != wanted
        ]
    grants = {one.address for one in plan.grants}
    for one in plan.resources:
        names_somebody = {"member", "members", "entity", "policy_data"} & one.values.keys()
        if one.kind == "google_service_account":
            continue  # which says there how it is named in a grant
        if one.address not in grants and (names_somebody or _GRANTS_OTHERWISE.search(one.kind)):
            said.append(f"{one.address} grants something in a way that the table does not show")
        if one.kind.endswith(("_iam_binding", "_iam_policy")):
            said.append(f"{one.address} takes away what it does not name, expected a grant to one member")
    said += [f"{one.address} says itself who may read it" for one in plan.of("bigquery_dataset") if one["access"]]
    return said


def _who(plan: Plan, grant: Resource) -> str:
    member = grant["member"]
    if member is None:  # it is known after the apply: of all accounts, that of BigQuery's connection alone
        is_known = re.search(r"\.connection_reads_archive$|\.invoker\[\"bigquery\"\]$", grant.address)
        return "BigQuery's connection" if is_known else f"somebody who is known later ({grant.address})"
    if found := re.fullmatch(r"serviceAccount:([a-z-]+)@([a-z0-9-]+)\.iam\.gserviceaccount\.com", member):
        name, project = found.groups()
        if project == plan.variable("project") and name in {one["account_id"] for one in plan.of("service_account")}:
            return str(name)
        if name == "deploy":
            return f"deploy of {project}"
    if found := re.fullmatch(r"serviceAccount:(?:service|bq)-\d+@(?:gcp-sa-)?([a-z-]+)\.iam\..*", member):
        return f"Google's {_AGENTS.get(found[1], found[1])}"
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
        made = {one["name"]: str((one["labels"] or {}).get("role")) for one in plan.of("storage_bucket")}
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
"""Resources that let somebody in without a grant: lists of a bucket or an object, a dataset's entries, and keys."""

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
