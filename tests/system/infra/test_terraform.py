"""Tests of Terraform's own checks, and that applies do what docs/deployment.md promises: with the stand-in."""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.environments import ROOT
from tests.system.infra.conftest import ALERT_EMAILS
from tests.system.infra.terraform import ENVIRONMENTS, Refused, Terraform, of_environment

IMAGE = "europe-west1-docker.pkg.dev/bucketlens-test/bucketlens/serving@sha256:"
OPTIONS = of_environment("test", invokers=["user:you@example.com"])
GCLOUD = """case "$*" in
  "config get account") echo you@example.com;;
esac
"""
TERRAFORM = """case "$1" in
  init) exit 0;;  # the state is local here
  apply) shift; set -- apply -input=false -auto-approve "$@";;
esac
exec "{terraform}" "$@"
"""

BY_THE_PIPELINE = {
    "client": "gcloud",
    "client_version": "540.0.0",
    "traffic": [{"percent": 100, "revision": "classify-request-00002", "tag": "candidate", "type": None}],
}
"""Fields that `gcloud run deploy` and `update-traffic` leave on a service, in addition to its image."""


FILES = [
    ROOT / "main.tf",
    *sorted((ROOT / "infra").rglob("variables.tf")),
    *sorted((ROOT / "infra").rglob("outputs.tf")),
]
MODULES = sorted(path.parent for path in (ROOT / "infra").glob("*/main.tf"))
EXAMPLES = sorted((ROOT / "infra/examples").glob("*.tfvars"))
RESOURCE = re.compile(r'^resource "(google_\w+)" "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
OF_NO_PROJECT = {"google_storage_bucket"}
"""Resources whose names are unique in the world."""

GIVEN: dict[str, Any] = {"invokers": ["user:you@example.com"]}
CAPTURED: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 300}
TURNED_ON: dict[str, dict[str, Any]] = {
    "domain": {"domain": {"name": "images.example.com", "calls_per_minute": 600}},
    "iap_members": {"iap_members": ["group:team@example.com"]},
    "the others": {
        "attestors": ["projects/bucketlens-test/attestors/built-by-cloud-build"],
        "invokers": ["user:you@example.com", "user:ada@example.com"],
        "kms_key": "projects/keys/locations/europe-west1/keyRings/ring/cryptoKeys/key",
        "pipeline": {"takes_from": "bucketlens-preprod"},
        "public": True,
        "watch": {"budget": {"billing_account": "000000-AAAAAA-000000", "units": 100}},
    },
}
MAY_BE_LOST = {
    "domain": {"module.observability[0].google_monitoring_uptime_check_config.answers[0]"},
    "iap_members": {
        'module.classify_request[0].google_cloud_run_v2_service_iam_member.invoker["bigquery"]',
        'module.classify_request[0].google_cloud_run_v2_service_iam_member.invoker["monitoring"]',
        'module.observability[0].google_monitoring_alert_policy.alert["not-answering"]',
        "module.observability[0].google_monitoring_uptime_check_config.answers[0]",
        "module.sql_function[0].google_bigquery_routine.classify",
    },
}
"""Replacements that docs/deployment.md announces: the check calls another host; IAP refuses tokens."""

ALL_APIS = "values(google_project_service.api)[*].id"
NAMED = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


(_google,) = json.loads(gzip.decompress((ROOT / "tests/system/infra/stand_in/schema.json.gz").read_bytes()))[
    "provider_schemas"
].values()
_spec = importlib.util.spec_from_file_location("write_modules", ROOT / "docs" / "write_modules.py")
assert _spec
assert _spec.loader
write_modules = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(write_modules)
SCHEMA = {kind: resource["block"] for kind, resource in _google["resource_schemas"].items()} | {
    "google_project_service_identity": {"attributes": {"project": {}}}
}


@pytest.fixture(scope="module")
def applied(initialised: Terraform, tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """A copy to which the block of docs/deployment.md was applied, line by line."""
    copy = initialised.copy(tmp_path_factory.mktemp("applied") / "tree")
    programs = copy.folder.parent / "bin"
    programs.mkdir()
    answers = {
        "bq": "",
        "curl": "",
        "gcloud": GCLOUD,
        "terraform": TERRAFORM.format(terraform=shutil.which("terraform")),
    }
    for name, answer in answers.items():
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >>"{programs}/typed"\n{answer}')
        (programs / name).chmod(0o755)
    block = command_block(ROOT / "docs/deployment.md").replace(
        "TF_VAR_project=my-project", "TF_VAR_project=bucketlens-test"
    )
    variables = {**copy.variables, "PATH": f"{programs}:{copy.variables['PATH']}"}
    del variables["TF_WORKSPACE"]  # the block selects it
    done = subprocess.run(["bash", "-euxo", "pipefail", "-c", block], cwd=copy.folder, env=variables, **CAPTURED)
    assert done.returncode == 0, done.stdout + done.stderr
    return copy


def command_block(page: Path) -> str:
    """Return the commands from an empty project to the first prediction, without the comments."""
    text = page.read_text("utf-8")
    [block] = re.findall(r"^(    gcloud auth login .*?-raw call\)\"[^\n]*)$", text, re.MULTILINE | re.DOTALL)
    lines = [re.sub(r"(^|\s+)#.*$", "", line.removeprefix("    ")) for line in block.splitlines()]
    return "\n".join(line for line in lines if line)


def lost(copy: Terraform, variables: dict[str, Any]) -> set[str]:
    """Return the resources that a plan would delete or replace."""
    changes = copy.plan("test", **variables)["resource_changes"]
    return {change["address"] for change in changes if "delete" in change["change"]["actions"]}


def deploy(copy: Terraform, image: str) -> int:
    """Change the deployment as the pipeline would, without Terraform; return how many services and jobs there are."""
    path = copy.state
    state = json.loads(path.read_text("utf-8"))
    instances: list[tuple[str, dict[str, Any]]] = [
        (resource["type"], instance["attributes"])
        for resource in state["resources"]
        if resource["type"] in ("google_cloud_run_v2_service", "google_cloud_run_v2_job")
        for instance in resource["instances"]
    ]
    for kind, values in instances:
        template = values["template"][0]
        if kind == "google_cloud_run_v2_service":
            values |= BY_THE_PIPELINE
            template |= {"labels": {"commit": "46efbdf"}, "revision": "classify-request-00002"}
        else:
            values |= {"client": "gcloud", "client_version": "540.0.0"}
            template["labels"] = {"commit": "46efbdf"}
            template = template["template"][0]
        template["containers"][0]["image"] = image
    state["serial"] += 1
    path.write_text(json.dumps(state), "utf-8")
    return len(instances)


def test_terraform_files_are_formatted(initialised: Terraform) -> None:
    initialised.run("fmt", "-check", "-recursive", "-diff")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_terraform_variables_and_outputs_are_sorted_described_and_typed(path: Path) -> None:
    named = NAMED.findall(path.read_text("utf-8"))
    for kind in ("variable", "output"):
        names = [name for its_kind, name, _ in named if its_kind == kind]
        assert names == sorted(names)
    assert [name for _, name, body in named if not body.lstrip().startswith("description ")] == []
    assert [name for kind, name, body in named if kind == "variable" and not re.search(r"^  type +=", body, re.M)] == []


def test_terraform_has_what_the_documents_type() -> None:
    named = NAMED.findall((ROOT / "main.tf").read_text("utf-8"))
    outputs = {name for kind, name, _ in named if kind == "output"}
    variables = {name for kind, name, _ in named if kind == "variable"}
    text = (ROOT / "docs/deployment.md").read_text("utf-8")
    typed = set(re.findall(r"terraform output (?:-raw )?(\w+)", text))
    assert {"build", "call", "drop", "query"} <= typed <= outputs
    assert {"deletion_protection", "deploy_functions"} <= set(re.findall(r"-var=(\w+)", text)) <= variables
    options = text.split("| variable |")[1].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)(?: = [^`]*)?`", " ".join(re.findall(r"^\| (.*?) \|", options, re.M)))) <= variables


def test_terraform_configuration_is_valid(initialised: Terraform) -> None:
    initialised.run("validate")


def test_terraform_test_files_pass(initialised: Terraform) -> None:
    output = initialised.run("test", "-test-directory=tests/system/infra")
    assert " 0 failed" in output
    assert " 0 passed" not in output


def test_terraform_refuses_an_unknown_argument(initialised: Terraform, tmp_path: Path) -> None:
    """Guard the tests around it: a stand-in that accepts everything would let them pass."""
    copy = initialised.copy(tmp_path / "tree")
    copy.spoil("infra/trigger/main.tf", "service_account = var.identity.email", "service_acount = var.identity.email")
    with pytest.raises(Refused, match='An argument named "service_acount" is not expected here'):
        copy.run("validate")


def test_plan_with_one_bucket_in_two_roles_fails_with_a_message(initialised: Terraform) -> None:
    twice = {"archive": "all-in-one", "upload": "all-in-one"}
    with pytest.raises(Refused) as refused:
        initialised.plan("prod", bucket_names=twice)
    message = " ".join(str(refused.value).replace("│", " ").split())
    assert "One bucket has two roles: archive is all-in-one, models is bucketlens-prod-models" in message
    assert "Name five different ones" in message


def test_deployment_pages_have_a_block_from_empty_project_to_first_prediction(applied: Terraform) -> None:
    """Compare the block of both guides; the fixture has run it."""
    blocks = {command_block(ROOT / page) for page in ("docs/deployment.md", "docs/despliegue.md")}
    assert len(blocks) == 1
    lines = (applied.folder.parent / "bin" / "typed").read_text("utf-8").splitlines()
    typed = [line for line in lines if not line.startswith(("gcloud auth ", "terraform output "))]
    assert sum(line.startswith("terraform apply ") for line in typed) == 2
    assert any(line.startswith("gcloud builds submit --config=infra/pipeline/image.yaml") for line in typed)
    assert typed[-3].startswith("gcloud storage cp photo.jpg gs://bucketlens-test-upload")
    assert typed[-2].startswith("bq --project_id=bucketlens-test")
    assert re.match(r"curl -H Authorization: Bearer .* --data-binary @photo.jpg https://.*/v1/classify", typed[-1])


def test_shipped_configuration_names_no_project_and_no_repository() -> None:
    for name in ENVIRONMENTS:
        lines = (ROOT / f"infra/environments/{name}.tfvars").read_text("utf-8").splitlines()
        assert not [line for line in lines if re.match(r"(project|pipeline)\b|[^#]*@example", line)], name


def test_plan_after_an_apply_is_empty(applied: Terraform) -> None:
    """Plan also after Cloud Monitoring has returned the dashboard in its own form."""
    assert not applied.changes(*OPTIONS)


def test_dashboard_position_of_zero_would_be_in_every_plan(applied: Terraform, tmp_path: Path) -> None:
    """Guard the test above: the stand-in leaves zeros out of what it returns, as Cloud Monitoring does."""
    copy = applied.copy(tmp_path / "tree")
    copy.spoil("infra/observability/dashboard.json", '"columns": 48,', '"columns": 48, "xPos": 0,')
    only = "-target=module.observability[0].google_monitoring_dashboard.dashboard"
    copy.run("apply", "-input=false", "-auto-approve", only, *OPTIONS)
    assert copy.changes(only, *OPTIONS)


@pytest.mark.parametrize("option", sorted(TURNED_ON))
def test_option_turned_on_replaces_and_revokes_nothing(applied: Terraform, option: str) -> None:
    """Check grants: a replaced grant is missing for a minute, and with it reading, writing or an event."""
    assert lost(applied, {**GIVEN, **TURNED_ON[option]}) == MAY_BE_LOST.get(option, set())


def test_option_that_revokes_grants_is_found(applied: Terraform, tmp_path: Path) -> None:
    """Guard the test above, with the agents' addresses as they once were: known after an apply only."""
    copy = applied.copy(tmp_path / "tree")
    copy.spoil("infra/project/main.tf", "  for_each        = google_project_service.api\n", "")
    copy.spoil(
        "infra/project/main.tf",
        'resource "time_sleep" "api_is_known" {\n',
        f'resource "time_sleep" "api_is_known" {{\n  triggers = {{ all = jsonencode({ALL_APIS}) }}\n',
    )
    copy.spoil(
        "infra/project/outputs.tf",
        'service => "serviceAccount:${format(address, data.google_project.project.number)}.iam.gserviceaccount.com"',
        'service => service == "storage" ? data.google_storage_project_service_account.agent.member : '
        '"serviceAccount:${format(address, data.google_project.project.number)}.iam.gserviceaccount.com"',
    )
    revoked = lost(copy, {**GIVEN, **TURNED_ON["domain"]})
    assert "module.upload_trigger[0].google_project_iam_member.storage_announces" in revoked


def test_plan_without_an_image_fails_with_a_message(initialised: Terraform, tmp_path: Path) -> None:
    copy = initialised.copy(tmp_path / "tree").of("test", STAND_IN_REGISTRY="empty")
    with pytest.raises(Refused) as refused:
        copy.run("plan", "-input=false", *of_environment("test"))
    message = " ".join(str(refused.value).replace("│", " ").split())
    assert "There is no image in europe-west1-docker.pkg.dev/bucketlens-test/bucketlens/serving" in message
    assert "$(terraform output -raw build)" in message
    assert copy.changes(*of_environment("test", deploy_functions=False))


@pytest.mark.parametrize("workspace", ["default", "prod", "preprod"])
def test_plan_refuses_the_state_of_another_environment(initialised: Terraform, workspace: str) -> None:
    with pytest.raises(Refused, match="whose state is of another") as refused:
        initialised.of(workspace).run("plan", "-input=false", *of_environment("test"))
    assert "terraform workspace select -or-create test" in " ".join(str(refused.value).split())


def test_production_has_no_builds(initialised: Terraform) -> None:
    builds = {"branch": "^main$", "golden_set": "gs://golden/flowers", "remote_uri": "https://github.com/you/b.git"}
    with pytest.raises(Refused, match="in prod, which builds nothing"):
        initialised.of("prod").run("plan", "-input=false", *of_environment("prod", pipeline=builds, watch=ALERT_EMAILS))


def test_production_needs_an_alert_recipient(initialised: Terraform) -> None:
    with pytest.raises(Refused, match="nobody"):
        initialised.of("prod").run("plan", "-input=false", *of_environment("prod"))


def test_state_is_in_a_bucket_by_default() -> None:
    assert 'backend "gcs" {}' in (ROOT / "main.tf").read_text("utf-8")


def test_service_whose_first_revision_failed_is_replaced_by_an_apply(applied: Terraform, tmp_path: Path) -> None:
    """Apply to tainted services: Terraform must be able to destroy them."""
    copy = applied.copy(tmp_path / "tree")
    copy.run("taint", "module.classify_upload[0].google_cloud_run_v2_service.function")
    service = "module.classify_upload[0].google_cloud_run_v2_service.function"
    assert service in lost(copy, GIVEN)
    state = json.loads(copy.state.read_text("utf-8"))
    kinds = ("google_cloud_run_v2_service", "google_cloud_run_v2_job")
    kept = [
        instance for resource in state["resources"] if resource["type"] in kinds for instance in resource["instances"]
    ]
    assert [instance["attributes"]["deletion_protection"] for instance in kept] == [False] * 4


@pytest.mark.parametrize("folder", MODULES, ids=lambda folder: folder.name)
def test_module_names_its_providers_validates_inputs_and_has_a_page(folder: Path) -> None:
    assert "required_providers" in (folder / "versions.tf").read_text("utf-8")
    named = NAMED.findall((folder / "variables.tf").read_text("utf-8"))
    loose = [
        name
        for kind, name, body in named
        if kind == "variable"
        and not re.search(r"^  nullable += false", body, re.M)
        and "default     = null" not in body
    ]
    assert loose == [], "set nullable = false, or a default of null"
    assert any("validation {" in body for _, _, body in named)
    assert (folder / "README.md").read_text("utf-8") == write_modules.page_of(folder), "run: make docs"


@pytest.mark.parametrize("folder", MODULES, ids=lambda folder: folder.name)
def test_module_names_the_project_in_every_resource(folder: Path) -> None:
    """Check that one configuration can hold several projects."""
    for path in folder.glob("*.tf"):
        for kind, name, body in RESOURCE.findall(path.read_text("utf-8")):
            if "project" in SCHEMA[kind]["attributes"] and kind not in OF_NO_PROJECT:
                assert re.search(r"^  project +=", body, re.M), f"{kind}.{name} in {path.name}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example_can_be_planned(initialised: Terraform, example: Path) -> None:
    [environment] = re.findall(r'^environment = "(\w+)"$', example.read_text("utf-8"), re.MULTILINE)
    workspace = initialised.of(environment)
    output = workspace.run("plan", "-input=false", f"-var-file={example.relative_to(ROOT)}")
    assert re.search(r"Plan: [1-9]\d+ to add, 0 to change, 0 to destroy", output)


def test_examples_are_all_documented() -> None:
    page = (ROOT / "infra/examples/README.md").read_text("utf-8")
    assert set(re.findall(r"\]\((\w+\.tfvars)\)", page)) == {example.name for example in EXAMPLES}


def test_apply_after_a_deployment_rolls_nothing_back(applied: Terraform, tmp_path: Path) -> None:
    copy = applied.copy(tmp_path / "tree")
    assert deploy(copy, IMAGE + "b" * 64) == 4
    assert not copy.changes(*OPTIONS)
    assert copy.changes(*OPTIONS, '-var=settings={"MAX_IMAGE_BYTES":"5242880"}')


def test_destroy_removes_the_trigger_before_its_grants_and_its_target(applied: Terraform, tmp_path: Path) -> None:
    copy = applied.copy(tmp_path / "tree")
    lines = copy.run("destroy", "-json", "-auto-approve", *OPTIONS, "-var=deletion_protection=false").splitlines()
    messages = [json.loads(line) for line in lines]
    removed = [message["hook"]["resource"]["addr"] for message in messages if message["type"] == "apply_complete"]
    first, last = removed.index("module.upload_trigger[0].google_eventarc_trigger.finalized"), len(removed)
    after_it = (
        "module.upload_trigger[0].google_project_iam_member.eventarc_agent",
        "module.upload_trigger[0].google_project_iam_member.storage_announces",
        "module.classify_upload[0].google_cloud_run_v2_service.function",
        'module.buckets.google_storage_bucket.bucket["upload"]',
        'module.identities.google_service_account.identity["upload-trigger"]',
    )
    assert all(first < removed.index(address) < last for address in after_it)
    service = removed.index("module.classify_upload[0].google_cloud_run_v2_service.function")
    assert service < removed.index(
        'module.buckets.google_storage_bucket_iam_member.grant["classify_upload_takes_uploads"]'
    )
