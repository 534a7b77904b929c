"""Tests that every example environment grants exactly its table, and that no access bypasses the table."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.environments import ROOT
from tests.system.infra.conftest import ALERT_EMAILS, PLANS
from tests.system.infra.grants import (
    ALWAYS,
    CALLS_WITH_TOKENS,
    OF_EXAMPLES,
    OF_THE_MONITOR,
    differences,
    grants_of,
    strangers,
)
from tests.system.infra.plan import Plan, Resource
from tests.system.infra.roles import own_roles_are_minimal
from tests.system.infra.terraform import Terraform

EXAMPLES = sorted((ROOT / "infra" / "examples").glob("*.tfvars"))
SECRET = ("classify-request", "roles/secretmanager.secretAccessor", "secret bucketlens-label-keys")
SIGNED_IN = {
    ("Google's iap", "roles/run.invoker", "service classify-request"),
    ("group:team@example.com", "roles/iap.httpsResourceAccessor", "page of classify-request"),
}
OPTIONS: dict[str, tuple[dict[str, Any], set[tuple[str, str, str]]]] = {
    "label_keys_secret": ({"label_keys_secret": "bucketlens-label-keys"}, {*ALWAYS, SECRET}),
    "iap_members": ({"iap_members": ["group:team@example.com"]}, (ALWAYS - CALLS_WITH_TOKENS) | SIGNED_IN),
    "no monitor": ({"monitor": None}, ALWAYS - OF_THE_MONITOR),
    "the first apply": (
        {"deploy_functions": False},
        {grant for grant in ALWAYS if not re.search(r"^(service|job) ", grant[2]) and "eventarc" not in grant[1]}
        - {("Google's storage", "roles/pubsub.publisher", "the project")},
    ),
}
"""Options that no example and no plan of conftest.py has, with the table that each makes."""


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_example_grants_exactly_its_table(initialised: Terraform, example: Path) -> None:
    plan = plan_of_example(initialised, example)
    assert differences(plan, OF_EXAMPLES[example.stem]) == []
    assert own_roles_are_minimal(plan) == []
    assert strangers(plan) == []
    is_public = {service["name"] for service in plan.of("cloud_run_v2_service") if service["invoker_iam_disabled"]}
    assert is_public == ({"classify-request"} if example.stem == "public_page" else set())


def test_examples_each_have_a_grants_table() -> None:
    assert OF_EXAMPLES.keys() == {example.stem for example in EXAMPLES}


@pytest.mark.parametrize("option", OPTIONS)
def test_option_grants_exactly_what_it_needs(initialised: Terraform, option: str) -> None:
    variables, expected = OPTIONS[option]
    plan = Plan(initialised.plan("prod", wait_s=0, watch=ALERT_EMAILS, **variables))
    assert differences(plan, expected) == []
    assert strangers(plan) == []
    if option == "no monitor":
        alerts = {str(alert["user_labels"]["runbook"]) for alert in plan.of("monitoring_alert_policy")}
        assert alerts & {"model-harmed", "monitor-failed", "monitor-silent", "no-labels", "unfamiliar-share"} == set()
        assert "reports" not in {(bucket["labels"] or {}).get("role") for bucket in plan.of("storage_bucket")}


@pytest.mark.parametrize("name", PLANS)
def test_access_is_only_granted_by_the_table(plan_of: Callable[[str], Plan], name: str) -> None:
    assert strangers(plan_of(name)) == []


def planned(*resources: Resource) -> Plan:
    """Return a plan of these resources."""
    made = Plan({"resource_changes": [], "variables": {"project": {"value": "p"}, "dataset": {"value": "d"}}})
    made.resources = list(resources)
    return made


@pytest.mark.parametrize(
    ("kind", "values", "fault"),
    [
        ("google_project_iam_member", {"project": "other", "member": "user:a@b.c"}, "is on project other, expected p"),
        ("google_bigquery_dataset_iam_member", {"dataset_id": "x", "member": "user:a@b.c"}, "is on dataset_id x"),
        ("google_storage_bucket_iam_binding", {"members": ["user:a@b.c"]}, "revokes what it does not name"),
        ("google_project_iam_policy", {"policy_data": "{}"}, "revokes what it does not name"),
        ("google_storage_bucket_acl", {"bucket": "x"}, "in a way that the table does not show"),
        ("google_storage_object_access_control", {"entity": "allUsers"}, "in a way that the table does not show"),
        ("google_bigquery_dataset_access", {"dataset_id": "d"}, "in a way that the table does not show"),
        ("google_project_iam_audit_config", {"service": "allServices"}, "in a way that the table does not show"),
        ("google_service_account_key", {"service_account_id": "x"}, "in a way that the table does not show"),
        ("google_bigquery_dataset", {"access": [{"role": "READER"}]}, "has an access list of its own"),
    ],
)
def test_access_outside_the_table_is_found(kind: str, values: dict[str, Any], fault: str) -> None:
    assert any(fault in sentence for sentence in strangers(planned(Resource("it", kind, values))))


def test_grant_condition_is_part_of_the_table() -> None:
    values = {"member": "user:a@b.c", "role": "roles/x", "condition": [{"expression": "false"}]}
    kinds = ("project", "bigquery_dataset", "kms_crypto_key", "artifact_registry_repository", "storage_bucket")
    for kind in kinds:
        [(_, _, on)] = grants_of(planned(Resource("it", f"google_{kind}_iam_member", values)))
        assert on.endswith(", if false")


def test_account_known_after_apply_is_not_taken_for_the_connection() -> None:
    values = {"member": None, "role": "roles/run.invoker", "name": "classify-request"}
    kind = "google_cloud_run_v2_service_iam_member"
    [(known, _, _)] = grants_of(planned(Resource('module.classify_request[0].x.invoker["bigquery"]', kind, values)))
    [(other, _, _)] = grants_of(planned(Resource('module.classify_request[0].x.invoker["others"]', kind, values)))
    assert known == "BigQuery's connection"
    assert other.startswith("an account known after the apply")


def plan_of_example(initialised: Terraform, example: Path) -> Plan:
    [environment] = re.findall(r'^environment = "(\w+)"$', example.read_text("utf-8"), re.MULTILINE)
    workspace, name = initialised.of(environment), f"{example.stem}.plan"
    workspace.run("plan", "-input=false", f"-out={name}", f"-var-file={example.relative_to(ROOT)}")
    return Plan(json.loads(workspace.run("show", "-json", name)))
