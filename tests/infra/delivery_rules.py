"""What must hold for the pipeline and for the watch in every plan; the rules of plan_rules hold too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.environments import ROOT
from tests.infra.log_lines import fields_of_the_log
from tests.infra.plan import Plan, Resource, texts_in
from tests.infra.plan_rules import Rule, ours

DIGESTS_ONLY = "@sha256:[0-9a-f]{64}$"
MAY_BE_EMPTY = {"_COMMIT", "_TOPIC", "_URL"}
PIPELINE_MAY = {
    "roles/artifactregistry.writer": "push what was built, or the copy of what was handed over",
    "roles/bigquery.dataViewer": "judge a release by its rows",
    "roles/bigquery.jobUser": "ask for them",
    "roles/bucketlens_act_as": "deploy as the function's account",
    "roles/bucketlens_deploy": "replace image and traffic",
    "roles/bucketlens_follow": "see when that is done",
    "roles/bucketlens_identify": "have a token of its own, for the smoke test",
    "roles/logging.logWriter": "write the build's log",
    "roles/run.invoker": "call classify-request in the smoke test",
    "roles/storage.objectCreator": "drop the smoke test's picture",
    "roles/storage.objectViewer": "read the golden set",
}
OTHER_PROJECTS_MAY = {"roles/artifactregistry.reader", "roles/pubsub.publisher"}
DEPLOYING = re.compile(r"^run\.(executions|jobs|revisions|services)\.(get|list|update)$")

ALERTS = {
    "error-rate",
    "latency",
    "no-rows",
    "not-answering",
    "oldest-upload",
    "quarantine-rate",
    "spend",
    "sweep-silent",
}
USER_METRIC = re.compile(r'metric\.type ?= ?"logging\.googleapis\.com/user/([^"]+)"')
METRIC_LABEL = re.compile(r'metric\.labels?\."?(\w+)"?')
FIELD = re.compile(r"jsonPayload\.([\w.]+)")


def a_push_is_built_and_tested_but_not_in_production(plan: Plan) -> Iterator[str]:
    """Elsewhere a push has its trigger, with labelled pictures to test with; in production nothing is built."""
    pushes = [one for one in plan.of("cloudbuild_trigger") if one["repository_event_config"]]
    if plan.variable("environment") == "prod":
        yield from (f"{one.address} builds in production" for one in pushes)
        return
    if len(pushes) != 1:
        yield f"{len(pushes)} triggers hear of a push, expected one"
    for one in pushes:
        if not str(one["substitutions"].get("_GOLDEN_SET")).startswith("gs://"):
            yield f"{one.address} has no golden set"
        if not one.block("repository_event_config", "push").get("branch"):
            yield f"{one.address} builds every branch"


def a_release_waits_for_approval(plan: Plan) -> Iterator[str]:
    """A digest that is handed over has its trigger, which takes digests only, and somebody must approve."""
    handed = [one for one in plan.of("cloudbuild_trigger") if one["pubsub_config"]]
    if len(handed) != 1:
        yield f"{len(handed)} triggers hear of a digest that is handed over, expected one"
    for one in handed:
        if one.block("approval_config").get("approval_required") is not True:
            yield f"{one.address} releases without approval"
        if DIGESTS_ONLY not in str(one["filter"]):
            yield f"{one.address} takes what is no digest"
        if one.block("git_file_source").get("path") != "infra/pipeline/promote.yaml":
            yield f"{one.address} does not promote"


def triggers_give_their_builds_what_they_need(plan: Plan) -> Iterator[str]:
    """Every substitution that a build has no value for is given, and none that it does not know."""
    for one in plan.of("cloudbuild_trigger"):
        file = one["filename"] or one.block("git_file_source").get("path")
        known: dict[str, str] = yaml.safe_load((ROOT / str(file)).read_text("utf-8"))["substitutions"]
        given: dict[str, str] = one["substitutions"] or {}
        yield from (f"{one.address} gives {name}, which {file} does not know" for name in sorted(given.keys() - known))
        for name in sorted(name for name, value in known.items() if not value and not given.get(name)):
            if name not in MAY_BE_EMPTY:
                yield f"{one.address} does not give {name}"


def builds_run_as_the_pipeline(plan: Plan) -> Iterator[str]:
    """Not as Cloud Build's own account, which may do far more."""
    for one in plan.of("cloudbuild_trigger"):
        if not str(one["service_account"]).rpartition("serviceAccounts/")[2].startswith("deploy@"):
            yield f"{one.address} runs as {one['service_account']}"


def the_pipeline_changes_only_what_is_there(plan: Plan) -> Iterator[str]:
    """It replaces images and traffic; it creates nothing, deletes nothing, and cannot call classify-upload."""
    pipelines = {one["member"] for one in plan.of("service_account") if one["account_id"] == "deploy"}
    for grant in plan.grants:
        role, member = ours(plan, str(grant["role"])), str(grant["member"])
        if member in pipelines and role not in PIPELINE_MAY:
            yield f"{grant.address} lets the pipeline do {role}"
        if member not in pipelines and role in ("roles/bucketlens_act_as", "roles/bucketlens_deploy"):
            yield f"{grant.address} lets {member} deploy"
        if member.startswith("serviceAccount:deploy@") and member not in pipelines and role not in OTHER_PROJECTS_MAY:
            yield f"{grant.address} grants {role} to another project's pipeline"
    for role in plan.of("project_iam_custom_role"):
        if role["role_id"] == "bucketlens_deploy":
            wrong = [permission for permission in role["permissions"] if not DEPLOYING.match(permission)]
            yield from (f"{role.address} allows {permission}" for permission in wrong)


def alerts_lead_to_the_runbook(plan: Plan) -> Iterator[str]:
    """Everything that is to be watched is, somebody is told, and each message links to its entry."""
    made = {str((one["user_labels"] or {}).get("runbook")): one for one in plan.of("monitoring_alert_policy")}
    yield from (f"nobody is told of {name}" for name in sorted(ALERTS - made.keys()))
    yield from (f"{made[name].address} is an alert that nobody expects" for name in sorted(made.keys() - ALERTS))
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
        yield "nobody is told of anything"


def alerts_ask_what_they_should(plan: Plan) -> Iterator[str]:
    """Sweeps and rows are also missed where there is no figure at all; shares are shares."""
    for one in plan.of("monitoring_alert_policy"):
        name = str((one["user_labels"] or {}).get("runbook"))
        wanted = "condition_absent" if name in ("no-rows", "sweep-silent") else "condition_threshold"
        condition = one.block("conditions", wanted)
        if not condition:
            yield f"{one.address} has no {wanted}"
        elif wanted == "condition_absent" and not 3600 <= int(condition["duration"].removesuffix("s")) <= 23 * 3600:
            yield f"{one.address} waits for {condition['duration']}, expected an hour to 23"
        if name.endswith("-rate") and not condition.get("denominator_filter"):
            yield f"{one.address} counts, expected a share"


def figures_that_are_asked_for_are_measured(plan: Plan) -> Iterator[str]:
    """Each metric of ours that an alert or the dashboard names is made, with the labels that are asked for."""
    made = {metric["name"]: metric for metric in plan.of("logging_metric")}
    for asking in plan.of("monitoring_alert_policy", "monitoring_dashboard"):
        for filter_ in _filters_of(asking):
            for name in USER_METRIC.findall(filter_):
                if name not in made:
                    yield f"{asking.address} asks for {name}, which nobody measures"
                    continue
                known = {one["key"] for one in made[name].block("metric_descriptor").get("labels") or []}
                unknown = set(METRIC_LABEL.findall(filter_)) - known - {"type"}
                yield from (f"{asking.address} asks {name} for {label}" for label in sorted(unknown))
    asked = {name for one in plan.resources for text in texts_in(one.values) for name in _asked(text)}
    yield from (f"{made[name].address} is looked at by nobody" for name in sorted(made.keys() - asked))


def figures_are_read_off_what_the_log_says(plan: Plan) -> Iterator[str]:
    """Every field that a metric filters by or extracts is in a line that our code writes."""
    written = fields_of_the_log()
    for metric in plan.of("logging_metric"):
        for text in [metric["filter"], metric["value_extractor"] or "", *(metric["label_extractors"] or {}).values()]:
            yield from (
                f"{metric.address} reads {field}, which no line has"
                for field in FIELD.findall(text)
                if field not in written
            )


def the_check_from_outside_says_who_it_is(plan: Plan) -> Iterator[str]:
    """It has a token, and its account may call: a check that everybody could make would need a public function."""
    checks = plan.of("monitoring_uptime_check_config")
    if not checks:
        yield "nobody looks from outside"
    for check in checks:
        if check.block("http_check", "service_agent_authentication").get("type") != "OIDC_TOKEN":
            yield f"{check.address} has no token"
        if check.block("http_check").get("path") != "/v2/health/ready":
            yield f"{check.address} does not ask whether an image could be classified"
    invokers = [str(one["member"]) for one in plan.grants if one["role"] == "roles/run.invoker"]
    if not any("gcp-sa-monitoring-notification" in member for member in invokers):
        yield "the check's account may not call classify-request"


def a_budget_is_for_whoever_has_billing_rights(plan: Plan) -> Iterator[str]:
    """Without rights on the billing account an apply with a budget would fail as a whole."""
    wanted = json.loads(watch) if isinstance(watch := plan.variable("watch"), str) else watch
    is_wanted = bool(wanted.get("budget"))
    if bool(plan.of("billing_budget")) != is_wanted:
        yield f"a budget was {'' if is_wanted else 'not '}asked for, and there are {len(plan.of('billing_budget'))}"


def _filters_of(asking: Resource) -> list[str]:
    values: Any = asking.values
    if asking.kind == "google_monitoring_dashboard":
        values = json.loads(asking["dashboard_json"])
    return [text for text in texts_in(values) if "metric.type" in text]


def _asked(text: str) -> list[str]:
    return USER_METRIC.findall(text.replace('\\"', '"'))


RULES: tuple[Rule, ...] = (
    a_budget_is_for_whoever_has_billing_rights,
    a_push_is_built_and_tested_but_not_in_production,
    a_release_waits_for_approval,
    alerts_ask_what_they_should,
    alerts_lead_to_the_runbook,
    builds_run_as_the_pipeline,
    figures_are_read_off_what_the_log_says,
    figures_that_are_asked_for_are_measured,
    the_check_from_outside_says_who_it_is,
    the_pipeline_changes_only_what_is_there,
    triggers_give_their_builds_what_they_need,
)
