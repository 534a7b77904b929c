"""Tests of the whole list of steps, on Terraform's stand-in provider and the local cloud: all that needs no Google."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from shared.local.cloud import Cloud
from tests.environments import ROOT, Impossible
from tests.system.cloud_check.__main__ import copied_tree, main, variables_for
from tests.system.cloud_check.check import Check
from tests.system.cloud_check.cost import confirmation, most_usd
from tests.system.cloud_check.shell import Shell
from tests.system.cloud_check.steps import LOAD_USD, REGION, STEPS, TFVARS, Step, in_region
from tests.system.cloud_check.transcript import Transcript
from tests.system.infra.terraform import LOCAL_STATE, terraform

PROJECT = "bucketlens-test"
BY_A_PERSON = ("gcloud auth ", "export ", "gcloud config set ")
"""Lines of the block in docs/deployment.md that no step types: signing in, and what ``variables_for`` sets."""

TERRAFORM = """case "$1" in init) exec {terraform} init -input=false;; esac
exec {terraform} "$@"
"""
"""The state is local here."""


@pytest.fixture(scope="module")
def local_check(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A copy of the project with the stand-in provider, and programs that call the local cloud."""
    folder = tmp_path_factory.mktemp("check")
    try:
        initialised = terraform(tmp_path_factory.mktemp("terraform"))
    except Impossible as reason:
        pytest.skip(str(reason))
    tree = copied_tree(folder / "tree")
    (tree / "backend_override.tf").write_text(LOCAL_STATE, "utf-8")
    programs = folder / "bin"
    programs.mkdir()
    stand_in = f'exec "{sys.executable}" -m tests.system.cloud_check.stand_ins'
    scripts = {name: f'{stand_in} {name} "$@"' for name in ("bq", "bucketlens", "curl", "gcloud")}
    scripts["terraform"] = TERRAFORM.format(terraform=shutil.which("terraform"))
    for name, script in scripts.items():
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >>"{folder}/typed"\n{script}\n', "utf-8")
        (programs / name).chmod(0o755)
    variables = variables_for(PROJECT, "ada@example.com") | initialised.variables
    del variables["TF_WORKSPACE"]
    variables |= {
        "LOCAL_PREFIX": uuid.uuid4().hex[:8],
        "LOCAL_REQUEST": cloud.url("classify_request"),
        "LOCAL_STORAGE": cloud.url("storage"),
        "LOCAL_WAREHOUSE": cloud.url("warehouse"),
        "PATH": f"{programs}:{variables['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONSAFEPATH": "1",  # the copy has these modules too
    }
    return Shell(tree, variables)


def checked(shell: Shell, steps: Sequence[Step]) -> tuple[bool, Transcript, list[str]]:
    """Run steps; return whether all passed, the transcript, and the commands that were typed."""
    typed = shell.folder.parent / "typed"
    typed.write_text("")
    transcript = Transcript({str(shell.folder): ".", PROJECT: "my-project"})
    is_well = Check(shell, transcript, print).run(steps)
    return is_well, transcript, typed.read_text("utf-8").splitlines()


def resources(shell: Shell) -> int:
    """Return the number of resources in the state."""
    return len(re.findall(r"^(?:module|google_)", shell.run("terraform state list", 60).output, re.MULTILINE))


def test_whole_check_goes_well_and_leaves_nothing(local_check: Shell) -> None:
    is_well, transcript, typed = checked(local_check, STEPS)
    assert is_well, transcript.as_markdown("what failed")
    assert resources(local_check) == 0
    names = [entry.name for entry in transcript.entries]
    assert names[: len(STEPS)] == [step.name for step in STEPS]
    assert set(names[len(STEPS) :]) == {"undo: apply with functions", "undo: make the state's bucket"}
    assert typed[-1] == f"gcloud storage rm --recursive gs://{PROJECT}-terraform"
    shown = transcript.as_markdown("heading")
    assert '"label": "daisy"' in shown
    assert "No changes." in shown
    assert "good ones a second" in shown
    for hidden in ("ada@example.com", PROJECT, str(local_check.folder), "eyJ"):
        assert hidden not in shown


def test_whole_check_with_a_failing_build_removes_what_the_first_apply_made(local_check: Shell) -> None:
    steps = [replace(step, commands=("exit 7",)) if step.name == "build the image" else step for step in STEPS]
    is_well, transcript, typed = checked(local_check, steps)
    assert not is_well
    assert resources(local_check) == 0
    assert [entry.fault for entry in transcript.entries if entry.name == "build the image"] == ["exit code 7"]
    destroys = [line for line in typed if line.startswith("terraform destroy")]
    assert [line.split("destroy ")[1] for line in destroys] == [
        "-var-file=infra/environments/test.tfvars -var=deletion_protection=false -var=deploy_functions=false"
    ]


def test_whole_check_fails_if_a_second_plan_would_change_something(local_check: Shell) -> None:
    """Guard the test of the whole check: the step that plans again can fail."""
    steps = [
        replace(step, commands=(f"{step.commands[0]} -var=wait_s=61",)) if step.name == "plan again" else step
        for step in STEPS
        if step.name in ("initialise Terraform", "apply without functions", "plan again")
    ]
    is_well, transcript, _ = checked(local_check, steps)
    assert not is_well
    assert transcript.entries[2].fault == "exit code 2"
    assert resources(local_check) == 0


def documented_block() -> list[str]:
    """Return the commands of docs/deployment.md: to the first prediction, and those of the teardown."""
    text = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    ways = (
        ("gcloud auth login ", text.partition("\n## Teardown\n")[0]),
        ("terraform apply ", text.partition("\n## Teardown\n")[2]),
    )
    blocks = [first + part.partition(f"    {first}")[2].partition("\n\n")[0] for first, part in ways]
    lines = [re.sub(r"(^|\s+)#.*$", "", line.strip()) for block in blocks for line in block.splitlines()]
    return [re.sub(r"\s+", " ", line) for line in lines if line]


def test_whole_check_types_the_documented_commands_in_order() -> None:
    documented = [line for line in documented_block() if not line.startswith(BY_A_PERSON)]
    assert len(documented) >= 12
    last = [step for step in STEPS if step.makes][-1]
    typed = [line for step in STEPS for line in step.commands] + list(last.undo)
    assert [line for line in typed if line in documented] == documented


def test_whole_check_undoes_everything_that_a_step_makes() -> None:
    makers = re.compile(r" create |\bapply ")
    assert [step.name for step in STEPS if makers.search(" ".join(step.commands)) and not step.undo] == []


@pytest.mark.parametrize(
    "confirm", ["", "yes", "my-project", f"another costs about ${most_usd()}", "my-project costs about $0"]
)
def test_whole_check_is_refused_without_the_consent_sentence(confirm: str, tmp_path: Path) -> None:
    options = ["--project=my-project", f"--confirm={confirm}", f"--transcript={tmp_path / 'x.md'}"]
    result = CliRunner().invoke(main, options, env={"PATH": ""})
    assert result.exit_code == 2
    assert confirmation("my-project") in " ".join(result.output.split())
    assert not (tmp_path / "x.md").exists()


def test_whole_check_is_refused_without_a_valid_project_or_its_programs() -> None:
    refused = CliRunner().invoke(main, ["--project=$(reboot)", f"--confirm={confirmation('$(reboot)')}"])
    assert (refused.exit_code, "expected an id" in refused.output) == (2, True)
    without = CliRunner().invoke(
        main, ["--project=my-project", f"--confirm={confirmation('my-project')}"], env={"PATH": ""}
    )
    assert (without.exit_code, "cannot be found" in without.output) == (2, True)


def test_region_is_in_every_command_that_names_one() -> None:
    assert in_region(STEPS, REGION) == STEPS
    lines = [line for step in in_region(STEPS, "us-central1") for line in (*step.commands, *step.undo)]
    assert [line for line in lines if REGION in line] == []
    assert [line for line in lines if TFVARS in line and "-var=region=us-central1" not in line] == []
    assert sum("us-central1" in line for line in lines) >= 8


def test_cost_counts_the_load_and_is_a_few_dollars() -> None:
    assert LOAD_USD < most_usd() <= 5


def test_make_passes_the_consent_sentence_unchanged() -> None:
    """Pass a dollar sign through make, which would take it for a variable of its own."""
    sentence = confirmation("my-project")
    command = ["make", "--dry-run", "cloud-check", "PROJECT=my-project", f"CONFIRM={sentence}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"--confirm '{sentence}'" in done.stdout


def test_ctrl_c_at_the_terminal_starts_the_teardown(tmp_path: Path) -> None:
    """Send the signal itself, to a process of its own."""
    script = f"""
import signal, pathlib, os
from tests.system.cloud_check.check import Check
from tests.system.cloud_check.shell import Shell
from tests.system.cloud_check.steps import Step
from tests.system.cloud_check.transcript import Transcript
check = Check(Shell(pathlib.Path({str(tmp_path)!r}), dict(os.environ)), Transcript({{}}), print)
signal.signal(signal.SIGINT, lambda *_: check.interrupt())
check.run([Step("a", ("touch begun; sleep 600",), 20, undo=("touch gone",))])
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT) as process:
        until = time.monotonic() + 60
        while not (tmp_path / "begun").exists() and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert (tmp_path / "gone").exists()
