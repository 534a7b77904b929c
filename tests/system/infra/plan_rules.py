"""What must hold for every plan. Each rule returns a sentence for each fault; none means that it holds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from shared.emulators.bigquery.start.schemas import _LAYOUT
from shared.errors import Misconfigured
from shared.pipeline.record import label_row
from shared.settings import Settings
from shared.types import Correction
from tests.environments import ROOT
from tests.pipeline.rows import ROWS, faults_of
from tests.system.infra.plan import Plan, Resource, texts_in

EVERYBODY = {"allUsers", "allAuthenticatedUsers"}
BROAD = re.compile(r"(?i)owner|editor|admin|/viewer$|serviceAccountUser$|serviceAccountTokenCreator$")
OF_THE_PROJECT = {
    "roles/bigquery.jobUser": "queries belong to a project",
    "roles/bucketlens_follow": "deployments are operations of a project",
    "roles/bucketlens_inspect": "what was written of a build belongs to a project",
    "roles/cloudbuild.builds.approver": "builds that wait belong to a project",
    "roles/eventarc.eventReceiver": "there is no smaller resource to grant it on",
    "roles/eventarc.serviceAgent": "what Google gives its own agent",
    "roles/logging.logWriter": "logs belong to a project",
    "roles/pubsub.publisher": "Eventarc makes the topic, and names it",
}
"""Roles that may be granted for the whole project, and why."""

DATA = ("archive", "models", "quarantine", "upload")
OF_THE_SERVER = {"FUNCTION_TARGET", "THREADS"}
"""Read by functions/gunicorn.conf.py, so every service needs them; the other variables are those of ``Settings``."""

READY = "/v2/health/ready"
ROLE = "project_iam_custom_role"
PUBLISH = "roles/bucketlens_publish"
MODELS_THERE = re.compile(r"gs://[^/]+-models/|(^|[=,])/models/")
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
AGENT = re.compile(r"@(gcp-sa-[a-z-]+|serverless-robot-prod)\.iam")
AGENTS = {
    "gcp-sa-artifactregistry": "artifactregistry",
    "gcp-sa-cloudbuild": "cloudbuild",
    "gcp-sa-eventarc": "eventarc",
    "gcp-sa-iap": "iap",
    "gcp-sa-monitoring-notification": "monitoring",
    "serverless-robot-prod": "run",
}
"""Which service makes which of Google's own accounts; storage and BigQuery make theirs when they are asked for it."""

TABLES = ROOT / "infra" / "bigquery" / "tables"
VIEWS = ROOT / "infra" / "bigquery" / "views"

Rule = Callable[[Plan], Iterator[str]]


def nobody_is_everybody(plan: Plan) -> Iterator[str]:
    """Only ``public`` opens anything to the internet, only classify-request, and by no grant to everybody."""
    is_public = str(plan.variable("public")).lower() == "true"  # given on the command line, it is a text
    for resource in plan.resources:
        for who in sorted(EVERYBODY.intersection(texts_in(resource.values))):
            yield f"{resource.address} lets {who} in"
        if resource["invoker_iam_disabled"] and not (is_public and resource["name"] == "classify-request"):
            yield f"{resource.address} asks nobody for a token"


def no_role_is_broad(plan: Plan) -> Iterator[str]:
    """No owner, editor or admin, and for the whole project only what can be granted on nothing smaller."""
    for resource in plan.resources:
        for role in texts_in([resource["role"], *(one.get("role") for one in resource["access"] or [])]):
            if BROAD.search(role):
                yield f"{resource.address} grants {role}"
        is_of_the_project = resource.kind.startswith("google_project_iam_") and resource["role"]
        if is_of_the_project and ours(plan, resource["role"]) not in OF_THE_PROJECT:
            yield f"{resource.address} grants {resource['role']} on the whole project"
        for permission in resource["permissions"] or []:
            if "*" in permission or "setIamPolicy" in permission:
                yield f"{resource.address} allows {permission}"
        if resource.kind.endswith(("_iam_policy", "_iam_binding")):
            yield f"{resource.address} takes away what others granted; use an _iam_member"


def every_service_account_is_used(plan: Plan) -> Iterator[str]:
    """Each acts for something or builds, each is granted something, and each function has one of its own."""
    granted = {grant["member"] for grant in plan.grants}
    acting = {text for one in plan.resources if one.kind != "google_service_account" for text in texts_in(one.values)}
    for account in plan.of("service_account"):
        if account["member"] not in granted:
            yield f"{account.address} may do nothing"
        is_acting = any(text.rpartition("serviceAccounts/")[2] == account["email"] for text in acting)
        if not is_acting and account["account_id"] != "build-image":
            yield f"{account.address} is used by nothing"
    ours = {account["email"]: account["account_id"] for account in plan.of("service_account")}
    for function, template, _ in plan.functions:
        if ours.get(template.get("service_account")) != function["name"]:
            yield f"{function.address} runs as {template.get('service_account')}, expected an account of its own"


def the_trigger_is_where_its_bucket_is(plan: Plan) -> Iterator[str]:
    """Eventarc hears only of buckets in its own region; the rest is there too."""
    regions = {bucket["name"]: str(bucket["location"]).lower() for bucket in plan.of("storage_bucket")}
    for trigger in plan.of("eventarc_trigger"):
        criteria = {one["attribute"]: one["value"] for one in trigger["matching_criteria"]}
        if criteria.get("type") != "google.cloud.storage.object.v1.finalized":
            yield f"{trigger.address} listens to {criteria.get('type')}"
        if regions.get(criteria.get("bucket", "")) != trigger["location"]:
            bucket = criteria.get("bucket")
            yield f"{trigger.address} is in {trigger['location']}, its bucket {bucket} in {regions.get(str(bucket))}"
    for one in plan.of("storage_bucket", "bigquery_dataset", "cloud_run_v2_service", "cloud_run_v2_job"):
        if str(one["location"]).lower() != plan.variable("region"):
            yield f"{one.address} is in {one['location']}, expected {plan.variable('region')}"


def data_is_protected(plan: Plan) -> Iterator[str]:
    """Whatever holds data refuses to be destroyed; what holds none does not, or a failed start could not be mended."""
    for one in plan.of("bigquery_table"):
        if one["deletion_protection"] is not True:
            yield f"{one.address} can be destroyed"
    for one in plan.of("cloud_run_v2_service", "cloud_run_v2_job"):
        if one["deletion_protection"] is not False:
            yield f"{one.address} cannot be replaced where its first revision did not start"
    for one in plan.of("bigquery_dataset", "storage_bucket", "artifact_registry_repository"):
        is_passing = (one["labels"] or {}).get("role") == "build-sources"
        empties_itself = one["force_destroy"] or one["delete_contents_on_destroy"]
        if not is_passing and (one["deletion_policy"] != "PREVENT" or empties_itself):
            yield f"{one.address} can be destroyed"


def buckets_are_closed(plan: Plan) -> Iterator[str]:
    """Uniform access, no public access, soft delete, a life cycle, one role each; uploads keep versions."""
    buckets = {(bucket["labels"] or {}).get("role"): bucket for bucket in plan.of("storage_bucket")}
    yield from (f"there is no {role} bucket" for role in DATA if role not in buckets)
    for role, bucket in buckets.items():
        if bucket["public_access_prevention"] != "enforced" or bucket["uniform_bucket_level_access"] is not True:
            yield f"{bucket.address} may be opened object by object"
        if not bucket["lifecycle_rule"]:
            yield f"{bucket.address} keeps everything for ever"
        if role in DATA and not bucket.block("soft_delete_policy").get("retention_duration_seconds"):
            yield f"{bucket.address} forgets at once what was deleted"
        if role == "upload" and bucket.block("versioning").get("enabled") is not True:
            yield f"{bucket.address} keeps no versions, so an upload that is overwritten is lost"
    names = [bucket["name"] for bucket in plan.of("storage_bucket")]
    yield from (f"bucket {name} is made twice" for name in sorted({name for name in names if names.count(name) > 1}))


def functions_get_their_settings(plan: Plan) -> Iterator[str]:
    """Every variable that ``Settings`` requires is set, somebody reads each, and the values are accepted."""
    settings = {one.metadata["env"]: one.metadata["default"] for one in fields(Settings)}
    for function, _, container in plan.functions:
        given = {one["name"]: one["value"] for one in container["env"]}
        is_service = function.kind == "google_cloud_run_v2_service"
        of_the_server = OF_THE_SERVER if is_service else set()
        known = settings.keys() | of_the_server
        required = {name for name, default in settings.items() if default is None} | of_the_server
        yield from (f"{function.address} is not given {name}" for name in sorted(required - given.keys()))
        yield from (f"{function.address} is given {name}, which nobody reads" for name in sorted(given.keys() - known))
        try:
            Settings.from_environment(given)
        except Misconfigured as error:
            yield f"{function.address} would not start: {error}"


def functions_fit_their_size(plan: Plan) -> Iterator[str]:
    """What a function is told of its instance is what the instance has, and there is a limit to what it can cost."""
    for function, template, container in plan.functions:
        given = {one["name"]: one["value"] for one in container["env"]}
        limits = container["resources"][0]["limits"]
        if f"{given.get('MEMORY_MB')}Mi" != limits["memory"]:
            yield f"{function.address} has {limits['memory']} and is told {given.get('MEMORY_MB')} MiB"
        if not DIGEST.search(container["image"]):
            yield f"{function.address} runs {container['image']}, expected a digest"
        if function.kind == "google_cloud_run_v2_service":
            yield from _of_a_service(function, template, container, given)


def _of_a_service(
    service: Resource, template: dict[str, Any], container: dict[str, Any], given: dict[str, str]
) -> Iterator[str]:
    resources = container["resources"][0]
    probe = (container["startup_probe"] or [{}])[0].get("http_get") or [{}]
    if probe[0].get("path") != READY:
        yield f"{service.address} gets calls before it is ready"
    if resources["cpu_idle"] is not True:
        yield f"{service.address} is paid for day and night"
    if resources["startup_cpu_boost"] is not True:
        yield f"{service.address} starts slowly"
    at_once, threads = template["max_instance_request_concurrency"], given.get("THREADS")
    if str(at_once) != threads:
        yield f"{service.address} lets in {at_once} at once, and has {threads} threads"
    if not 1 <= (service.block("scaling").get("max_instance_count") or 0) <= 100:
        yield f"{service.address} has no limit to its instances"
    if template["scaling"]:
        yield f"{service.address} counts instances by revision: each that has traffic or a tag counts anew"


def requests_are_as_large_as_the_code_takes(plan: Plan) -> Iterator[str]:
    """The platform gives a request longer than the code does, and BigQuery sends no more rows than it takes."""
    for service in plan.of("cloud_run_v2_service"):
        works_s, images = _number(service, "MAX_REQUEST_S"), _number(service, "MAX_IMAGES_PER_REQUEST")
        timeout_s = float(str(service.block("template").get("timeout")).removesuffix("s"))
        if timeout_s <= works_s:
            yield f"{service.address} is cut off after {timeout_s:.0f} s, and works for {works_s} s"
        if service["name"] != "classify-request":
            continue
        for routine in plan.of("bigquery_routine"):
            rows = int(routine.block("remote_function_options").get("max_batching_rows") or 0)
            if not 0 < rows <= images:
                yield f"{routine.address} sends {rows} rows at once, where {images} are taken"


def ours(plan: Plan, role: str) -> str:
    """Return a role by a name that is the same in every project."""
    return role.removeprefix(f"projects/{plan.variable('project')}/")


def _number(service: Resource, name: str) -> int:
    """Return what a service is given for a setting, or else the setting's default."""
    given = {one["name"]: one["value"] for one in service.block("template")["containers"][0]["env"]}
    (default,) = [one.metadata["default"] for one in fields(Settings) if one.metadata["env"] == name]
    return int(given.get(name, default))


def only_the_trigger_calls_classify_upload(plan: Plan) -> Iterator[str]:
    """Its ingress is internal, and nobody else is an invoker; the pipeline replaces it, and cannot call it."""
    for service in plan.of("cloud_run_v2_service"):
        if service["name"] == "classify-upload" and service["ingress"] != "INGRESS_TRAFFIC_INTERNAL_ONLY":
            yield f"{service.address} can be called from the internet"
    triggers = {trigger["service_account"] for trigger in plan.of("eventarc_trigger")}
    for grant in plan.of("cloud_run_v2_service_iam_member"):
        is_deployment = ours(plan, grant["role"]) == "roles/bucketlens_deploy"
        is_trigger = str(grant["member"]).removeprefix("serviceAccount:") in triggers
        if grant["name"] == "classify-upload" and not is_deployment and not is_trigger:
            yield f"{grant.address} lets {grant['member']} call classify-upload"


def tables_are_those_of_the_schema_files(plan: Plan) -> Iterator[str]:
    """Schemas, partitions and clusters, and every view with nothing left to fill in."""
    made = {table["table_id"]: table for table in plan.of("bigquery_table")}
    for path in sorted(TABLES.glob("*.json")):
        table = made.get(path.stem)
        if table is None:
            yield f"there is no table {path.stem}"
            continue
        if json.loads(table["schema"] or "[]") != json.loads(path.read_text("utf-8")):
            yield f"table {path.stem} is not as {path.name} says"
        layout = (table.block("time_partitioning").get("field"), table["clustering"] or [])
        if layout != _LAYOUT.get(path.stem):
            yield f"table {path.stem} is laid out by {layout}, expected {_LAYOUT.get(path.stem)}"
    for path in sorted(VIEWS.glob("*.sql")):
        query = made[path.stem].block("view").get("query", "") if path.stem in made else ""
        wanted = path.read_text("utf-8").replace("${dataset}", f"{plan.variable('project')}.{plan.variable('dataset')}")
        if query != wanted:
            yield f"view {path.stem} is not as {path.name} says"


def tables_take_what_the_code_writes(plan: Plan) -> Iterator[str]:
    """The fullest and the barest row of each table has its columns, with values of their types."""
    made = {table["table_id"]: table for table in plan.of("bigquery_table")}
    correction = Correction("a" * 64, "b" * 64, "rose", None, datetime(2026, 11, 21, tzinfo=UTC))
    for what, (table, row) in {**ROWS, "a correction": ("labels", label_row(correction))}.items():
        schema = json.loads(made[table]["schema"] or "[]") if table in made else []
        yield from (f"table {table} refuses {what}: {fault}" for fault in faults_of(row, schema))


def models_do_not_change(plan: Plan) -> Iterator[str]:
    """Functions read the models bucket where their models lie there, publishers add to it, and nobody replaces."""
    allowed = {ours(plan, f"projects/{plan.variable('project')}/roles/{one['role_id']}"): one for one in plan.of(ROLE)}
    if adds := set(allowed[PUBLISH]["permissions"]) - {f"storage.objects.{one}" for one in ("create", "get", "list")}:
        yield f"who publishes may also {', '.join(sorted(adds))}"
    accounts = {account["member"] for account in plan.of("service_account")}
    [bucket] = [one["name"] for one in plan.of("storage_bucket") if (one["labels"] or {}).get("role") == "models"]
    readers = set()
    for grant in plan.of("storage_bucket_iam_member"):
        if grant["bucket"] == bucket:
            is_ours = grant["member"] in accounts
            readers |= {grant["member"]} if is_ours else set()
            if ours(plan, grant["role"]) != ("roles/storage.objectViewer" if is_ours else PUBLISH):
                yield f"{grant.address} gives {grant['member']} {grant['role']} on the models"
    for function, template, container in plan.functions:
        places = {one["name"]: one["value"] for one in container["env"]}.get("MODEL_BUNDLE", "")
        reads, lies_there = f"serviceAccount:{template.get('service_account')}" in readers, MODELS_THERE.search(places)
        if reads and not lies_there:
            yield f"{function.address} reads models that it does not serve"
        if lies_there and not reads:
            yield f"{function.address} cannot read its models"


def images_that_nobody_uses_can_be_deleted(plan: Plan) -> Iterator[str]:
    """A cleanup policy deletes no tagged image where tags are immutable, and every image has a tag."""
    for one in plan.of("artifact_registry_repository"):
        deletes = any(policy["action"] == "DELETE" for policy in one["cleanup_policies"] or [])
        if not deletes or one.block("docker_config").get("immutable_tags"):
            yield f"{one.address} grows for ever"


def pictures_grow_cold_only_where_somebody_asks(plan: Plan) -> Iterator[str]:
    """A step to a colder class costs more than it saves for small pictures."""
    asked = plan.variable("archive_classes") not in (None, [], "[]")
    for bucket in plan.of("storage_bucket"):
        steps = [one["action"][0] for one in bucket["lifecycle_rule"] or []]
        if any(one.get("type") == "SetStorageClass" for one in steps) and not asked:
            yield f"{bucket.address} changes storage classes, which nobody asked for"


def agents_are_there_before_they_are_granted_anything(plan: Plan) -> Iterator[str]:
    """Google makes some of its accounts at their first use only; a grant to one that is not there fails."""
    made = {str(one["service"]).partition(".")[0] for one in plan.of("project_service_identity")}
    for grant in plan.grants:
        found = AGENT.search(str(grant["member"]))
        service = AGENTS.get(found[1]) if found else None
        if service and service not in made:
            yield f"{grant.address} is to {grant['member']}, which {service} has not made yet"
    for one in plan.resources:
        if any("local-exec" in text for text in texts_in(one.values)) or one.kind == "terraform_data":
            yield f"{one.address} runs a program of the machine that applies"


RULES: tuple[Rule, ...] = (
    agents_are_there_before_they_are_granted_anything,
    buckets_are_closed,
    data_is_protected,
    every_service_account_is_used,
    functions_fit_their_size,
    functions_get_their_settings,
    images_that_nobody_uses_can_be_deleted,
    models_do_not_change,
    no_role_is_broad,
    nobody_is_everybody,
    only_the_trigger_calls_classify_upload,
    pictures_grow_cold_only_where_somebody_asks,
    requests_are_as_large_as_the_code_takes,
    tables_are_those_of_the_schema_files,
    tables_take_what_the_code_writes,
    the_trigger_is_where_its_bucket_is,
)
