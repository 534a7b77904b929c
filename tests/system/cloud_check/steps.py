"""The steps of the check, as data. A capability that must be proved in a cloud adds its step here.

Commands are those of docs/deployment.md; a test compares them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

TFVARS = "-var-file=infra/environments/test.tfvars"
UNPROTECTED = f"{TFVARS} -var=deletion_protection=false"
STATE = "gs://$TF_VAR_project-terraform"
TOKEN = 'BUCKETLENS_TOKEN="$(gcloud auth print-identity-token)"'
FIRST_APIS = ("cloudresourcemanager", "serviceusage", "storage")
URL = '"$(terraform output -raw url)"'
VERDICT = (
    "\"SELECT JSON_VALUE(evidence, '$.state') AS state, event FROM "
    "\\`$TF_VAR_project.bucketlens.model_history\\` WHERE event = 'verdict' LIMIT 1\""
)
LOAD_USD = 1.0
REGION = "europe-west1"
"""The region of docs/deployment.md and of the test environment."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step: lines of bash, which run in a copy of the project."""

    name: str
    commands: tuple[str, ...]
    minutes: float
    """The longest time that it may take; a step that takes longer has failed."""
    proves: str = ""
    """The claim that holds if it passes; empty where it only prepares."""
    undo: tuple[str, ...] = ()
    """Commands that undo what it made, whatever failed in between. All are run; the last must pass."""
    makes: str = ""
    """What it makes, where several steps make one thing: then the last that was begun undoes all of it."""
    is_undone_if_failed: bool = True
    """Whether it may leave something behind where it fails."""
    exit_codes: tuple[int, ...] = (0,)
    """Exit codes with which it passes."""
    until: re.Pattern[str] | None = None
    """A pattern that the output must have; the commands are repeated until it has."""
    every_s: float = 10.0


STEPS = (
    Step(
        "look at the project",
        ('bucketlens doctor --project "$TF_VAR_project" --region europe-west1',),
        minutes=3,
        exit_codes=(0, 1),  # what doctor cannot check is no reason to stop; the transcript shows it
    ),
    Step(
        "switch on what Terraform needs",
        (f"gcloud services enable {' '.join(f'{name}.googleapis.com' for name in FIRST_APIS)}",),
        minutes=5,
    ),
    Step(
        "make the state's bucket",
        (f'gcloud storage buckets create "{STATE}" --location=europe-west1 --uniform-bucket-level-access',),
        minutes=2,
        # An existing bucket may belong to another deployment: the check ends here, and touches nothing.
        undo=(f'gcloud storage rm --recursive "{STATE}"',),
        is_undone_if_failed=False,
    ),
    Step(
        "initialise Terraform",
        (
            'terraform init -backend-config="bucket=$TF_VAR_project-terraform"',
            "terraform workspace select -or-create test",
        ),
        minutes=5,
    ),
    Step(
        "apply without functions",
        (f"terraform apply {TFVARS} -var=deploy_functions=false",),
        minutes=20,
        proves="the first apply needs no image",
        makes="deployment",
        undo=tuple(f"terraform {verb} {UNPROTECTED} -var=deploy_functions=false" for verb in ("apply", "destroy")),
    ),
    Step("build the image", ("$(terraform output -raw build)",), minutes=40, proves="Cloud Build builds the image"),
    Step(
        "apply with functions",
        (f"terraform apply {TFVARS}",),
        minutes=30,
        proves="the second apply makes functions, trigger, schedule and watch",
        makes="deployment",
        undo=tuple(f"terraform {verb} {UNPROTECTED}" for verb in ("apply", "destroy")),
    ),
    Step(
        "drop a picture",
        ('eval "$(terraform output -raw drop)"',),
        minutes=2,
    ),
    Step(
        "wait for its row",
        ('eval "$(terraform output -raw query)"',),
        minutes=10,
        proves="an upload becomes a row",
        until=re.compile(r"photo\.jpg"),
    ),
    Step(
        "call over HTTPS",
        ('eval "$(terraform output -raw call)"',),
        minutes=5,
        proves="a request with a token gets a prediction",
        until=re.compile(r'"label"'),
    ),
    Step(
        "judge the model",
        ("gcloud run jobs execute monitor --region=europe-west1 --args=report --wait",),
        minutes=10,
        proves="the monitor's account may read rows and pictures, append a verdict and write a report",
    ),
    Step(
        "look for the verdict",
        (f"bq --project_id=$TF_VAR_project query --nouse_legacy_sql {VERDICT}",),
        minutes=5,
        proves="a verdict is a row, and views of model_events are taken by BigQuery",
        until=re.compile(r"unknown"),  # one picture is too few for any other
    ),
    Step(
        "look for the report",
        ('eval "$(terraform output -raw reports)/**"',),
        minutes=2,
        proves="a report with a plot and a thumbnail is made in the image",
        until=re.compile(r"gs://\S+\.html"),
    ),
    Step(
        "load it for a minute",
        (f"{TOKEN} bucketlens load {URL} --again {URL} --clients 8 --seconds 60 --max-usd {LOAD_USD:g}",),
        minutes=5,
        proves="it answers under load",
        exit_codes=(0, 1),  # cold starts may make it slow; the transcript has the figures
    ),
    Step(
        "plan again",
        (f"terraform plan -detailed-exitcode {TFVARS}",),
        minutes=10,
        proves="the plan after an apply is empty",
    ),
)


def in_region(steps: Sequence[Step], region: str) -> tuple[Step, ...]:
    """Return the steps for another region than that of docs/deployment.md; for that one they stay as they are."""
    if region == REGION:
        return tuple(steps)

    def moved(lines: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(line.replace(REGION, region).replace(TFVARS, f"{TFVARS} -var=region={region}") for line in lines)

    return tuple(replace(step, commands=moved(step.commands), undo=moved(step.undo)) for step in steps)
