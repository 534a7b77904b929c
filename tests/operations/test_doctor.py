"""``bucketlens doctor`` before a server of ours; each request is compared with Google's discovery documents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import google.auth
import pytest
from click.testing import CliRunner, Result
from google.auth.exceptions import DefaultCredentialsError

import shared.cli.doctor
from shared.adapters.google_rest import GoogleRest, NotSignedIn
from shared.cli import main
from shared.operations.doctor.apis import FIRST, LATER
from shared.operations.doctor.examination import Patient, examine
from shared.operations.doctor.findings import Finding, Verdict, exit_code, fine
from shared.operations.doctor.policies import CONSTRAINTS
from shared.operations.doctor.programs import ask
from shared.operations.doctor.project import NEEDED
from tests.emulators.contract.discovery import discovery_of
from tests.operations.google_server import PROJECT, FakeGoogle, refusal, running

ROOT = Path(__file__).parents[2]
DOCUMENTS = {
    "cloudbilling": [("cloudbilling", "v1")],
    "cloudresourcemanager": [("cloudresourcemanager", "v3")],
    "orgpolicy": [("orgpolicy", "v2")],
    "run": [("run", "v1")],
    "serviceusage": [("serviceusage", "v1"), ("serviceusage", "v1beta1")],
    "www": [("oauth2", "v2")],
}
PROGRAMS: dict[str, Any] = {
    "terraform version -json": {"terraform_version": "1.11.4"},
    "gcloud version --format=json": {"Google Cloud SDK": "528.0.0", "bq": "2.1.18"},
    "gcloud auth list --format=json": [{"account": "ada@example.com", "status": "ACTIVE"}],
}


described = cache(discovery_of)


@pytest.fixture
def fake_google() -> Iterator[FakeGoogle]:
    """Provide a fake Google; at the end every request and every answer must be as documented."""
    fake_google = FakeGoogle()
    yield fake_google
    for api, exchanges in fake_google.exchanges.items():
        known = {version: described(name, version) for name, version in DOCUMENTS[api]}
        for exchange in exchanges:
            version = urlsplit(exchange.target).path.split("/")[1]
            document = known.get(version) or known["v2"]
            assert document.judge(exchange).faults == []


@pytest.fixture
def url(fake_google: FakeGoogle) -> Iterator[str]:
    with running(fake_google) as url:
        yield url


def examined(url: str, region: str = "europe-west1", programs: dict[str, Any] | None = None) -> dict[str, Finding]:
    """Return the findings by what they are about."""
    patient = Patient(PROJECT, region, vcpus=9, memory_gib=4.5)
    answers = PROGRAMS if programs is None else programs
    findings = examine(patient, GoogleRest(PROJECT, 5, endpoint=url), lambda *command: answers.get(" ".join(command)))
    return {finding.about: finding for finding in findings}


def doctor(url: str, monkeypatch: pytest.MonkeyPatch, *options: str) -> Result:
    monkeypatch.setattr(shared.cli.doctor, "GoogleRest", partial(GoogleRest, endpoint=url))
    monkeypatch.setattr(shared.cli.doctor, "ask", lambda *command: PROGRAMS.get(" ".join(command)))
    return CliRunner().invoke(main, ["doctor", "--project", PROJECT, *options], env={"COLUMNS": "220"})


def test_doctor_exits_with_0_if_all_is_fine(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result = doctor(url, monkeypatch, "--json")
    assert result.exit_code == 0, result.output
    findings = json.loads(result.stdout)["findings"]
    assert {finding["verdict"] for finding in findings} == {"fine"}
    assert {tuple(finding) for finding in findings} == {("about", "verdict", "what", "to_do")}


def test_doctor_requests_name_the_billed_project_and_keep_credentials_private(
    fake_google: FakeGoogle, url: str
) -> None:
    examined(url)
    headers = [exchange.headers for exchanges in fake_google.exchanges.values() for exchange in exchanges]
    assert {sent["x-goog-user-project"] for sent in headers} == {PROJECT}
    assert [sent for sent in headers if "authorization" in sent] == []


def test_doctor_table_has_what_to_do(fake_google: FakeGoogle, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_google.is_billed = False
    result = doctor(url, monkeypatch)
    assert result.exit_code == 1
    assert "will bite" in result.stdout
    assert f"gcloud billing projects link {PROJECT}" in result.stdout


def bitten(findings: dict[str, Finding]) -> set[str]:
    return {about for about, finding in findings.items() if finding.verdict is Verdict.BITES}


def test_doctor_reports_a_project_that_is_deleted_or_unpaid(fake_google: FakeGoogle, url: str) -> None:
    fake_google.state, fake_google.is_billed = "DELETE_REQUESTED", False
    assert bitten(examined(url)) == {"project", "billing"}


def test_doctor_names_missing_permissions(fake_google: FakeGoogle, url: str) -> None:
    fake_google.lacking = {NEEDED[0], NEEDED[-1]}
    findings = examined(url)
    assert bitten(findings) == {"rights"}
    assert f"{NEEDED[0]}, {NEEDED[-1]}" in findings["rights"].what


def test_doctor_reports_only_apis_that_terraform_cannot_switch_on(fake_google: FakeGoogle, url: str) -> None:
    fake_google.apis -= {"run"}
    assert examined(url)["APIs"].verdict is Verdict.NOTE
    fake_google.apis -= {"storage"}
    findings = examine(
        Patient(PROJECT, "europe-west1", 9, 4.5),
        GoogleRest(PROJECT, 5, endpoint=url),
        lambda *command: PROGRAMS.get(" ".join(command)),
    )
    assert [finding.to_do for finding in findings if finding.verdict is Verdict.BITES] == [
        "gcloud services enable storage.googleapis.com"
    ]


def test_doctor_apis_are_those_of_every_deployment() -> None:
    text = (ROOT / "infra" / "project" / "main.tf").read_text("utf-8")
    match = re.search(r"apis = .*?\[(.*?)\]", text, re.DOTALL)
    assert match
    assert set(re.findall(r'"([a-z]+)"', match[1])) | {"serviceusage"} == {*FIRST, *LATER}


ALLOWED, DENIED = "allowedValues", "deniedValues"
BITING: dict[str, dict[str, Any]] = {
    "gcp.resourceLocations": {"values": {ALLOWED: ["in:us-locations"]}},
    "run.allowedIngress": {"values": {ALLOWED: ["is:internal"]}},
    "gcp.restrictServiceUsage": {"values": {DENIED: ["eventarc.googleapis.com"]}},
    "storage.retentionPolicySeconds": {"values": {ALLOWED: ["86400"]}},
}
NOTED: dict[str, dict[str, Any]] = {
    "iam.allowedPolicyMemberDomains": {"values": {ALLOWED: ["C0abc"]}},
    "run.managed.requireInvokerIam": {"enforce": True},
    "storage.softDeletePolicySeconds": {"values": {ALLOWED: ["604800"]}},
    "gcp.restrictNonCmekServices": {"values": {DENIED: ["storage.googleapis.com"]}},
    "cloudbuild.allowedIntegrations": {"denyAll": True},
}


def test_doctor_tests_cover_every_constraint() -> None:
    assert {constraint.name for constraint in CONSTRAINTS} == BITING.keys() | NOTED.keys()


@pytest.mark.parametrize("name", [*BITING, *NOTED])
def test_doctor_reports_an_organisation_policy_with_what_to_do(fake_google: FakeGoogle, url: str, name: str) -> None:
    fake_google.policies = {name: [BITING.get(name) or NOTED[name]]}
    finding = examined(url)[f"policy {name}"]
    assert finding.verdict is (Verdict.BITES if name in BITING else Verdict.NOTE)
    assert finding.to_do


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("gcp.resourceLocations", {"allowAll": True}),
        ("gcp.resourceLocations", {"values": {ALLOWED: ["in:europe-locations"]}}),
        ("gcp.resourceLocations", {"values": {ALLOWED: ["in:eu-locations"]}}),
        ("gcp.resourceLocations", {"values": {ALLOWED: ["in:europe-west1-locations"]}}),
        ("gcp.resourceLocations", {"values": {ALLOWED: ["europe-west1"]}}),
        ("run.allowedIngress", {"values": {ALLOWED: ["is:all", "internal"]}}),
        ("run.allowedIngress", {"values": {DENIED: ["internal-and-cloud-load-balancing"]}}),
        ("run.managed.requireInvokerIam", {"enforce": False}),
    ],
)
def test_doctor_accepts_a_policy_that_allows_the_deployment(
    fake_google: FakeGoogle, url: str, name: str, rule: dict[str, Any]
) -> None:
    fake_google.policies = {name: [rule]}
    assert {finding.verdict for finding in examined(url).values()} == {Verdict.FINE}


def test_doctor_notes_a_policy_that_depends_on_a_tag(fake_google: FakeGoogle, url: str) -> None:
    rule = {"denyAll": True, "condition": {"expression": "resource.matchTag('1/env', 'prod')"}}
    fake_google.policies = {"gcp.resourceLocations": [rule]}
    assert examined(url)["policy gcp.resourceLocations"].verdict is Verdict.NOTE


@pytest.mark.parametrize(
    ("limits", "bites"),
    [
        ({"run.googleapis.com/cpu_allocation": {None: 20_000, "europe-west1": 8_000}}, {"quota of Cloud Run's CPU"}),
        ({"run.googleapis.com/cpu_allocation": {None: 8_000, "europe-west1": 9_000}}, set()),
        ({"run.googleapis.com/cpu_allocation": {None: -1}}, set()),
        ({"run.googleapis.com/mem_allocation": {None: 1 << 30}}, {"quota of Cloud Run's memory"}),
        (
            {"cloudbuild.googleapis.com/concurrent_public_pool_build_cpus": {"europe-west1": 0, None: 10}},
            {"quota of Cloud Build's default pool"},
        ),
    ],
)
def test_doctor_requires_a_quota_for_all_instances(
    fake_google: FakeGoogle, url: str, limits: dict[str, dict[str | None, int]], bites: set[str]
) -> None:
    fake_google.limits |= limits
    assert bitten(examined(url)) == bites


def test_doctor_notes_a_region_where_new_projects_cannot_build(url: str) -> None:
    finding = examined(url, "europe-west4")["builds"]
    assert finding.verdict is Verdict.NOTE
    assert "-var=build_region=europe-west1" in finding.to_do


def test_doctor_refuses_a_region_without_cloud_run(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result = doctor(url, monkeypatch, "--region=mars-north1")
    assert result.exit_code == 2
    assert "expected one of europe-west1, europe-west4, us-central1" in result.output


@pytest.mark.parametrize("options", [("--region=europe-west1-b",), ("--project=My_Project",), ("--project=p/../q",)])
def test_doctor_refuses_a_malformed_project_or_region_before_any_request(
    fake_google: FakeGoogle, url: str, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    assert doctor(url, monkeypatch, *options).exit_code == 2
    assert fake_google.exchanges == {}


DENIED_PERMISSION = refusal(403, "IAM_PERMISSION_DENIED", permission="orgpolicy.policy.get")
SWITCHED_OFF = refusal(403, "SERVICE_DISABLED", service="orgpolicy.googleapis.com")


def test_doctor_names_the_permission_that_a_check_needs(
    fake_google: FakeGoogle, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_google.refusals["orgpolicy"] = DENIED_PERMISSION
    finding = examined(url)["policies"]
    assert finding.verdict is Verdict.UNSEEN
    assert finding.what == "could not be looked at: needs the permission orgpolicy.policy.get"
    fake_google.refusals["orgpolicy"] = SWITCHED_OFF
    assert examined(url)["policies"].to_do == "gcloud services enable orgpolicy.googleapis.com"
    result = doctor(url, monkeypatch)
    assert result.exit_code == 1
    assert "secret words" not in result.output


@pytest.mark.parametrize("status", [400, 403, 409, 418])
@pytest.mark.parametrize("api", ["cloudresourcemanager", "cloudbilling", "orgpolicy", "run", "serviceusage", "www"])
def test_doctor_never_prints_a_traceback_for_a_refusal(
    fake_google: FakeGoogle, url: str, api: str, status: int
) -> None:
    fake_google.refusals[api] = (status, {"error": {"code": status, "message": "no"}})
    verdicts = {finding.verdict for finding in examined(url).values()}
    assert verdicts == ({Verdict.FINE} if api == "www" else {Verdict.FINE, Verdict.UNSEEN})


@pytest.mark.parametrize(
    "answer",
    [
        refusal(403, "IAM_PERMISSION_DENIED", permission="resourcemanager.projects.get"),
        refusal(403, "USER_PROJECT_DENIED", consumer="projects/my-project"),
        refusal(404, "NOT_FOUND"),
    ],
)
def test_doctor_reports_a_project_that_does_not_exist(
    fake_google: FakeGoogle, url: str, monkeypatch: pytest.MonkeyPatch, answer: tuple[int, dict[str, Any]]
) -> None:
    fake_google.refusals["cloudresourcemanager"] = answer
    result = doctor(url, monkeypatch)
    assert result.exit_code == 2
    assert f"There is no project '{PROJECT}'" in result.output


def test_doctor_reports_credentials_that_google_refuses(
    fake_google: FakeGoogle, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_google.refusals["cloudbilling"] = (401, {"error": {"code": 401, "message": "no"}})
    result = doctor(url, monkeypatch)
    assert result.exit_code == 2
    assert "gcloud auth application-default login" in result.output


def test_doctor_exits_with_4_if_google_does_not_answer(
    fake_google: FakeGoogle, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_google.refusals["orgpolicy"] = (503, {"error": {"code": 503, "message": "later"}})
    assert doctor(url, monkeypatch).exit_code == 4
    assert len(fake_google.exchanges["orgpolicy"]) == 3  # retried a limited number of times
    assert doctor("http://127.0.0.1:9", monkeypatch).exit_code == 4


def test_doctor_exit_code_is_that_of_the_worst_verdict() -> None:
    unseen, silent, bad = (
        Finding("x", verdict, "y") for verdict in (Verdict.UNSEEN, Verdict.UNANSWERED, Verdict.BITES)
    )
    assert exit_code([fine("x", "y")]) == 0
    assert exit_code([fine("x", "y"), Finding("x", Verdict.NOTE, "y")]) == 0
    assert exit_code([unseen]) == 1
    assert exit_code([unseen, silent]) == 4
    assert exit_code([silent, bad]) == 1


def test_doctor_names_the_command_to_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(**_: Any) -> Any:
        raise DefaultCredentialsError("where they were looked for")

    monkeypatch.setattr(google.auth, "default", without)
    with pytest.raises(NotSignedIn, match="gcloud auth application-default login"):
        GoogleRest(PROJECT)
    result = CliRunner().invoke(main, ["doctor", "--project", PROJECT])
    assert result.exit_code == 2
    assert "gcloud auth application-default login" in result.output


@pytest.mark.parametrize(
    ("change", "about", "verdict"),
    [
        ({"terraform version -json": None}, "terraform", Verdict.BITES),
        ({"terraform version -json": {"terraform_version": "1.8.5"}}, "terraform", Verdict.BITES),
        ({"terraform version -json": {"terraform_version": "1.10.0-beta1"}}, "terraform", Verdict.FINE),
        ({"gcloud version --format=json": None}, "gcloud", Verdict.BITES),
        ({"gcloud version --format=json": {"Google Cloud SDK": "528.0.0"}}, "gcloud", Verdict.BITES),
        ({"gcloud auth list --format=json": []}, "signed in, gcloud", Verdict.BITES),
        (
            {"gcloud auth list --format=json": [{"account": "bob@example.com", "status": "ACTIVE"}]},
            "signed in, gcloud",
            Verdict.NOTE,
        ),
    ],
)
def test_doctor_reports_programs_and_their_accounts(
    url: str, change: dict[str, Any], about: str, verdict: Verdict
) -> None:
    assert examined(url, programs=PROGRAMS | change)[about].verdict is verdict


def test_doctor_ask_returns_none_for_a_missing_or_failing_program(tmp_path: Path) -> None:
    broken, chatty, good = (tmp_path / name for name in ("broken", "chatty", "good"))
    for path, script in ((broken, "exit 3"), (chatty, "echo hello"), (good, "echo '{\"a\": 1}'")):
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    assert [ask(str(tmp_path / "missing")), ask(str(broken)), ask(str(chatty))] == [None, None, None]
    assert ask(str(good)) == {"a": 1}
