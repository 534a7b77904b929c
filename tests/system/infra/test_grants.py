"""Tests that each plan grants exactly the table: not a line more, not a line less."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.system.infra.conftest import PLANS
from tests.system.infra.grants import differences, expected
from tests.system.infra.plan import Plan
from tests.system.infra.roles import own_roles_are_minimal
from tests.system.infra.terraform import Terraform


def the_table_is_granted(plan: Plan) -> list[str]:
    """Return ``grants.differences`` for a plan of the test environment with every mistake."""
    return differences(plan, expected("test") | SPOILED)


SPOILED = {("group:team@example.com", "roles/storage.objectCreator", "bucket upload")}
MISTAKES: tuple[tuple[str, str, str, str, Callable[[Plan], list[str]], str], ...] = (
    (
        "the sweep reads all of quarantine",
        "infra/buckets/access.tf",
        '"].name}/objects/attempts/\\")"',
        '"].name}/objects/\\")"',
        the_table_is_granted,
        "classify-backlog may not do roles/storage.objectViewer on bucket quarantine, attempts only",
    ),
    (
        "the monitor may change predictions",
        "infra/bigquery/access.tf",
        'monitor_appends_events = { table = "model_events", who = "monitor" }',
        'monitor_appends_events = { table = "predictions", who = "monitor" }',
        the_table_is_granted,
        "monitor may do append on table predictions, which is not expected",
    ),
    (
        "the monitor may delete pictures",
        "infra/buckets/access.tf",
        'monitor_reads_archive = { bucket = "archive", role = "roles/storage.objectViewer"',
        'monitor_reads_archive = { bucket = "archive", role = var.roles["take"]',
        the_table_is_granted,
        "monitor may do take on bucket archive, which is not expected",
    ),
    (
        "classify-upload may not append failures",
        "infra/bigquery/access.tf",
        '    classify_upload_appends_failures     = { table = "failures", who = "classify-upload" }\n',
        "",
        the_table_is_granted,
        "classify-upload may not do append on table failures",
    ),
    (
        "uploads cannot be listed: 403 where 404 is meant",
        "infra/project/main.tf",
        'bucketlens_take = ["storage.objects.delete", "storage.objects.get", "storage.objects.list"]',
        'bucketlens_take = ["storage.objects.delete", "storage.objects.get"]',
        own_roles_are_minimal,
        "take may not storage.objects.list",
    ),
    (
        "the writer may not delete: 403 where 412 is meant",
        "infra/project/main.tf",
        'bucketlens_deposit = ["storage.objects.create", "storage.objects.delete", "storage.objects.get"]',
        'bucketlens_deposit = ["storage.objects.create", "storage.objects.get"]',
        own_roles_are_minimal,
        "deposit may not storage.objects.delete",
    ),
    (
        "a role that may do more than its name says",
        "infra/project/main.tf",
        'bucketlens_follow = ["run.operations.get"]',
        'bucketlens_follow = ["run.operations.get", "run.operations.delete"]',
        own_roles_are_minimal,
        "follow may run.operations.delete, which is not expected",
    ),
    (
        "people who upload may read and delete",
        "infra/buckets/access.tf",
        'role     = "roles/storage.objectCreator"',
        'role     = "roles/storage.objectUser"',
        the_table_is_granted,
        "group:team@example.com may do roles/storage.objectUser on bucket upload, which is not expected",
    ),
    (
        "BigQuery's connection may not invoke",
        "main.tf",
        "local.has_sql_function ? { bigquery = module.bigquery.connection_member } : {},",
        "",
        the_table_is_granted,
        "BigQuery's connection may not do roles/run.invoker on service classify-request",
    ),
    (
        "a function that reads uploads",
        "infra/buckets/access.tf",
        'classify_request_reads_archive          = { bucket = "archive", role = "roles/storage.objectViewer"',
        'classify_request_reads_archive          = { bucket = "upload", role = "roles/storage.objectViewer"',
        the_table_is_granted,
        "classify-request may do roles/storage.objectViewer on bucket upload, which is not expected",
    ),
)
"""Mistakes that can all be in one plan."""


@pytest.mark.parametrize("name", PLANS)
def test_plan_grants_exactly_the_table(plan_of: Callable[[str], Plan], name: str) -> None:
    assert differences(plan_of(name), expected(name)) == []
    assert own_roles_are_minimal(plan_of(name)) == []


@pytest.fixture(scope="module")
def spoiled(initialised: Terraform, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The plan of a copy with every mistake."""
    copy = initialised.copy(tmp_path_factory.mktemp("spoiled") / "tree")
    for _, file, before, after, *_rest in MISTAKES:
        copy.spoil(file, before, after)
    return Plan(copy.plan("test", uploaders=["group:team@example.com"]))


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake[0])
def test_grant_check_finds_a_grant_more_or_less(
    spoiled: Plan, mistake: tuple[str, str, str, str, Callable[[Plan], list[str]], str]
) -> None:
    *_, rule, fault = mistake
    assert fault in rule(spoiled)
