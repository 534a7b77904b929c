"""Rules of every plan. Each rule yields a sentence for each fault; none means that it holds."""

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
    "roles/bucketlens_inspect": "the records of a build belong to a project",
    "roles/cloudbuild.builds.approver": "builds that wait belong to a project",
    "roles/eventarc.eventReceiver": "no smaller resource can be granted on",
    "roles/eventarc.serviceAgent": "the role that Google gives its own agent",
    "roles/logging.logWriter": "logs belong to a project",
    "roles/pubsub.publisher": "Eventarc makes the topic, and names it",
}
"""Roles that may be granted for the whole project, with the reason."""

DATA = ("archive", "models", "quarantine", "reports", "upload")
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
"""The service that makes each of Google's own accounts; storage and BigQuery make theirs when they are queried."""

TABLES = ROOT / "infra" / "bigquery" / "tables"
VIEWS = ROOT / "infra" / "bigquery" / "views"

Rule = Callable[[Plan], Iterator[str]]


def only_public_admits_everyone(plan: Plan) -> Iterator[str]:
    """Only ``public`` opens a service to the internet, only classify-request, and by no grant to everyone."""
    is_public = str(plan.variable("public")).lower() == "true"  # given on the command line, it is a text
    for resource in plan.resources:
        for member in sorted(EVERYBODY.intersection(texts_in(resource.values))):
            yield f"{resource.address} lets {member} in"
        if resource["invoker_iam_disabled"] and not (is_public and resource["name"] == "classify-request"):
            yield f"{resource.address} requires no token"


def no_role_is_broad(plan: Plan) -> Iterator[str]:
    """No role is owner, editor or admin; on the whole project are only roles that no smaller resource can have."""
    for resource in plan.resources:
        for role in texts_in([resource["role"], *(entry.get("role") for entry in resource["access"] or [])]):
            if BROAD.search(role):
                yield f"{resource.address} grants {role}"
        is_of_the_project = resource.kind.startswith("google_project_iam_") and resource["role"]
        if is_of_the_project and role_name(plan, resource["role"]) not in OF_THE_PROJECT:
            yield f"{resource.address} grants {resource['role']} on the whole project"
        for permission in resource["permissions"] or []:
            if "*" in permission or "setIamPolicy" in permission:
                yield f"{resource.address} allows {permission}"
        if resource.kind.endswith(("_iam_policy", "_iam_binding")):
            yield f"{resource.address} revokes what others granted; use an _iam_member"


def every_service_account_is_used(plan: Plan) -> Iterator[str]:
    """Each account acts for something or builds, each has a grant, and each function has an account of its own."""
    granted = {grant["member"] for grant in plan.grants}
    acting = {
        text
        for resource in plan.resources
        if resource.kind != "google_service_account"
        for text in texts_in(resource.values)
    }
    for account in plan.of("service_account"):
        if account["member"] not in granted:
            yield f"{account.address} may do nothing"
        is_acting = any(text.rpartition("serviceAccounts/")[2] == account["email"] for text in acting)
        if not is_acting and account["account_id"] != "build-image":
            yield f"{account.address} is used by nothing"
    account_of = {account["email"]: account["account_id"] for account in plan.of("service_account")}
    for function, template, _ in plan.functions:
        if account_of.get(template.get("service_account")) != function["name"]:
            yield f"{function.address} runs as {template.get('service_account')}, expected an account of its own"


def the_trigger_is_where_its_bucket_is(plan: Plan) -> Iterator[str]:
    """Eventarc gets events only of buckets in its own region; the other resources are there too."""
    regions = {bucket["name"]: str(bucket["location"]).lower() for bucket in plan.of("storage_bucket")}
    for trigger in plan.of("eventarc_trigger"):
        criteria = {criterion["attribute"]: criterion["value"] for criterion in trigger["matching_criteria"]}
        if criteria.get("type") != "google.cloud.storage.object.v1.finalized":
            yield f"{trigger.address} listens to {criteria.get('type')}"
        if regions.get(criteria.get("bucket", "")) != trigger["location"]:
            bucket = criteria.get("bucket")
            yield f"{trigger.address} is in {trigger['location']}, its bucket {bucket} in {regions.get(str(bucket))}"
    for resource in plan.of("storage_bucket", "bigquery_dataset", "cloud_run_v2_service", "cloud_run_v2_job"):
        if str(resource["location"]).lower() != plan.variable("region"):
            yield f"{resource.address} is in {resource['location']}, expected {plan.variable('region')}"


def data_is_protected(plan: Plan) -> Iterator[str]:
    """Resources with data refuse to be destroyed; those without do not, or a failed start could not be repaired."""
    for resource in plan.of("bigquery_table"):
        if resource["deletion_protection"] is not True:
            yield f"{resource.address} can be destroyed"
    for resource in plan.of("cloud_run_v2_service", "cloud_run_v2_job"):
        if resource["deletion_protection"] is not False:
            yield f"{resource.address} cannot be replaced where its first revision did not start"
    for resource in plan.of("bigquery_dataset", "storage_bucket", "artifact_registry_repository"):
        is_passing = (resource["labels"] or {}).get("role") == "build-sources"
        empties_itself = resource["force_destroy"] or resource["delete_contents_on_destroy"]
        if not is_passing and (resource["deletion_policy"] != "PREVENT" or empties_itself):
            yield f"{resource.address} can be destroyed"


def buckets_are_closed(plan: Plan) -> Iterator[str]:
    """Buckets have uniform access, no public access, soft delete, a life cycle and one role; uploads keep versions."""
    buckets = {(bucket["labels"] or {}).get("role"): bucket for bucket in plan.of("storage_bucket")}
    yield from (f"there is no {role} bucket" for role in DATA if role not in buckets)
    for role, bucket in buckets.items():
        if bucket["public_access_prevention"] != "enforced" or bucket["uniform_bucket_level_access"] is not True:
            yield f"{bucket.address} may be opened object by object"
        if not bucket["lifecycle_rule"]:
            yield f"{bucket.address} keeps everything without a limit"
        if role in DATA and not bucket.block("soft_delete_policy").get("retention_duration_seconds"):
            yield f"{bucket.address} has no soft delete"
        if role == "upload" and bucket.block("versioning").get("enabled") is not True:
            yield f"{bucket.address} keeps no versions, so an upload that is overwritten is lost"
    names = [bucket["name"] for bucket in plan.of("storage_bucket")]
    yield from (f"bucket {name} is made twice" for name in sorted({name for name in names if names.count(name) > 1}))


def functions_get_their_settings(plan: Plan) -> Iterator[str]:
    """Every variable that ``Settings`` requires is set, each is read, and the values are accepted."""
    settings = {field.metadata["env"]: field.metadata["default"] for field in fields(Settings)}
    for function, _, container in plan.functions:
        values = {variable["name"]: variable["value"] for variable in container["env"]}
        is_service = function.kind == "google_cloud_run_v2_service"
        of_the_server = OF_THE_SERVER if is_service else set()
        known = settings.keys() | of_the_server
        required = {name for name, default in settings.items() if default is None} | of_the_server
        yield from (f"{function.address} is not given {name}" for name in sorted(required - values.keys()))
        yield from (
            f"{function.address} is given {name}, which no code reads" for name in sorted(values.keys() - known)
        )
        try:
            Settings.from_environment(values)
        except Misconfigured as error:
            yield f"{function.address} would not start: {error}"


def functions_fit_their_size(plan: Plan) -> Iterator[str]:
    """A function gets the size of its instance in its settings, and its cost has a limit."""
    for function, template, container in plan.functions:
        values = {variable["name"]: variable["value"] for variable in container["env"]}
        limits = container["resources"][0]["limits"]
        if f"{values.get('MEMORY_MB')}Mi" != limits["memory"]:
            yield f"{function.address} has {limits['memory']} and is given MEMORY_MB={values.get('MEMORY_MB')}"
        if not DIGEST.search(container["image"]):
            yield f"{function.address} runs {container['image']}, expected a digest"
        if function.kind == "google_cloud_run_v2_service":
            yield from _of_a_service(function, template, container, values)


def _of_a_service(
    service: Resource, template: dict[str, Any], container: dict[str, Any], values: dict[str, str]
) -> Iterator[str]:
    resources = container["resources"][0]
    probe = (container["startup_probe"] or [{}])[0].get("http_get") or [{}]
    if probe[0].get("path") != READY:
        yield f"{service.address} gets calls before it is ready"
    if resources["cpu_idle"] is not True:
        yield f"{service.address} is paid for day and night"
    if resources["startup_cpu_boost"] is not True:
        yield f"{service.address} starts slowly"
    in_parallel, threads = template["max_instance_request_concurrency"], values.get("THREADS")
    if str(in_parallel) != threads:
        yield f"{service.address} admits {in_parallel} in parallel, and has {threads} threads"
    if not 1 <= (service.block("scaling").get("max_instance_count") or 0) <= 100:
        yield f"{service.address} has no limit to its instances"
    if template["scaling"]:
        yield f"{service.address} counts instances by revision: each that has traffic or a tag counts again"


def requests_are_as_large_as_the_code_takes(plan: Plan) -> Iterator[str]:
    """The platform gives a request more time than the code does, and BigQuery sends no more rows than it takes."""
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
                yield f"{routine.address} sends {rows} rows in a request, where {images} are accepted"


def role_name(plan: Plan, role: str) -> str:
    """Return a role's name in a form that is the same in every project."""
    return role.removeprefix(f"projects/{plan.variable('project')}/")


def _number(service: Resource, name: str) -> int:
    """Return the value of a service's setting, or else the setting's default."""
    values = {variable["name"]: variable["value"] for variable in service.block("template")["containers"][0]["env"]}
    (default,) = [field.metadata["default"] for field in fields(Settings) if field.metadata["env"] == name]
    return int(values.get(name, default))


def only_the_trigger_calls_classify_upload(plan: Plan) -> Iterator[str]:
    """Its ingress is internal, and only the trigger is an invoker; the pipeline replaces it, and cannot call it."""
    for service in plan.of("cloud_run_v2_service"):
        if service["name"] == "classify-upload" and service["ingress"] != "INGRESS_TRAFFIC_INTERNAL_ONLY":
            yield f"{service.address} can be called from the internet"
    triggers = {trigger["service_account"] for trigger in plan.of("eventarc_trigger")}
    for grant in plan.of("cloud_run_v2_service_iam_member"):
        is_deployment = role_name(plan, grant["role"]) == "roles/bucketlens_deploy"
        is_trigger = str(grant["member"]).removeprefix("serviceAccount:") in triggers
        if grant["name"] == "classify-upload" and not is_deployment and not is_trigger:
            yield f"{grant.address} lets {grant['member']} call classify-upload"


def tables_are_those_of_the_schema_files(plan: Plan) -> Iterator[str]:
    """Tables have their schemas, partitions and clusters, and every view has all its values filled in."""
    made = {table["table_id"]: table for table in plan.of("bigquery_table")}
    for path in sorted(TABLES.glob("*.json")):
        table = made.get(path.stem)
        if table is None:
            yield f"table {path.stem} is missing"
            continue
        if json.loads(table["schema"] or "[]") != json.loads(path.read_text("utf-8")):
            yield f"table {path.stem} differs from {path.name}"
        layout = (table.block("time_partitioning").get("field"), table["clustering"] or [])
        if layout != _LAYOUT.get(path.stem):
            yield f"table {path.stem} is laid out by {layout}, expected {_LAYOUT.get(path.stem)}"
    for path in sorted(VIEWS.glob("*.sql")):
        query = made[path.stem].block("view").get("query", "") if path.stem in made else ""
        expected = path.read_text("utf-8").replace(
            "${dataset}", f"{plan.variable('project')}.{plan.variable('dataset')}"
        )
        if query != expected:
            yield f"view {path.stem} differs from {path.name}"


def tables_take_what_the_code_writes(plan: Plan) -> Iterator[str]:
    """The fullest and the barest row of each table has its columns, with values of their types."""
    made = {table["table_id"]: table for table in plan.of("bigquery_table")}
    correction = Correction("a" * 64, "b" * 64, "rose", None, datetime(2026, 11, 21, tzinfo=UTC))
    for what, (table, row) in {**ROWS, "a correction": ("labels", label_row(correction))}.items():
        schema = json.loads(made[table]["schema"] or "[]") if table in made else []
        yield from (f"table {table} refuses {what}: {fault}" for fault in faults_of(row, schema))


def models_do_not_change(plan: Plan) -> Iterator[str]:
    """Functions read the models bucket where it holds their models, publishers add to it, and no account replaces."""
    allowed = {
        role_name(plan, f"projects/{plan.variable('project')}/roles/{role['role_id']}"): role for role in plan.of(ROLE)
    }
    if adds := set(allowed[PUBLISH]["permissions"]) - {f"storage.objects.{verb}" for verb in ("create", "get", "list")}:
        yield f"publishers may also {', '.join(sorted(adds))}"
    accounts = {account["member"] for account in plan.of("service_account")}
    [bucket] = [
        resource["name"] for resource in plan.of("storage_bucket") if (resource["labels"] or {}).get("role") == "models"
    ]
    readers = set()
    for grant in plan.of("storage_bucket_iam_member"):
        if grant["bucket"] == bucket:
            is_ours = grant["member"] in accounts
            readers |= {grant["member"]} if is_ours else set()
            if role_name(plan, grant["role"]) != ("roles/storage.objectViewer" if is_ours else PUBLISH):
                yield f"{grant.address} gives {grant['member']} {grant['role']} on the models"
    for function, template, container in plan.functions:
        places = {variable["name"]: variable["value"] for variable in container["env"]}.get("MODEL_BUNDLE", "")
        reads, are_in_bucket = (
            f"serviceAccount:{template.get('service_account')}" in readers,
            MODELS_THERE.search(places),
        )
        if reads and not are_in_bucket:
            yield f"{function.address} reads models that it does not serve"
        if are_in_bucket and not reads:
            yield f"{function.address} cannot read its models"


def unused_images_can_be_deleted(plan: Plan) -> Iterator[str]:
    """A cleanup policy deletes no tagged image where tags are immutable, and every image has a tag."""
    for repository in plan.of("artifact_registry_repository"):
        deletes = any(policy["action"] == "DELETE" for policy in repository["cleanup_policies"] or [])
        if not deletes or repository.block("docker_config").get("immutable_tags"):
            yield f"{repository.address} grows without a limit"


def pictures_change_class_on_request_only(plan: Plan) -> Iterator[str]:
    """A step to a colder class costs more than it saves for small pictures."""
    is_requested = plan.variable("archive_classes") not in (None, [], "[]")
    for bucket in plan.of("storage_bucket"):
        steps = [rule["action"][0] for rule in bucket["lifecycle_rule"] or []]
        if any(step.get("type") == "SetStorageClass" for step in steps) and not is_requested:
            yield f"{bucket.address} changes storage classes without a request"


def agents_are_made_before_their_grants(plan: Plan) -> Iterator[str]:
    """Google makes some of its accounts at their first use only; a grant to a missing account fails."""
    made = {str(identity["service"]).partition(".")[0] for identity in plan.of("project_service_identity")}
    for grant in plan.grants:
        match = AGENT.search(str(grant["member"]))
        service = AGENTS.get(match[1]) if match else None
        if service and service not in made:
            yield f"{grant.address} is to {grant['member']}, which {service} has not made yet"
    for resource in plan.resources:
        if any("local-exec" in text for text in texts_in(resource.values)) or resource.kind == "terraform_data":
            yield f"{resource.address} runs a program of the machine that applies"


RULES: tuple[Rule, ...] = (
    agents_are_made_before_their_grants,
    buckets_are_closed,
    data_is_protected,
    every_service_account_is_used,
    functions_fit_their_size,
    functions_get_their_settings,
    unused_images_can_be_deleted,
    models_do_not_change,
    no_role_is_broad,
    only_public_admits_everyone,
    only_the_trigger_calls_classify_upload,
    pictures_change_class_on_request_only,
    requests_are_as_large_as_the_code_takes,
    tables_are_those_of_the_schema_files,
    tables_take_what_the_code_writes,
    the_trigger_is_where_its_bucket_is,
)
