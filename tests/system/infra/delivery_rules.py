"""What must hold for the pipeline and for the watch in every plan; the rules of plan_rules hold too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.environments import ROOT
from tests.system.infra.log_lines import fields_of_the_log
from tests.system.infra.plan import Plan, Resource, texts_in
from tests.system.infra.plan_rules import Rule, ours

DIGESTS_ONLY = "@sha256:[0-9a-f]{64}$"
MAY_BE_EMPTY = {"_AUDIENCE", "_COMMIT", "_GOLDEN_SET", "_RENEW", "_TOPIC", "_TRIAL_URL", "_URL"}
PIPELINE_MAY = {
    "roles/artifactregistry.writer": "push what was built, or the copy of what was handed over",
    "roles/bigquery.dataViewer": "judge a release by its rows",
    "roles/bigquery.jobUser": "ask for them",
    "roles/bucketlens_act_as": "deploy as the function's account",
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
    """Where a branch is named a push has its trigger, with labelled pictures to test with; in production none has."""
    wanted = _pipeline_of(plan).get("branch") is not None
    pushes = [one for one in plan.of("cloudbuild_trigger") if one["repository_event_config"] or one["webhook_config"]]
    if plan.variable("environment") == "prod":
        yield from (f"{one.address} builds in production" for one in pushes)
        return
    if len(pushes) != int(wanted):
        yield f"{len(pushes)} triggers hear of a push, expected {int(wanted)}"
    for one in pushes:
        if not str(one["substitutions"].get("_GOLDEN_SET")).startswith("gs://"):
            yield f"{one.address} has no golden set"
        by_webhook = "_REF.matches(" in str(one["filter"]) and one.block("webhook_config").get("secret")
        if not one.block("repository_event_config", "push").get("branch") and not by_webhook:
            yield f"{one.address} builds every branch"


def a_release_waits_for_approval(plan: Plan) -> Iterator[str]:
    """Digests that are handed over have their trigger, which takes digests only, and somebody must approve."""
    handed = [one for one in plan.of("cloudbuild_trigger") if "_HANDED" in (one["substitutions"] or {})]
    if len(handed) != int(bool(_pipeline_of(plan))):
        yield f"{len(handed)} triggers hear of digests that are handed over, expected {int(bool(_pipeline_of(plan)))}"
    for one in handed:
        if one.block("approval_config").get("approval_required") is not True:
            yield f"{one.address} releases without approval"
        if str(one["filter"]).count(DIGESTS_ONLY) != 2:
            yield f"{one.address} takes what is no digest"


def a_release_runs_what_was_tested(plan: Plan) -> Iterator[str]:
    """Nothing of a repository's tip runs in it, and what it takes is verified by a script that the trigger holds."""
    for one in plan.of("cloudbuild_trigger"):
        if "_HANDED" not in (one["substitutions"] or {}):
            continue
        if one["source_to_build"] or one["git_file_source"]:
            yield f"{one.address} fetches scripts that nobody tested"
        steps = one.block("build").get("step") or []
        if not steps or steps[0]["id"] != "verify" or "inTotoSlsaProvenanceV1" not in str(steps[0]["script"]):
            yield f"{one.address} runs something before the provenance is verified"
        for step in steps:
            if any("infra/pipeline/" in argument for argument in step["args"] or []) and step["id"] in (
                "verify",
                "scripts",
            ):
                yield f"{one.address} takes its step {step['id']} from what it does not trust yet"


def what_is_built_says_how(plan: Plan) -> Iterator[str]:
    """Cloud Build writes provenance for the images that a build names, and for no others."""
    for one in plan.of("cloudbuild_trigger"):
        build = one.block("build")
        if "_UPLOAD_BUCKET" in (one["substitutions"] or {}) and build:
            if len(build.get("images") or []) != 2:
                yield f"{one.address} names no images"
            if one.block("build", "options").get("requested_verify_option") != "VERIFIED":
                yield f"{one.address} asks for no provenance"


def the_base_image_is_renewed(plan: Plan) -> Iterator[str]:
    """Where a branch is to be rebuilt each month, something starts it, and the base image is taken anew."""
    wanted = _pipeline_of(plan).get("rebuilds") is not None
    found = [one for one in plan.of("cloudbuild_trigger") if (one["substitutions"] or {}).get("_RENEW") == "yes"]
    starts = [one for one in plan.of("cloud_scheduler_job") if one["pubsub_target"]]
    if [len(found), len(starts)] != [int(wanted)] * 2:
        yield f"{len(found)} triggers renew the base image, {len(starts)} schedules start them, expected {int(wanted)}"


def triggers_give_their_builds_what_they_need(plan: Plan) -> Iterator[str]:
    """Every substitution that a build has no value for is given, and none that it does not know."""
    for one in plan.of("cloudbuild_trigger"):
        given: dict[str, str] = one["substitutions"] or {}
        file = "infra/pipeline/promote.yaml" if "_HANDED" in given else "cloudbuild.yaml"
        known: dict[str, str] = yaml.safe_load((ROOT / file).read_text("utf-8"))["substitutions"]
        allowed = known.keys() | ({"_COMMIT", "_REF", "_REMOTE"} if one["build"] else set())
        yield from (
            f"{one.address} gives {name}, which {file} does not know" for name in sorted(given.keys() - allowed)
        )
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
    for custom in plan.of("project_iam_custom_role"):
        if custom["role_id"] == "bucketlens_deploy":
            wrong = [permission for permission in custom["permissions"] if not DEPLOYING.match(permission)]
            yield from (f"{custom.address} allows {permission}" for permission in wrong)


def alerts_lead_to_the_runbook(plan: Plan) -> Iterator[str]:
    """Everything that is to be watched is, somebody is told, and each message links to its entry."""
    made = {str((one["user_labels"] or {}).get("runbook")): one for one in plan.of("monitoring_alert_policy")}
    has_hours = _watch_of(plan).get("thresholds", {}).get("no_rows_h", 23) != 0
    wanted = ALERTS | ({"no-rows"} if has_hours else set())
    yield from (f"nobody is told of {name}" for name in sorted(wanted - made.keys()))
    yield from (f"{made[name].address} is an alert that nobody expects" for name in sorted(made.keys() - wanted))
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
        if wanted == "condition_threshold" and condition:
            if condition.get("evaluation_missing_data") != "EVALUATION_MISSING_DATA_INACTIVE":
                yield f"{one.address} stays open when figures stop"
            if int(condition["duration"].removesuffix("s")) < 60:
                yield f"{one.address} lasts {condition['duration']}, where missing data asks for a minute at least"
        if bool(one.block("alert_strategy").get("auto_close")) != (wanted == "condition_threshold"):
            yield f"{one.address} closes itself by the wrong rule"


def only_what_cannot_wait_wakes_somebody(plan: Plan) -> Iterator[str]:
    """The channels that wake people hear of what is critical, and of nothing else; the others hear of all of it."""
    urgent, others = (set(_watch_of(plan).get(name, [])) for name in ("urgent_channels", "channels"))
    for one in plan.of("monitoring_alert_policy"):
        told = set(one["notification_channels"] or [])
        if one["notification_channels"] is None:
            continue  # an e-mail channel's id is known after the apply, and with it the whole list
        if (one["severity"] == "CRITICAL") != (urgent <= told) and urgent:
            yield f"{one.address} is {one['severity']} and {'wakes' if urgent <= told else 'does not wake'} somebody"
        if not others <= told:
            yield f"{one.address} is kept from {', '.join(sorted(others - told))}"


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
    is_wanted = bool(_watch_of(plan).get("budget"))
    if bool(plan.of("billing_budget")) != is_wanted:
        yield f"a budget was {'' if is_wanted else 'not '}asked for, and there are {len(plan.of('billing_budget'))}"


def _watch_of(plan: Plan) -> dict[str, Any]:
    return _object(plan.variable("watch"))


def _pipeline_of(plan: Plan) -> dict[str, Any]:
    return _object(plan.variable("pipeline"))


def _object(given: Any) -> dict[str, Any]:
    """Return a variable that is an object; given on the command line, it is a text."""
    found: dict[str, Any] = (json.loads(given) if isinstance(given, str) else given) or {}
    return found


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
    a_release_runs_what_was_tested,
    a_release_waits_for_approval,
    alerts_ask_what_they_should,
    alerts_lead_to_the_runbook,
    builds_run_as_the_pipeline,
    figures_are_read_off_what_the_log_says,
    figures_that_are_asked_for_are_measured,
    only_what_cannot_wait_wakes_somebody,
    the_base_image_is_renewed,
    the_check_from_outside_says_who_it_is,
    the_pipeline_changes_only_what_is_there,
    triggers_give_their_builds_what_they_need,
    what_is_built_says_how,
)
