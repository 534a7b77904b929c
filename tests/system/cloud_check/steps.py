"""What is done in the project, step by step, as data. A capability that is to be proved in a cloud adds its step here.

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
LOAD_USD = 1.0
REGION = "europe-west1"
"""That of docs/deployment.md, and the test environment's."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step. Its commands are lines of bash, which run in a copy of the project."""

    name: str
    commands: tuple[str, ...]
    minutes: float
    """How long it may take; what takes longer has failed."""
    proves: str = ""
    """The claim that holds if it ends well; empty where it only prepares."""
    undo: tuple[str, ...] = ()
    """Commands that take back what it made, whatever fails in between. All are typed; the last must end well."""
    makes: str = ""
    """What it makes, where several steps make one thing: then the last that was begun takes back all of it."""
    is_undone_if_failed: bool = True
    """Whether it may leave something behind where it fails."""
    exit_codes: tuple[int, ...] = (0,)
    """With which it ends well."""
    until: re.Pattern[str] | None = None
    """What the output must have; the commands are repeated until it has."""
    every_s: float = 10.0


STEPS = (
    Step(
        "look at the project",
        ('bucketlens doctor --project "$TF_VAR_project" --region europe-west1',),
        minutes=3,
        exit_codes=(0, 1),  # what it could not look at is no reason to stop; the transcript shows it
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
        # Where the bucket is there already, so may be somebody's deployment: the check ends here, and touches nothing.
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

    def there(lines: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(line.replace(REGION, region).replace(TFVARS, f"{TFVARS} -var=region={region}") for line in lines)

    return tuple(replace(step, commands=there(step.commands), undo=there(step.undo)) for step in steps)
