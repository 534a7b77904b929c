"""Tests that the builds match Google's discovery document and are consistent: substitutions, scripts, images, order."""

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
from tests.emulators.contract.discovery import document_of
from tests.emulators.contract.values import faults_in_json
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
"""Images that everyone can pull."""

OURS = {"$_REGISTRY/pipeline:$BUILD_ID", "$_TOOLS"}
"""Images that the build has just made, or got by their digest."""

BUILT_IN = {"BUILD_ID", "COMMIT_SHA", "PROJECT_ID", "SERVICE_ACCOUNT_EMAIL"}
"""The substitutions in use of https://cloud.google.com/build/docs/configuring-builds/substitute-variable-values."""

IMAGES = ("serving", "operations", "pipeline")
"""The images that a build makes: targets of functions/Dockerfile."""

SUBSTITUTION = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
DIGEST = "sha256:" + "a" * 64
COMMIT = "c0ffee" + "0" * 34
SOURCE = "europe-west1-docker.pkg.dev/preprod/bucketlens"
HERE = "europe-west1-docker.pkg.dev/prod/bucketlens"


def build_of(path: Path) -> dict[str, Any]:
    build: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return build


def used_in(build: dict[str, Any]) -> set[str]:
    """Return the substitutions that are used outside of their definition."""
    text = json.dumps({name: value for name, value in build.items() if name != "substitutions"})
    return {braced or bare for braced, bare in SUBSTITUTION.findall(text)}


def scripts_of(build: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    return [(step, step["args"][0]) for step in build["steps"] if step.get("entrypoint") == "bash"]


def options_of(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}


def run(script: str, folder: Path, commands: dict[str, str], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a folder with programs that record their arguments, and give the answers in ``commands``."""
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
def test_build_matches_googles_schema(path: Path) -> None:
    assert list(faults_in_json("build", build_of(path), SCHEMAS["Build"], SCHEMAS)) == []


def test_build_with_a_typing_error_is_found() -> None:
    """Guard the test above."""
    build = build_of(FILES[0])
    build["steps"][0]["arguments"] = build["steps"][0].pop("args")
    build["options"]["logging"] = "CLOUD_LOGGING"
    faults = "\n".join(faults_in_json("build", build, SCHEMAS["Build"], SCHEMAS))
    assert "build.steps[0].arguments is unknown" in faults
    assert "build.options.logging is 'CLOUD_LOGGING', expected one of" in faults


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_build_substitutions_are_all_defined_and_used(path: Path) -> None:
    build = build_of(path)
    own = {name for name in used_in(build) if name.startswith("_")}
    assert own == set(build["substitutions"])
    assert used_in(build) - own <= BUILT_IN


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_build_steps_run_in_public_images_or_the_projects(path: Path) -> None:
    assert {step["name"] for step in build_of(path)["steps"]} <= PUBLIC | OURS


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_build_steps_wait_only_for_earlier_steps(path: Path) -> None:
    before = {"-"}
    for step in build_of(path)["steps"]:
        assert set(step.get("waitFor", [])) <= before
        before.add(step["id"])
    assert before - {"-"} == {step["id"] for step in build_of(path)["steps"]}


def test_build_of_a_push_tests_builds_deploys_and_hands_over_in_order() -> None:
    steps = [step["id"] for step in build_of(FILES[0])["steps"]]
    assert steps == ["settings", "test", "base", "build", "push", "deploy", "smoke", "job", "hand-over"]
    released = [step["id"] for step in build_of(FILES[2])["steps"]]
    assert released == ["verify", "scripts", "take", "release", "job"]


@pytest.mark.parametrize("path", FILES[:2], ids=lambda path: path.name)
def test_cloud_build_records_provenance_of_released_images(path: Path) -> None:
    """Check that a build names its images: Cloud Build does not attest an image that only a step has pushed."""
    build = build_of(path)
    assert build["images"] == [f"$_REGISTRY/{name}:$BUILD_ID" for name in IMAGES]
    assert build["options"]["requestedVerifyOption"] == "VERIFIED"


def test_promotion_verifies_an_image_before_it_runs() -> None:
    steps = build_of(FILES[2])["steps"]
    assert steps[0]["id"] == "verify"
    assert steps[0]["name"] in PUBLIC
    assert [step["id"] for step in steps if step["name"] == "$_TOOLS"] == ["scripts", "release"]
    assert [step.get("waitFor") for step in steps] == [None] * len(steps)  # one after another


def test_promotion_does_not_build_again() -> None:
    text = FILES[2].read_text("utf-8") + "".join(
        (ROOT / script).read_text("utf-8") for _, script in scripts_of(build_of(FILES[2]))
    )
    assert not re.search(r"docker|kaniko|buildpack|gcloud builds|pack build", re.sub(r"#.*|artifacts docker", "", text))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_build_scripts_exist_and_get_the_variables_that_they_read(path: Path) -> None:
    for step, script in scripts_of(build_of(path)):
        text = _with_what_it_calls(script)
        variables = {variable.partition("=")[0] for variable in step.get("env", [])}
        read = set(re.findall(r"\$(?:\{|\(\()?([A-Z][A-Z0-9_]*)\b", text)) - {"BASH_REMATCH"}
        assert read == variables, script


def test_build_scripts_are_all_used() -> None:
    used = {script for path in FILES for _, script in scripts_of(build_of(path))}
    used.add("infra/pipeline/fetch.sh")  # part of the triggers themselves, see main.tf
    used |= {
        f"infra/pipeline/{name}"
        for path in SCRIPTS
        for name in re.findall(r"(?<!shared/local/)\b(\w+\.sh)", path.read_text("utf-8"))
    }
    used -= {"infra/pipeline/verify.py"}
    assert used == {path.relative_to(ROOT).as_posix() for path in SCRIPTS}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_build_scripts_pass_shellcheck(path: Path) -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    if not shellcheck.exists():
        pytest.skip("shellcheck is not installed; it comes with `make setup`")
    done = subprocess.run([shellcheck, "--severity=style", path], capture_output=True, text=True)
    assert done.stdout + done.stderr == ""


def test_build_scripts_type_commands_that_exist() -> None:
    typed = {name for path in SCRIPTS for name in re.findall(r"-m shared\.cli (\w+)", path.read_text("utf-8"))}
    assert typed
    assert {"release", "smoke"} <= typed <= set(COMMANDS)


def test_build_scripts_type_options_that_exist() -> None:
    release = importlib.import_module("shared.cli.release").command
    common = re.findall(
        r"--[a-z-]+", (PIPELINE / "release.sh").read_text("utf-8").split("release()")[1].split("\n}")[0]
    )
    assert {"--project", "--region", "--dataset", "--service"} == set(common)
    for name, typed in re.findall(r"^release (\w+)(.*)$", (PIPELINE / "release.sh").read_text("utf-8"), re.MULTILINE):
        assert set(common + re.findall(r"--[a-z-]+", typed)) <= options_of(release.commands[name]), name
    smoke = importlib.import_module("shared.cli.smoke").command
    for script in ("smoke.sh", "release.sh"):
        for typed in re.findall(
            r"-m shared\.cli smoke ((?:[^\n]*\\\n)*[^\n]*)", (PIPELINE / script).read_text("utf-8")
        ):
            assert "--golden-set" in typed
            assert set(re.findall(r"--[a-z0-9-]+", typed)) <= options_of(smoke), script
    rollback = (PIPELINE / "smoke.sh").read_text("utf-8").partition("release rollback")[2]
    assert set(re.findall(r"--[a-z-]+", rollback)) == set(common)


def test_build_without_a_golden_set_stops_before_anything_is_built(tmp_path: Path) -> None:
    rest = {"REGISTRY": HERE, "REGION": "europe-west1", "UPLOAD_BUCKET": "uploads"}
    (tmp_path / "a").mkdir()
    missing = run("settings.sh", tmp_path / "a", {}, GOLDEN_SET="", **rest)
    assert missing.returncode != 0
    assert "_GOLDEN_SET is not set" in missing.stderr
    (tmp_path / "b").mkdir()
    assert "expected gs://" in run("settings.sh", tmp_path / "b", {}, GOLDEN_SET="flowers", **rest).stderr
    (tmp_path / "c").mkdir()
    assert run("settings.sh", tmp_path / "c", {}, GOLDEN_SET="gs://golden/flowers", **rest).returncode == 0


INSPECTED = (
    'case "$*" in inspect*) for last; do :; done; printf "other/image@sha256:b\\n%s@{}\\n\\n" "${{last%:*}}";; esac'
)


def test_push_notes_every_digest_and_nothing_else(tmp_path: Path) -> None:
    done = run("push.sh", tmp_path, {"docker": INSPECTED.format(DIGEST)}, REGISTRY=HERE, TAG="build-1")
    assert done.returncode == 0, done.stderr
    for name in IMAGES:
        assert (tmp_path / ".release" / name).read_text() == f"{HERE}/{name}@{DIGEST}\n"


def test_push_without_a_digest_fails(tmp_path: Path) -> None:
    assert run("push.sh", tmp_path, {"docker": "true"}, REGISTRY=HERE, TAG="build-1").returncode != 0


@pytest.mark.parametrize(
    ("has_copy", "renew", "pulls"),
    [(False, "", 2), (True, "", 1), (True, "yes", 1)],
    ids=["first", "later", "monthly"],
)
def test_base_image_is_copied_once_reused_and_renewed(tmp_path: Path, has_copy: bool, renew: str, pulls: int) -> None:
    (tmp_path / "functions").symlink_to(ROOT / "functions")
    missing = "" if has_copy else f'case "$*" in "pull --quiet {HERE}/base"*) exit 1;; esac\n'
    done = run("base.sh", tmp_path, {"docker": missing + INSPECTED.format(DIGEST)}, REGISTRY=HERE, RENEW=renew)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".release" / "base").read_text() == f"{HERE}/base@{DIGEST}\n"
    calls = (tmp_path / "calls").read_text().splitlines()
    is_copied = f"docker push --quiet {HERE}/base:3.13-slim-trixie" in calls
    assert is_copied == (renew == "yes" or not has_copy)
    assert sum(call.startswith("docker pull") for call in calls) == pulls


def test_images_are_built_on_the_base_image_by_its_digest(tmp_path: Path) -> None:
    (tmp_path / ".release").mkdir()
    (tmp_path / ".release" / "base").write_text(f"{HERE}/base@{DIGEST}\n")
    done = run("build.sh", tmp_path, {"docker": "true"}, REGISTRY=HERE, TAG="build-1")
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.partition("--target=")[2].split()[0] for call in calls] == list(IMAGES)
    assert all(f"--build-arg=PYTHON={HERE}/base@{DIGEST} " in call for call in calls)


def test_deployment_moves_traffic_to_the_new_revision_before_its_smoke_test(tmp_path: Path) -> None:
    (tmp_path / ".release").mkdir()
    (tmp_path / ".release" / "serving").write_text(f"{HERE}/serving@{DIGEST}\n")
    where = {"COMMIT": "c0ffee", "PROJECT": "preprod", "REGION": "europe-west1"}
    done = run(
        "deploy.sh",
        tmp_path,
        {
            "gcloud": 'case "$*" in *Revision*) echo "$4-00007";; '
            '*flatten*) printf "\\t$4-00005\\n100\\t$4-00006\\n";; *) echo https://x;; esac'
        },
        **where,
    )
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "calls").read_text().splitlines()
    steps = [(call.split()[3], call.split()[4]) for call in calls if call.split()[2] == "services"]
    for service in ("classify-upload", "classify-request"):
        mine = [what for what, which in steps if which == service]
        assert mine[:4] == ["describe", "update", "update-traffic", "describe"]
        [moved] = [call for call in calls if f"update-traffic {service} " in call]
        assert moved.endswith(f"--to-latest --set-tags=previous={service}-00006")
        assert (tmp_path / ".release" / f"{service}.revision").read_text() == f"{service}-00007\n"
    assert all("--no-traffic" not in call for call in calls)
    assert sum(f"--image={HERE}/serving@{DIGEST}" in call for call in calls) == 2
    assert not any("jobs update" in call for call in calls), "the job gets what has passed the smoke test"


@pytest.mark.parametrize("monitor", ["yes", ""])
def test_deployment_of_jobs_gives_the_monitor_its_image_where_there_is_one(tmp_path: Path, monitor: str) -> None:
    (tmp_path / ".release").mkdir()
    for name in IMAGES:
        (tmp_path / ".release" / name).write_text(f"{HERE}/{name}@{DIGEST}\n")
    where = {"COMMIT": "c0ffee", "PROJECT": "preprod", "REGION": "europe-west1"}
    done = run("job.sh", tmp_path, {"gcloud": "true"}, MONITOR=monitor, **where)
    assert done.returncode == 0, done.stderr
    updated = [call.split()[4] for call in (tmp_path / "calls").read_text().splitlines()]
    images = [re.findall(r"--image=\S+/(\w+)@", call) for call in (tmp_path / "calls").read_text().splitlines()]
    assert updated == ["classify-backlog", "monitor"][: 2 if monitor else 1]
    assert images == [["serving"], ["operations"]][: 2 if monitor else 1]


@pytest.mark.parametrize(("is_good", "code"), [(True, 0), (False, 1)])
def test_deployment_that_fails_its_smoke_test_is_rolled_back(tmp_path: Path, is_good: bool, code: int) -> None:
    (tmp_path / ".release").mkdir()
    for name in ("classify-upload.revision", "classify-request.revision", "classify-request.url"):
        (tmp_path / ".release" / name).write_text("x\n")
    python = f'case "$3" in smoke) exit {int(not is_good)};; esac'
    names = ("CALLER", "DATASET", "GOLDEN_SET", "MIN_ACCURACY", "MAX_P95_MS", "MAX_ERROR_RATE", "UPLOAD_BUCKET", "URL")
    arguments = dict.fromkeys(names, "x")
    done = run("smoke.sh", tmp_path, {"python": python}, PROJECT="preprod", REGION="europe-west1", **arguments)
    assert done.returncode == code
    rolled_back = [call for call in (tmp_path / "calls").read_text().splitlines() if "release rollback" in call]
    assert len(rolled_back) == int(not is_good)
    assert all("--service=classify-upload --service=classify-request" in call for call in rolled_back)


@pytest.mark.parametrize(
    ("handed", "message"),
    [
        (f"{SOURCE}/serving:latest", "expected an image by digest"),
        (f"{SOURCE}/serving@sha256:abc", "expected an image by digest"),
        (f"docker.io/other/serving@{DIGEST}", f"expected {SOURCE}/serving: nothing else is taken"),
        ("", "expected an image by digest"),
    ],
)
def test_promotion_takes_only_a_digest_of_its_repository(tmp_path: Path, handed: str, message: str) -> None:
    done = _take(tmp_path, HANDED=handed)
    assert done.returncode == 1
    assert message in done.stderr
    assert not (tmp_path / "calls").exists()


def test_promotion_takes_only_a_digest_of_operations_for_the_monitor(tmp_path: Path) -> None:
    done = _take(tmp_path, OPERATIONS=f"{SOURCE}/serving@{DIGEST}")
    assert done.returncode == 1
    assert f"_OPERATIONS is from {SOURCE}/serving, expected {SOURCE}/operations" in done.stderr


def test_promotion_copies_images_without_changing_their_digests(tmp_path: Path) -> None:
    done = _take(tmp_path)
    assert done.returncode == 0, done.stderr
    calls = iter((tmp_path / "calls").read_text().splitlines())
    for name in ("serving", "operations"):
        assert (tmp_path / ".release" / name).read_text() == f"{HERE}/{name}@{DIGEST}\n"
        assert next(calls).endswith(f"add-tag --quiet {SOURCE}/{name}@{DIGEST} {HERE}/{name}:build-1")
        assert f"describe {HERE}/{name}@{DIGEST}" in next(calls)


def _take(tmp_path: Path, **overrides: str) -> subprocess.CompletedProcess[str]:
    handed = {"HANDED": f"{SOURCE}/serving@{DIGEST}", "OPERATIONS": f"{SOURCE}/operations@{DIGEST}"}
    values = {**handed, "REGISTRY": HERE, "SOURCE": SOURCE, "TAG": "build-1", **overrides}
    return run("take.sh", tmp_path, {"gcloud": "true"}, **values)


@pytest.mark.parametrize(
    ("codes", "code", "steps"),
    [
        ({}, 0, ["canary", "check", "promote"]),
        ({"canary": 1}, 1, ["canary", "rollback"]),
        ({"canary": 2}, 1, ["canary"]),
        ({"check": 1}, 1, ["canary", "check", "rollback"]),
        ({"check": 4}, 1, ["canary", "check", "rollback"]),
        ({"promote": 1}, 1, ["canary", "check", "promote", "rollback"]),
        ({"check": 3}, 0, ["canary", "check", "smoke", "promote"]),
        ({"check": 3, "smoke": 1}, 1, ["canary", "check", "smoke", "rollback"]),
    ],
    ids=str,
)
def test_challenger_is_promoted_on_evidence_and_rolled_back_against_it(
    tmp_path: Path, codes: dict[str, int], code: int, steps: list[str]
) -> None:
    done = _release(tmp_path, codes, GOLDEN_SET="gs://golden/flowers", TRIAL_URL="https://challenger---x.run.app")
    assert done.returncode == code, done.stderr
    calls = [call.split() for call in (tmp_path / "calls").read_text().splitlines()]
    assert [call[4] if call[3] == "release" else call[3] for call in calls] == steps
    assert f"--image={HERE}/serving@{DIGEST}" in calls[0]
    assert "--percent=10" in calls[0]
    for call in calls:
        if call[3] == "release":
            assert {"--service=classify-upload", "--service=classify-request"} <= set(call)
        else:
            assert {"--golden-only", "--url=https://challenger---x.run.app", "--audience=https://x.run.app"} <= set(
                call
            )


@pytest.mark.parametrize("missing", ["GOLDEN_SET", "TRIAL_URL"])
def test_challenger_with_too_few_images_is_held_without_a_golden_set(tmp_path: Path, missing: str) -> None:
    values = {"GOLDEN_SET": "gs://golden/flowers", "TRIAL_URL": "https://x"} | {missing: ""}
    done = _release(tmp_path, {"check": 3}, **values)
    assert done.returncode == 1
    assert "keeps its 10 %" in done.stderr
    assert "bucketlens release check" in done.stderr
    assert [call.split()[4] for call in (tmp_path / "calls").read_text().splitlines()] == ["canary", "check"]


def _release(tmp_path: Path, codes: dict[str, int], **overrides: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / ".release").mkdir()
    (tmp_path / ".release" / "serving").write_text(f"{HERE}/serving@{DIGEST}\n")
    cases = " ".join(f"*' {step} '*) exit {code};;" for step, code in codes.items())
    values = {"AUDIENCE": "https://x.run.app", "CALLER": "deploy@p", "DATASET": "bucketlens"}
    values |= {"IMAGES": "50", "MINUTES": "30", "PERCENT": "10", "PROJECT": "prod", "REGION": "europe-west1"}
    return run("release.sh", tmp_path, {"python": f'case "$* " in {cases} esac'}, **values, **overrides)


def test_handover_message_has_the_digests(tmp_path: Path) -> None:
    (tmp_path / ".release").mkdir()
    for name in IMAGES:
        (tmp_path / ".release" / name).write_text(f"{SOURCE}/{name}@{DIGEST}\n")
    done = run("hand_over.sh", tmp_path, {"gcloud": "true"}, COMMIT="c0ffee", TOPIC="projects/prod/topics/releases")
    assert done.returncode == 0, done.stderr
    [call] = (tmp_path / "calls").read_text().splitlines()
    names = {"image": "serving", "operations": "operations", "tools": "pipeline"}
    handed = {"commit": "c0ffee", **{key: f"{SOURCE}/{name}@{DIGEST}" for key, name in names.items()}}
    assert json.loads(call.partition("--message=")[2]) == handed


def test_handover_sends_nothing_without_a_topic(tmp_path: Path) -> None:
    (tmp_path / ".release").mkdir()
    for name in IMAGES:
        (tmp_path / ".release" / name).write_text(f"{SOURCE}/{name}@{DIGEST}\n")
    done = run("hand_over.sh", tmp_path, {"gcloud": "true"}, COMMIT="c0ffee", TOPIC="")
    assert (done.returncode, (tmp_path / "calls").exists()) == (0, False)


def _with_what_it_calls(script: str) -> str:
    text = (ROOT / script).read_text("utf-8")
    called = re.findall(r"bash (infra/pipeline/\w+\.sh)", text)
    return text + "".join((ROOT / name).read_text("utf-8") for name in called)
