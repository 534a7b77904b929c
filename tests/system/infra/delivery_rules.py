"""Rules of the pipeline and of the watch in every plan; the rules of plan_rules hold too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.environments import ROOT
from tests.system.infra.log_lines import fields_of_the_log
from tests.system.infra.plan import Plan, Resource, texts_in
from tests.system.infra.plan_rules import Rule, role_name

DIGESTS_ONLY = "@sha256:[0-9a-f]{64}$"
MAY_BE_EMPTY = {"_AUDIENCE", "_COMMIT", "_GOLDEN_SET", "_MONITOR", "_RENEW", "_TOPIC", "_TRIAL_URL", "_URL"}
PIPELINE_MAY = {
    "roles/artifactregistry.writer": "push built images, and copies of handed-over images",
    "roles/bigquery.dataViewer": "judge a release by its rows",
    "roles/bigquery.jobUser": "query them",
    "roles/bucketlens_act_as": "deploy as the function's account",
    "roles/bucketlens_append": "record what it does to a model",
    "roles/bucketlens_deploy": "replace image and traffic",
    "roles/bucketlens_follow": "see when that is done",
    "roles/bucketlens_inspect": "see how an image was built",
    "roles/bucketlens_identify": "have a token of its own, for the smoke test",
    "roles/logging.logWriter": "write the build's log",
    "roles/secretmanager.secretAccessor": "read a private repository",
    "roles/run.invoker": "call classify-request in the smoke test",
    "roles/storage.objectCreator": "drop the smoke test's picture",
    "roles/storage.objectViewer": "read the golden set",
}
OTHER_PROJECTS_MAY = {"roles/artifactregistry.reader", "roles/bucketlens_inspect", "roles/pubsub.publisher"}
DEPLOYING = re.compile(r"^run\.(executions|jobs|revisions|services)\.(get|list|update)$")

ALERTS = {
    "busy-rate",
    "error-rate",
    "events-wait",
    "latency",
    "model-harmed",
    "monitor-failed",
    "monitor-silent",
    "not-answering",
    "oldest-upload",
    "quarantine-rate",
    "spend",
    "sweep-silent",
    "unfamiliar-share",
}
MAY_BE_OFF = {"no-labels": ("no_labels_days", 30), "no-rows": ("no_rows_h", 23)}
"""Alerts that a threshold of 0 switches off, with the threshold's name and its default."""
USER_METRIC = re.compile(r'metric\.type ?= ?"logging\.googleapis\.com/user/([^"]+)"')
METRIC_LABEL = re.compile(r'metric\.labels?\."?(\w+)"?')
FIELD = re.compile(r"jsonPayload\.([\w.]+)")


def a_push_is_built_and_tested_but_not_in_production(plan: Plan) -> Iterator[str]:
    """A named branch has a trigger for its pushes, with labelled pictures to test with; production has none."""
    expected = _pipeline_of(plan).get("branch") is not None
    pushes = [
        trigger
        for trigger in plan.of("cloudbuild_trigger")
        if trigger["repository_event_config"] or trigger["webhook_config"]
    ]
    if plan.variable("environment") == "prod":
        yield from (f"{trigger.address} builds in production" for trigger in pushes)
        return
    if len(pushes) != int(expected):
        yield f"{len(pushes)} triggers start on a push, expected {int(expected)}"
    for trigger in pushes:
        if not str(trigger["substitutions"].get("_GOLDEN_SET")).startswith("gs://"):
            yield f"{trigger.address} has no golden set"
        by_webhook = "_REF.matches(" in str(trigger["filter"]) and trigger.block("webhook_config").get("secret")
        if not trigger.block("repository_event_config", "push").get("branch") and not by_webhook:
            yield f"{trigger.address} builds every branch"


def a_release_waits_for_approval(plan: Plan) -> Iterator[str]:
    """Handed-over digests have a trigger that takes only digests, and a person must approve."""
    releases = [trigger for trigger in plan.of("cloudbuild_trigger") if "_HANDED" in (trigger["substitutions"] or {})]
    if len(releases) != int(bool(_pipeline_of(plan))):
        yield f"{len(releases)} triggers start on handed-over digests, expected {int(bool(_pipeline_of(plan)))}"
    for trigger in releases:
        if trigger.block("approval_config").get("approval_required") is not True:
            yield f"{trigger.address} releases without approval"
        if str(trigger["filter"]).count(DIGESTS_ONLY) != 3:
            yield f"{trigger.address} takes more than digests"


def a_release_runs_what_was_tested(plan: Plan) -> Iterator[str]:
    """A release runs nothing of a repository's tip, and its images are verified by a script that the trigger holds."""
    for trigger in plan.of("cloudbuild_trigger"):
        if "_HANDED" not in (trigger["substitutions"] or {}):
            continue
        if trigger["source_to_build"] or trigger["git_file_source"]:
            yield f"{trigger.address} fetches untested scripts"
        steps = trigger.block("build").get("step") or []
        if not steps or steps[0]["id"] != "verify" or "inTotoSlsaProvenanceV1" not in str(steps[0]["script"]):
            yield f"{trigger.address} runs something before the provenance is verified"
        for step in steps:
            if any("infra/pipeline/" in argument for argument in step["args"] or []) and step["id"] in (
                "verify",
                "scripts",
            ):
                yield f"{trigger.address} takes its step {step['id']} from a source that is not verified yet"


def builds_record_provenance(plan: Plan) -> Iterator[str]:
    """Builds name their images: Cloud Build writes provenance for these, and for no others."""
    for trigger in plan.of("cloudbuild_trigger"):
        build = trigger.block("build")
        if "_UPLOAD_BUCKET" in (trigger["substitutions"] or {}) and build:
            if len(build.get("images") or []) != 3:
                yield f"{trigger.address} names no images"
            if trigger.block("build", "options").get("requested_verify_option") != "VERIFIED":
                yield f"{trigger.address} requests no provenance"


def the_base_image_is_renewed(plan: Plan) -> Iterator[str]:
    """A branch that is to be rebuilt each month has a schedule, and the base image is copied again."""
    expected = _pipeline_of(plan).get("rebuilds") is not None
    renewing = [
        resource
        for resource in plan.of("cloudbuild_trigger")
        if (resource["substitutions"] or {}).get("_RENEW") == "yes"
    ]
    starts = [resource for resource in plan.of("cloud_scheduler_job") if resource["pubsub_target"]]
    if [len(renewing), len(starts)] != [int(expected)] * 2:
        yield (
            f"{len(renewing)} triggers renew the base image, {len(starts)} schedules start them, "
            f"expected {int(expected)}"
        )


def triggers_give_their_builds_what_they_need(plan: Plan) -> Iterator[str]:
    """Triggers set every substitution without a value, and none that the build does not know."""
    for trigger in plan.of("cloudbuild_trigger"):
        values: dict[str, str] = trigger["substitutions"] or {}
        file = "infra/pipeline/promote.yaml" if "_HANDED" in values else "cloudbuild.yaml"
        known: dict[str, str] = yaml.safe_load((ROOT / file).read_text("utf-8"))["substitutions"]
        allowed = known.keys() | ({"_COMMIT", "_REF", "_REMOTE"} if trigger["build"] else set())
        yield from (
            f"{trigger.address} gives {name}, which {file} does not know" for name in sorted(values.keys() - allowed)
        )
        for name in sorted(name for name, value in known.items() if not value and not values.get(name)):
            if name not in MAY_BE_EMPTY:
                yield f"{trigger.address} does not give {name}"


def builds_run_as_the_pipeline(plan: Plan) -> Iterator[str]:
    """Builds run as the pipeline's account, not as Cloud Build's own, which may do far more."""
    for trigger in plan.of("cloudbuild_trigger"):
        if not str(trigger["service_account"]).rpartition("serviceAccounts/")[2].startswith("deploy@"):
            yield f"{trigger.address} runs as {trigger['service_account']}"


def the_pipeline_changes_only_what_is_there(plan: Plan) -> Iterator[str]:
    """The pipeline replaces images and traffic; it creates and deletes nothing, and cannot call classify-upload."""
    pipelines = {account["member"] for account in plan.of("service_account") if account["account_id"] == "deploy"}
    for grant in plan.grants:
        role, member = role_name(plan, str(grant["role"])), str(grant["member"])
        if member in pipelines and role not in PIPELINE_MAY:
            yield f"{grant.address} lets the pipeline do {role}"
        if member not in pipelines and role in ("roles/bucketlens_act_as", "roles/bucketlens_deploy"):
            yield f"{grant.address} lets {member} deploy"
        if member.startswith("serviceAccount:deploy@") and member not in pipelines and role not in OTHER_PROJECTS_MAY:
            yield f"{grant.address} grants {role} to another project's pipeline"
    for custom in plan.of("project_iam_custom_role"):
        if custom["role_id"] == "bucketlens_deploy":
            wrong = [permission for permission in custom["permissions"] if not DEPLOYING.match(permission)]
            yield from (f"{custom.address} allows {permission}" for permission in wrong)


def alerts_lead_to_the_runbook(plan: Plan) -> Iterator[str]:
    """Every watched condition has an alert, alerts have a channel, and each message links to its runbook entry."""
    made = {str((policy["user_labels"] or {}).get("runbook")): policy for policy in plan.of("monitoring_alert_policy")}
    thresholds = _watch_of(plan).get("thresholds", {})
    expected = ALERTS | {alert for alert, (name, default) in MAY_BE_OFF.items() if thresholds.get(name, default) != 0}
    yield from (f"no alert is made for {name}" for name in sorted(expected - made.keys()))
    yield from (f"{made[name].address} is an alert that is not expected" for name in sorted(made.keys() - expected))
    headings = re.findall(r"^## (\S+)$", (ROOT / "docs/runbook.md").read_text("utf-8"), re.MULTILINE)
    for name, alert in made.items():
        url = str(alert.block("documentation", "links").get("url"))
        if not url.startswith("https://") or not url.endswith(f"/docs/runbook.md#{name}"):
            yield f"{alert.address} links to {url}"
        if name not in headings:
            yield f"{alert.address} has no entry in docs/runbook.md"
        if alert["enabled"] is False:
            yield f"{alert.address} is switched off"
    channels = plan.of("monitoring_notification_channel")
    if not channels:
        yield "alerts have no notification channel"


def alerts_have_the_right_conditions(plan: Plan) -> Iterator[str]:
    """Alerts on sweeps, rows and verdicts fire also where there is no figure at all; rates are shares of calls."""
    for policy in plan.of("monitoring_alert_policy"):
        name = str((policy["user_labels"] or {}).get("runbook"))
        is_absence = name in ("monitor-silent", "no-rows", "sweep-silent")
        kind = "condition_absent" if is_absence else "condition_threshold"
        condition = policy.block("conditions", kind)
        if not condition:
            yield f"{policy.address} has no {kind}"
        elif kind == "condition_absent" and not 3600 <= int(condition["duration"].removesuffix("s")) <= 23 * 3600:
            yield f"{policy.address} waits for {condition['duration']}, expected an hour to 23"
        if name.endswith("-rate") and not condition.get("denominator_filter"):
            yield f"{policy.address} counts, expected a share"
        if kind == "condition_threshold" and condition:
            if condition.get("evaluation_missing_data") != "EVALUATION_MISSING_DATA_INACTIVE":
                yield f"{policy.address} stays open when figures stop"
            if int(condition["duration"].removesuffix("s")) < 60:
                yield f"{policy.address} lasts {condition['duration']}, where missing data needs a minute at least"
        if bool(policy.block("alert_strategy").get("auto_close")) != (kind == "condition_threshold"):
            yield f"{policy.address} closes itself by the wrong rule"


def only_critical_alerts_wake_a_person(plan: Plan) -> Iterator[str]:
    """The channels that wake people get critical alerts, and no others; the other channels get all."""
    urgent, others = (set(_watch_of(plan).get(name, [])) for name in ("urgent_channels", "channels"))
    for policy in plan.of("monitoring_alert_policy"):
        channels = set(policy["notification_channels"] or [])
        if policy["notification_channels"] is None:
            continue  # an e-mail channel's id is known after the apply, and with it the whole list
        if (policy["severity"] == "CRITICAL") != (urgent <= channels) and urgent:
            yield (
                f"{policy.address} is {policy['severity']} and "
                f"{'wakes' if urgent <= channels else 'does not wake'} a person"
            )
        if not others <= channels:
            yield f"{policy.address} is kept from {', '.join(sorted(others - channels))}"


def queried_metrics_are_made(plan: Plan) -> Iterator[str]:
    """Each own metric in an alert or the dashboard is made, with the labels that are queried."""
    made = {metric["name"]: metric for metric in plan.of("logging_metric")}
    for querying in plan.of("monitoring_alert_policy", "monitoring_dashboard"):
        for filter_ in _filters_of(querying):
            for name in USER_METRIC.findall(filter_):
                if name not in made:
                    yield f"{querying.address} queries {name}, which is not a metric"
                    continue
                known = {entry["key"] for entry in made[name].block("metric_descriptor").get("labels") or []}
                unknown = set(METRIC_LABEL.findall(filter_)) - known - {"type"}
                yield from (f"{querying.address} queries {name} by {label}" for label in sorted(unknown))
    queried = {
        name for resource in plan.resources for text in texts_in(resource.values) for name in _queried_metrics(text)
    }
    yield from (
        f"{made[name].address} is in no alert and not on the dashboard" for name in sorted(made.keys() - queried)
    )


def metrics_read_fields_of_the_log(plan: Plan) -> Iterator[str]:
    """Every field that a metric filters by or extracts is in a line that the code writes."""
    written = fields_of_the_log()
    for metric in plan.of("logging_metric"):
        for text in [metric["filter"], metric["value_extractor"] or "", *(metric["label_extractors"] or {}).values()]:
            yield from (
                f"{metric.address} reads {field}, which no line has"
                for field in FIELD.findall(text)
                if field not in written
            )


def the_uptime_check_identifies_itself(plan: Plan) -> Iterator[str]:
    """The uptime check has a token, and its account may call: a check without one would need a public function."""
    checks = plan.of("monitoring_uptime_check_config")
    if not checks:
        yield "there is no uptime check"
    for check in checks:
        if check.block("http_check", "service_agent_authentication").get("type") != "OIDC_TOKEN":
            yield f"{check.address} has no token"
        if check.block("http_check").get("path") != "/v2/health/ready":
            yield f"{check.address} does not test whether an image could be classified"
    invokers = [str(grant["member"]) for grant in plan.grants if grant["role"] == "roles/run.invoker"]
    if not any("gcp-sa-monitoring-notification" in member for member in invokers):
        yield "the check's account may not call classify-request"


def a_budget_is_made_on_request_only(plan: Plan) -> Iterator[str]:
    """A budget is made on request only: without billing rights an apply with a budget would fail as a whole."""
    is_requested = bool(_watch_of(plan).get("budget"))
    if bool(plan.of("billing_budget")) != is_requested:
        yield f"a budget was {'' if is_requested else 'not '}requested, and there are {len(plan.of('billing_budget'))}"


def _watch_of(plan: Plan) -> dict[str, Any]:
    return _object(plan.variable("watch"))


def _pipeline_of(plan: Plan) -> dict[str, Any]:
    return _object(plan.variable("pipeline"))


def _object(value: Any) -> dict[str, Any]:
    """Return a variable that is an object; on the command line it is a text."""
    variable: dict[str, Any] = (json.loads(value) if isinstance(value, str) else value) or {}
    return variable


def _filters_of(querying: Resource) -> list[str]:
    values: Any = querying.values
    if querying.kind == "google_monitoring_dashboard":
        values = json.loads(querying["dashboard_json"])
    return [text for text in texts_in(values) if "metric.type" in text]


def _queried_metrics(text: str) -> list[str]:
    return USER_METRIC.findall(text.replace('\\"', '"'))


RULES: tuple[Rule, ...] = (
    a_budget_is_made_on_request_only,
    a_push_is_built_and_tested_but_not_in_production,
    a_release_runs_what_was_tested,
    a_release_waits_for_approval,
    alerts_have_the_right_conditions,
    alerts_lead_to_the_runbook,
    builds_run_as_the_pipeline,
    metrics_read_fields_of_the_log,
    queried_metrics_are_made,
    only_critical_alerts_wake_a_person,
    the_base_image_is_renewed,
    the_uptime_check_identifies_itself,
    the_pipeline_changes_only_what_is_there,
    triggers_give_their_builds_what_they_need,
    builds_record_provenance,
)
