"""Terraform is content, and applies do what docs/deployment.md says of them: with the stand-in, not in a cloud."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.environments import ROOT
from tests.infra.terraform import Refused, Terraform, of_environment

IMAGE = "europe-west1-docker.pkg.dev/bucketlens-test/bucketlens/serving@sha256:"
OPTIONS = of_environment("test", wait_s=0, image=IMAGE + "a" * 64)

BY_THE_PIPELINE = {
    "client": "gcloud",
    "client_version": "540.0.0",
    "traffic": [{"percent": 100, "revision": "classify-request-00002", "tag": "candidate", "type": None}],
}
"""What `gcloud run deploy` and `update-traffic` leave on a service, besides its image."""


FILES = [
    ROOT / "main.tf",
    *sorted((ROOT / "infra").rglob("variables.tf")),
    *sorted((ROOT / "infra").rglob("outputs.tf")),
]
NAMED = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def applied(initialised: Terraform, tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """A copy whose state says that everything was applied."""
    copy = initialised.copy(tmp_path_factory.mktemp("applied") / "tree")
    copy.run("apply", "-input=false", "-auto-approve", *OPTIONS)
    return copy


def deploy(copy: Terraform, image: str) -> int:
    """Change what is deployed as the pipeline would, past Terraform; return how many services and jobs there are."""
    path = copy.folder / "terraform.tfstate"
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


def test_the_configuration_is_formatted_as_terraform_formats(initialised: Terraform) -> None:
    initialised.run("fmt", "-check", "-recursive", "-diff")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_variables_and_outputs_are_in_order_and_described_and_typed(path: Path) -> None:
    named = NAMED.findall(path.read_text("utf-8"))
    for kind in ("variable", "output"):
        names = [name for its_kind, name, _ in named if its_kind == kind]
        assert names == sorted(names)
    assert [name for _, name, body in named if not body.lstrip().startswith("description ")] == []
    assert [name for kind, name, body in named if kind == "variable" and not re.search(r"^  type +=", body, re.M)] == []


def test_what_the_documents_type_is_there() -> None:
    named = NAMED.findall((ROOT / "main.tf").read_text("utf-8"))
    outputs = {name for kind, name, _ in named if kind == "output"}
    variables = {name for kind, name, _ in named if kind == "variable"}
    text = "".join((ROOT / path).read_text("utf-8") for path in ("README.md", "docs/deployment.md"))
    typed = set(re.findall(r"terraform output (?:-raw )?(\w+)", text))
    assert {"build", "drop", "newest_image", "query"} <= typed <= outputs
    assert {"deploy_functions", "image"} <= set(re.findall(r"-var=(\w+)", text)) <= variables
    options = text.split("| variable |")[1].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)(?: = [^`]*)?`", " ".join(re.findall(r"^\| (.*?) \|", options, re.M)))) <= variables


def test_the_configuration_is_valid(initialised: Terraform) -> None:
    initialised.run("validate")


def test_terraforms_own_tests_pass(initialised: Terraform) -> None:
    said = initialised.run("test", "-test-directory=tests/infra")
    assert " 0 failed" in said
    assert " 0 passed" not in said


def test_an_unknown_argument_is_refused(initialised: Terraform, tmp_path: Path) -> None:
    """Guards the tests around it: a stand-in that accepts everything would let them pass."""
    copy = initialised.copy(tmp_path / "tree")
    copy.spoil("infra/trigger/main.tf", "service_account = var.identity.email", "service_acount = var.identity.email")
    with pytest.raises(Refused, match='An argument named "service_acount" is not expected here'):
        copy.run("validate")


def test_a_plan_that_names_one_bucket_twice_fails_with_a_sentence(initialised: Terraform) -> None:
    twice = {"archive": "all-in-one", "upload": "all-in-one"}
    with pytest.raises(Refused) as refused:
        initialised.plan("prod", bucket_names=twice)
    said = " ".join(str(refused.value).replace("│", " ").split())
    assert "One bucket has two roles: archive is all-in-one, models is bucketlens-prod-models" in said
    assert "Name four different ones" in said


def test_an_apply_after_a_deployment_rolls_nothing_back(applied: Terraform, tmp_path: Path) -> None:
    copy = applied.copy(tmp_path / "tree")
    assert deploy(copy, IMAGE + "b" * 64) == 3
    without_an_image = of_environment("test", wait_s=0)
    assert not copy.changes(*without_an_image)
    assert copy.changes(*without_an_image, '-var=settings={"MAX_IMAGE_BYTES":"5242880"}')


def test_a_destroy_takes_the_trigger_before_its_grants_and_what_it_calls(applied: Terraform, tmp_path: Path) -> None:
    copy = applied.copy(tmp_path / "tree")
    lines = copy.run("destroy", "-json", "-auto-approve", *OPTIONS, "-var=deletion_protection=false").splitlines()
    messages = [json.loads(line) for line in lines]
    gone = [one["hook"]["resource"]["addr"] for one in messages if one["type"] == "apply_complete"]
    first, last = gone.index("module.upload_trigger[0].google_eventarc_trigger.finalized"), len(gone)
    after_it = (
        "module.upload_trigger[0].google_project_iam_member.eventarc_agent",
        "module.upload_trigger[0].google_project_iam_member.storage_announces",
        "module.classify_upload[0].google_cloud_run_v2_service.function",
        'module.buckets.google_storage_bucket.bucket["upload"]',
        'module.identities.google_service_account.identity["upload-trigger"]',
    )
    assert all(first < gone.index(address) < last for address in after_it)
    service = gone.index("module.classify_upload[0].google_cloud_run_v2_service.function")
    assert service < gone.index(
        'module.buckets.google_storage_bucket_iam_member.grant["classify_upload_takes_uploads"]'
    )
