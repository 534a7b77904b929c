"""The builds are as Google's discovery document says, and hang together: substitutions, scripts, images, order."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from shared.cli import COMMANDS
from tests.contract.discovery import document_of
from tests.contract.values import faults_in_json
from tests.environments import ROOT

PIPELINE = ROOT / "infra" / "pipeline"
FILES = (ROOT / "cloudbuild.yaml", PIPELINE / "image.yaml", PIPELINE / "promote.yaml")
SCRIPTS = sorted(PIPELINE.glob("*.sh"))
SCHEMAS = document_of("cloudbuild", "v1")["schemas"]

PUBLIC = {
    "gcr.io/cloud-builders/docker",
    "gcr.io/google.com/cloudsdktool/google-cloud-cli:slim",
    "python:3.13-slim-trixie",
}
"""Images that everybody can pull."""

BUILT_IN = {"BUILD_ID", "COMMIT_SHA", "PROJECT_ID", "SERVICE_ACCOUNT_EMAIL"}
"""Of those at https://cloud.google.com/build/docs/configuring-builds/substitute-variable-values, what we use."""

SUBSTITUTION = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
DIGEST = "sha256:" + "a" * 64
SOURCE = "europe-west1-docker.pkg.dev/preprod/bucketlens/serving"
HERE = "europe-west1-docker.pkg.dev/prod/bucketlens/serving"


def build_of(path: Path) -> dict[str, Any]:
    build: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return build


def used_in(build: dict[str, Any]) -> set[str]:
    """Return what is substituted anywhere but where it is defined."""
    text = json.dumps({name: value for name, value in build.items() if name != "substitutions"})
    return {braced or bare for braced, bare in SUBSTITUTION.findall(text)}


def scripts_of(build: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    return [(step, step["args"][0]) for step in build["steps"] if step.get("entrypoint") == "bash"]


def options_of(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}


def run(script: str, folder: Path, commands: dict[str, str], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a folder with programs that write down what they are told, and answer as they are given."""
    programs = folder / "bin"
    programs.mkdir()
    for name, answer in commands.items():
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >>"{folder}/calls"\n{answer}\n')
        (programs / name).chmod(0o755)
    return subprocess.run(
        ["bash", PIPELINE / script],
        cwd=folder,
        env={"PATH": f"{programs}:/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_build_is_as_google_documents_it(path: Path) -> None:
    assert list(faults_in_json("build", build_of(path), SCHEMAS["Build"], SCHEMAS)) == []


def test_a_build_with_a_typing_error_is_found() -> None:
    """Guards the test above."""
    build = build_of(FILES[0])
    build["steps"][0]["arguments"] = build["steps"][0].pop("args")
    build["options"]["logging"] = "CLOUD_LOGGING"
    said = "\n".join(faults_in_json("build", build, SCHEMAS["Build"], SCHEMAS))
    assert "build.steps[0].arguments is unknown" in said
    assert "build.options.logging is 'CLOUD_LOGGING', expected one of" in said


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_substitution_is_defined_and_used(path: Path) -> None:
    build = build_of(path)
    ours = {name for name in used_in(build) if name.startswith("_")}
    assert ours == set(build["substitutions"])
    assert used_in(build) - ours <= BUILT_IN


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_step_runs_in_an_image_that_everybody_can_pull(path: Path) -> None:
    assert {step["name"] for step in build_of(path)["steps"]} <= PUBLIC


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_steps_wait_for_steps_that_come_before(path: Path) -> None:
    before = {"-"}
    for step in build_of(path)["steps"]:
        assert set(step.get("waitFor", [])) <= before
        before.add(step["id"])
    assert before - {"-"} == {step["id"] for step in build_of(path)["steps"]}


def test_a_push_is_tested_built_pushed_deployed_smoked_and_handed_over_in_this_order() -> None:
    steps = [step["id"] for step in build_of(FILES[0])["steps"]]
    assert steps == ["settings", "test", "build", "push", "deploy", "smoke", "hand-over"]
    released = [step["id"] for step in build_of(FILES[2])["steps"]]
    assert released == ["take", "tools", "release", "job"]


def test_what_is_promoted_is_not_built_again() -> None:
    text = FILES[2].read_text("utf-8") + "".join(
        (ROOT / script).read_text("utf-8") for _, script in scripts_of(build_of(FILES[2]))
    )
    assert not re.search(r"docker|kaniko|buildpack|gcloud builds|pack build", re.sub(r"#.*|artifacts docker", "", text))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_script_is_there_and_gets_the_variables_that_it_reads(path: Path) -> None:
    for step, script in scripts_of(build_of(path)):
        text = _with_what_it_calls(script)
        given = {variable.partition("=")[0] for variable in step.get("env", [])}
        read = set(re.findall(r"\$(?:\{|\(\()?([A-Z][A-Z0-9_]*)\b", text)) - {"BASH_REMATCH"}
        assert read == given, script


def test_every_script_is_used() -> None:
    used = {script for path in FILES for _, script in scripts_of(build_of(path))}
    used |= {
        f"infra/pipeline/{name}"
        for path in SCRIPTS
        for name in re.findall(r"(?<!shared/local/)\b(\w+\.sh)", path.read_text("utf-8"))
    }
    assert used == {path.relative_to(ROOT).as_posix() for path in SCRIPTS}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(path: Path) -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    if not shellcheck.exists():
        pytest.skip("shellcheck is not installed; it comes with `make setup`")
    done = subprocess.run([shellcheck, "--severity=style", path], capture_output=True, text=True)
    assert done.stdout + done.stderr == ""


def test_every_command_of_ours_that_a_script_types_is_there() -> None:
    typed = {name for path in SCRIPTS for name in re.findall(r"-m shared\.cli (\w+)", path.read_text("utf-8"))}
    assert {"release", "smoke"} <= typed <= set(COMMANDS)


def test_every_option_that_a_script_types_is_one_of_its_command() -> None:
    release = importlib.import_module("shared.cli.release").command
    common = re.findall(
        r"--[a-z-]+", (PIPELINE / "release.sh").read_text("utf-8").split("release()")[1].split("\n}")[0]
    )
    assert {"--project", "--region", "--dataset", "--service"} == set(common)
    for name, typed in re.findall(r"^release (\w+)(.*)$", (PIPELINE / "release.sh").read_text("utf-8"), re.MULTILINE):
        assert set(common + re.findall(r"--[a-z-]+", typed)) <= options_of(release.commands[name]), name
    smoke = importlib.import_module("shared.cli.smoke").command
    assert set(re.findall(r"--[a-z0-9-]+", (PIPELINE / "smoke.sh").read_text("utf-8"))) <= options_of(smoke)


def test_without_a_golden_set_a_build_stops_before_anything_is_built(tmp_path: Path) -> None:
    rest = {"IMAGE": HERE, "REGION": "europe-west1", "UPLOAD_BUCKET": "uploads"}
    (tmp_path / "a").mkdir()
    missing = run("settings.sh", tmp_path / "a", {}, GOLDEN_SET="", **rest)
    assert missing.returncode != 0
    assert "_GOLDEN_SET is not set" in missing.stderr
    (tmp_path / "b").mkdir()
    assert "expected gs://" in run("settings.sh", tmp_path / "b", {}, GOLDEN_SET="flowers", **rest).stderr
    (tmp_path / "c").mkdir()
    assert run("settings.sh", tmp_path / "c", {}, GOLDEN_SET="gs://golden/flowers", **rest).returncode == 0


def test_a_push_notes_the_digest_and_nothing_else(tmp_path: Path) -> None:
    docker = f'[ "$1" = push ] || printf "other/image@sha256:b\\n{HERE}@{DIGEST}\\n\\n"'
    done = run("push.sh", tmp_path, {"docker": docker}, IMAGE=HERE, TAG="build-1")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".release" / "image").read_text() == f"{HERE}@{DIGEST}\n"


def test_a_push_without_a_digest_fails(tmp_path: Path) -> None:
    assert run("push.sh", tmp_path, {"docker": "true"}, IMAGE=HERE, TAG="build-1").returncode != 0


def test_a_deployment_moves_traffic_to_the_new_revision_before_it_is_tested(tmp_path: Path) -> None:
    (tmp_path / ".release").mkdir()
    (tmp_path / ".release" / "image").write_text(f"{HERE}@{DIGEST}\n")
    (tmp_path / "infra").symlink_to(ROOT / "infra")
    where = {"COMMIT": "c0ffee", "PROJECT": "preprod", "REGION": "europe-west1"}
    done = run(
        "deploy.sh",
        tmp_path,
        {"gcloud": 'case "$*" in *Revision*) echo "$4-00007";; *) echo https://x;; esac'},
        **where,
    )
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "calls").read_text().splitlines()
    steps = [(call.split()[3], call.split()[4]) for call in calls if call.split()[2] == "services"]
    for service in ("classify-upload", "classify-request"):
        mine = [what for what, which in steps if which == service]
        assert mine[:3] == ["update", "update-traffic", "describe"]
        assert (tmp_path / ".release" / f"{service}.revision").read_text() == f"{service}-00007\n"
    assert all("--no-traffic" not in call for call in calls)
    assert sum(f"--image={HERE}@{DIGEST}" in call for call in calls) == 3
    assert "jobs update classify-backlog" in calls[-1]


@pytest.mark.parametrize(
    ("handed", "said"),
    [
        (f"{SOURCE}:latest", "expected an image by digest"),
        (f"{SOURCE}@sha256:abc", "expected an image by digest"),
        (f"docker.io/somebody/serving@{DIGEST}", f"expected {SOURCE}: nothing else is taken"),
        ("", "expected an image by digest"),
    ],
)
def test_only_a_digest_of_the_one_place_is_taken(tmp_path: Path, handed: str, said: str) -> None:
    done = run("take.sh", tmp_path, {"gcloud": "true"}, HANDED=handed, IMAGE=HERE, SOURCE=SOURCE, TAG="build-1")
    assert done.returncode == 1
    assert said in done.stderr
    assert not (tmp_path / "calls").exists()


def test_what_is_taken_keeps_its_digest(tmp_path: Path) -> None:
    handed = f"{SOURCE}@{DIGEST}"
    done = run("take.sh", tmp_path, {"gcloud": "true"}, HANDED=handed, IMAGE=HERE, SOURCE=SOURCE, TAG="build-1")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".release" / "image").read_text() == f"{HERE}@{DIGEST}\n"
    copied, looked_for = (tmp_path / "calls").read_text().splitlines()
    assert copied.endswith(f"add-tag --quiet {handed} {HERE}:build-1")
    assert f"describe {HERE}@{DIGEST}" in looked_for


@pytest.mark.parametrize(
    ("failing", "code", "steps"),
    [
        ("nothing", 0, ["canary", "check", "promote"]),
        ("canary", 1, ["canary", "rollback"]),
        ("canary, as typed", 1, ["canary"]),
        ("check", 1, ["canary", "check", "rollback"]),
        ("promote", 1, ["canary", "check", "promote", "rollback"]),
    ],
)
def test_a_candidate_that_does_not_pass_is_rolled_back(
    tmp_path: Path, failing: str, code: int, steps: list[str]
) -> None:
    (tmp_path / ".release").mkdir()
    (tmp_path / ".release" / "image").write_text(f"{HERE}@{DIGEST}\n")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    step, as_typed = failing.partition(",")[::2]
    code_of_step = 2 if as_typed else 1
    python.write_text(f'#!/bin/sh\necho "$*" >>"{tmp_path}/calls"\n[ "$4" != {step} ] || exit {code_of_step}\n')
    python.chmod(0o755)
    asked = {"DATASET": "bucketlens", "IMAGES": "50", "MINUTES": "30", "PERCENT": "10"}
    done = run("release.sh", tmp_path, {}, PROJECT="prod", REGION="europe-west1", **asked)
    assert done.returncode == code, done.stderr
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split()[3] for call in calls] == steps
    assert f"--image={HERE}@{DIGEST} --percent=10" in calls[0]
    assert all("--service=classify-upload --service=classify-request" in call for call in calls)


def test_what_is_handed_over_is_the_digest(tmp_path: Path) -> None:
    (tmp_path / ".release").mkdir()
    (tmp_path / ".release" / "image").write_text(f"{SOURCE}@{DIGEST}\n")
    done = run("hand_over.sh", tmp_path, {"gcloud": "true"}, COMMIT="c0ffee", TOPIC="projects/prod/topics/releases")
    assert done.returncode == 0, done.stderr
    [call] = (tmp_path / "calls").read_text().splitlines()
    assert json.loads(call.partition("--message=")[2]) == {"image": f"{SOURCE}@{DIGEST}", "commit": "c0ffee"}


def test_with_no_topic_nothing_is_handed_over(tmp_path: Path) -> None:
    (tmp_path / ".release").mkdir()
    (tmp_path / ".release" / "image").write_text(f"{SOURCE}@{DIGEST}\n")
    done = run("hand_over.sh", tmp_path, {"gcloud": "true"}, COMMIT="c0ffee", TOPIC="")
    assert (done.returncode, (tmp_path / "calls").exists()) == (0, False)


def _with_what_it_calls(script: str) -> str:
    text = (ROOT / script).read_text("utf-8")
    called = re.findall(r"bash (infra/pipeline/\w+\.sh)", text)
    return text + "".join((ROOT / name).read_text("utf-8") for name in called)
