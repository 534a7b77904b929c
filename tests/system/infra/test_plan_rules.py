"""Tests that the plans of all environments follow the rules, and that a mistake of each kind is reported."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import yaml

from tests.environments import ROOT
from tests.system.infra import delivery_mistakes, delivery_rules
from tests.system.infra import plan_rules as rules
from tests.system.infra.conftest import PLANS
from tests.system.infra.mistake import Mistake
from tests.system.infra.plan import Plan, texts_in
from tests.system.infra.plan_rules import Rule
from tests.system.infra.terraform import Terraform

RULES = (*rules.RULES, *delivery_rules.RULES)

MISTAKES = (
    Mistake(
        "everybody reads a bucket",
        "infra/registry/main.tf",
        'role   = "roles/storage.objectViewer"\n  member = var.builder',
        'role   = "roles/storage.objectViewer"\n  member = "allUsers"',
        rules.only_public_admits_everyone,
        r"builder_reads_sources lets allUsers in",
    ),
    Mistake(
        "everybody with an account calls a function",
        "main.tf",
        'invokers                 = { trigger = module.identities.members["upload-trigger"] }',
        'invokers                 = { trigger = "allAuthenticatedUsers" }',
        rules.only_public_admits_everyone,
        r'invoker\["trigger"\] lets allAuthenticatedUsers in',
    ),
    Mistake(
        "a function that requires no token",
        "infra/function/main.tf",
        "invoker_iam_disabled = var.is_public",
        "invoker_iam_disabled = true",
        rules.only_public_admits_everyone,
        r"classify_upload\[0\].* requires no token",
    ),
    Mistake(
        "a job that cannot be replaced",
        "infra/job/main.tf",
        "deletion_protection = false",
        "deletion_protection = true",
        rules.data_is_protected,
        r"classify_backlog.* cannot be replaced where its first revision did not start",
    ),
    Mistake(
        "tags that keep every image",
        "infra/registry/main.tf",
        "immutable_tags = false",
        "immutable_tags = true",
        rules.unused_images_can_be_deleted,
        r"registry\..*images grows without a limit",
    ),
    Mistake(
        "pictures that grow cold by themselves",
        "infra/buckets/main.tf",
        "      for step in var.archive_classes :",
        '      for step in [{ age = 30, storage_class = "NEARLINE" }] :',
        rules.pictures_change_class_on_request_only,
        r'bucket\["archive"\] changes storage classes',
    ),
    Mistake(
        "an agent that is not made",
        "infra/project/main.tf",
        '    ["eventarc", "monitoring"],',
        '    ["eventarc"],',
        rules.agents_are_made_before_their_grants,
        r"monitoring has not made yet",
    ),
    Mistake(
        "classify-upload opens to the internet",
        "main.tf",
        '"INGRESS_TRAFFIC_INTERNAL_ONLY"',
        '"INGRESS_TRAFFIC_ALL"',
        rules.only_the_trigger_calls_classify_upload,
        r"classify_upload\[0\].* can be called from the internet",
    ),
    Mistake(
        "an editor",
        "infra/registry/main.tf",
        '"roles/logging.logWriter"',
        '"roles/editor"',
        rules.no_role_is_broad,
        r"builder_logs grants roles/editor$",
    ),
    Mistake(
        "an admin of a bucket",
        "infra/buckets/access.tf",
        'classify_request_reads_archive          = { bucket = "archive", role = "roles/storage.objectViewer"',
        'classify_request_reads_archive          = { bucket = "archive", role = "roles/storage.objectAdmin"',
        rules.no_role_is_broad,
        r"classify_request_reads_archive.* grants roles/storage\.objectAdmin",
    ),
    Mistake(
        "an owner of the dataset",
        "infra/bigquery/access.tf",
        'role       = var.roles["append"]\n  member     = var.identities[each.value.who]',
        'role       = "roles/bigquery.dataOwner"\n  member     = var.identities[each.value.who]',
        rules.no_role_is_broad,
        r"append.* grants roles/bigquery\.dataOwner",
    ),
    Mistake(
        "a grant on the whole project that a bucket would do for",
        "infra/trigger/main.tf",
        '"roles/eventarc.eventReceiver"',
        '"roles/storage.objectUser"',
        rules.no_role_is_broad,
        r"trigger_receives grants roles/storage\.objectUser on the whole project",
    ),
    Mistake(
        "a service account that nothing uses",
        "infra/identities/main.tf",
        "  always = tomap({\n",
        '  always = tomap({\n    idle-hands = "Unused."\n',
        rules.every_service_account_is_used,
        r"idle-hands.* is used by nothing",
    ),
    Mistake(
        "a job that runs as a function does",
        "main.tf",
        'module.identities.emails["classify-backlog"]',
        'module.identities.emails["classify-request"]',
        rules.every_service_account_is_used,
        r"classify_backlog.* runs as classify-request@.* expected an account of its own",
    ),
    Mistake(
        "a trigger in another region than its bucket",
        "main.tf",
        "region     = module.buckets.region",
        'region     = "us-central1"',
        rules.the_trigger_is_where_its_bucket_is,
        r"finalized is in us-central1, its bucket bucketlens-test-upload in europe-west1",
    ),
    Mistake(
        "tables that can be destroyed",
        "infra/bigquery/main.tf",
        "clustering          = local.layout[each.key].clusters\n  deletion_protection = var.deletion_protection",
        "clustering          = local.layout[each.key].clusters\n  deletion_protection = false",
        rules.data_is_protected,
        r'table\["predictions"\] can be destroyed',
    ),
    Mistake(
        "buckets that can be destroyed",
        "infra/buckets/main.tf",
        "!var.deletion_protection",
        "true",
        rules.data_is_protected,
        r'bucket\["archive"\] can be destroyed',
    ),
    Mistake(
        "a bucket that may be opened object by object",
        "infra/buckets/main.tf",
        '"enforced"',
        '"inherited"',
        rules.buckets_are_closed,
        r'bucket\["quarantine"\] may be opened',
    ),
    Mistake(
        "uploads without versions",
        "infra/buckets/main.tf",
        'toset(["models", "upload"])',
        'toset(["models"])',
        rules.buckets_are_closed,
        r'bucket\["upload"\] keeps no versions',
    ),
    Mistake(
        "a variable that the settings require is missing",
        "main.tf",
        '      QUARANTINE_BUCKET    = module.buckets.names["quarantine"]\n',
        "",
        rules.functions_get_their_settings,
        r"classify_upload\[0\].* is not given QUARANTINE_BUCKET",
    ),
    Mistake(
        "a variable that no code reads",
        "main.tf",
        '      LOG_FORMAT           = "json"\n',
        '      LOG_FORMAT           = "json"\n      LOG_FROMAT           = "json"\n',
        rules.functions_get_their_settings,
        r"classify_backlog\[0\].* is given LOG_FROMAT, which no code reads",
    ),
    Mistake(
        "one bucket in two roles, past the variable's validation",
        "main.tf",
        'UPLOAD_BUCKET        = module.buckets.names["upload"]',
        'UPLOAD_BUCKET        = module.buckets.names["archive"]',
        rules.functions_get_their_settings,
        r"would not start: (?s:.)*expected three different buckets",
    ),
    Mistake(
        "memory that differs from the function's setting",
        "infra/function/main.tf",
        'memory = "${var.size.memory_mb}Mi"',
        'memory = "256Mi"',
        rules.functions_fit_their_size,
        r"has 256Mi and is given MEMORY_MB=512",
    ),
    Mistake(
        "CPU that is paid for day and night",
        "infra/function/main.tf",
        "cpu_idle          = true",
        "cpu_idle          = false",
        rules.functions_fit_their_size,
        r"is paid for day and night",
    ),
    Mistake(
        "instances without a limit",
        "infra/function/main.tf",
        "    max_instance_count = var.size.max_instances\n",
        "",
        rules.functions_fit_their_size,
        r"has no limit to its instances",
    ),
    Mistake(
        "instances that are counted by revision",
        "infra/function/main.tf",
        '    timeout                          = "${var.size.timeout_s}s"\n',
        '    timeout = "${var.size.timeout_s}s"\n    scaling {\n      max_instance_count = 4\n    }\n',
        rules.functions_fit_their_size,
        r"counts instances by revision",
    ),
    Mistake(
        "a probe that does not ask whether it is ready",
        "infra/function/main.tf",
        "/v2/health/ready",
        "/healthz",
        rules.functions_fit_their_size,
        r"gets calls before it is ready",
    ),
    Mistake(
        "requests that are cut off before the code gives up",
        "main.tf",
        "timeout_s     = optional(number, 90)",
        "timeout_s     = optional(number, 30)",
        rules.requests_are_as_large_as_the_code_takes,
        r"classify_request\[0\].* is cut off after 30 s, and works for 60 s",
    ),
    Mistake(
        "more rows than a request may hold",
        "main.tf",
        '"MAX_IMAGES_PER_REQUEST", "16")',
        '"MAX_IMAGES_PER_REQUEST", "1000")',
        rules.requests_are_as_large_as_the_code_takes,
        r"classify sends 1000 rows in a request, where 16 are accepted",
    ),
    Mistake(
        "an image by tag",
        "infra/image/main.tf",
        "image  = try(coalesce(var.image, local.newest), null)",
        'image  = "${local.place}:latest"',
        rules.functions_fit_their_size,
        r"runs .*serving:latest, expected a digest",
    ),
    Mistake(
        "publishers who may replace what is published",
        "infra/project/main.tf",
        'bucketlens_publish = ["storage.objects.create",',
        'bucketlens_publish = ["storage.objects.delete", "storage.objects.create",',
        rules.models_do_not_change,
        r"publishers may also storage\.objects\.delete",
    ),
    Mistake(
        "functions that read models which they do not serve",
        "infra/buckets/access.tf",
        "toset(var.reads_models ? concat(",
        "toset(true ? concat(",
        rules.models_do_not_change,
        r"reads models that it does not serve",
    ),
    Mistake(
        "a column that the code does not write",
        "infra/bigquery/tables/labels.json",
        '"name": "note"',
        '"name": "remark"',
        rules.tables_are_those_of_the_schema_files,
        r"table labels differs from labels\.json",
    ),
    Mistake(
        "a table without one of its columns",
        "infra/bigquery/tables/failures.json",
        '"name": "detail"',
        '"name": "details"',
        rules.tables_take_what_the_code_writes,
        r"table failures refuses an unread failure: detail is not a column",
    ),
    Mistake(
        "a table without its clusters",
        "infra/bigquery/main.tf",
        'clusters = ["reason"]',
        "clusters = null",
        rules.tables_are_those_of_the_schema_files,
        r"table failures is laid out by \('uploaded_on', \[\]\)",
    ),
    Mistake(
        "a view of another dataset",
        "infra/bigquery/main.tf",
        "{ dataset = local.full_name })",
        '{ dataset = "${var.project}.other" })',
        rules.tables_are_those_of_the_schema_files,
        r"view latest_predictions differs from latest_predictions\.sql",
    ),
    *delivery_mistakes.MISTAKES,
)
"""Mistakes that can all be in one plan."""


SPOILED_PIPELINE = {
    "branch": "^main$",
    "golden_set": "gs://golden-set/flowers",
    "rebuilds": "main",
    "remote_uri": "https://gitlab.com/you/bucketlens.git",
    "webhook": {"secret": "projects/bucketlens-test/secrets/build-webhook/versions/1"},
}
SPOILED_WATCH = {
    "channels": ["projects/bucketlens-test/notificationChannels/1"],
    "runbook": "https://example.com/docs/runbook.md",
    "urgent_channels": ["projects/bucketlens-test/notificationChannels/2"],
}


@pytest.fixture(scope="module")
def spoiled(initialised: Terraform, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The plan of a copy with every mistake."""
    copy = initialised.copy(tmp_path_factory.mktemp("spoiled") / "tree")
    for mistake in MISTAKES:
        copy.spoil(mistake.file, mistake.before, mistake.after)
    return Plan(copy.plan("test", pipeline=SPOILED_PIPELINE, watch=SPOILED_WATCH))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", PLANS)
def test_plan_follows_the_rule(plan_of: Callable[[str], Plan], name: str, rule: Rule) -> None:
    assert list(rule(plan_of(name))) == []


@pytest.mark.parametrize("name", PLANS)
def test_plan_has_the_resources_that_the_rules_check(plan_of: Callable[[str], Plan], name: str) -> None:
    """Guard the test above: in an empty plan every rule holds."""
    plan = plan_of(name)
    assert {function["name"] for function, _, _ in plan.functions} == {
        "classify-backlog",
        "classify-request",
        "classify-upload",
        "monitor",
    }
    assert len(plan.of("storage_bucket")) == 6
    has_pipeline, builds = "pipeline" in PLANS[name][1], name in ("preprod that builds", "every option")
    assert len(plan.of("service_account")) == 8 + has_pipeline
    assert len(plan.of("cloudbuild_trigger")) == (3 if builds else int(has_pipeline))
    assert len(plan.of("monitoring_alert_policy")) == (13 if name in ("test", "preprod") else 15)
    assert len(plan.of("logging_metric")) == 11
    assert len(plan.of("eventarc_trigger", "bigquery_routine", "bigquery_connection")) == 3
    assert len(plan.of("cloud_scheduler_job")) == 2 + builds
    assert len(plan.grants) >= 25


def test_plan_admits_everyone_only_with_the_public_option(plan_of: Callable[[str], Plan]) -> None:
    services = plan_of("every option").of("cloud_run_v2_service")
    assert [service["name"] for service in services if service["invoker_iam_disabled"]] == ["classify-request"]


def test_webhook_trigger_builds_as_a_push_does(plan_of: Callable[[str], Plan]) -> None:
    """Compare the trigger for any Git host: the same steps, after one that fetches the commit."""
    [trigger] = [
        resource for resource in plan_of("every option").of("cloudbuild_trigger") if resource["webhook_config"]
    ]
    steps = trigger.block("build")["step"]
    pushed = yaml.safe_load((ROOT / "cloudbuild.yaml").read_text("utf-8"))["steps"]
    assert [step["id"] for step in steps] == ["fetch", *(step["id"] for step in pushed)]
    assert steps[0]["secret_env"] == ["GIT_TOKEN"]
    assert "COMMIT=$_COMMIT" in steps[0]["env"]
    assert not any("COMMIT_SHA" in text for text in texts_in(trigger.values))
    assert trigger["substitutions"]["_COMMIT"] == "$(body.after)"
    assert not plan_of("every option").of("cloudbuildv2_repository")


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_plan_rule_reports_a_planted_mistake(spoiled: Plan, mistake: Mistake) -> None:
    faults = list(mistake.rule(spoiled))
    assert any(re.search(mistake.fault, fault) for fault in faults), faults


def test_plan_rules_each_have_a_planted_mistake() -> None:
    assert {mistake.rule for mistake in MISTAKES} == set(RULES)
