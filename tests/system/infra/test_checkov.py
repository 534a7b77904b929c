"""Tests that each finding of checkov in the plan for production is fixed, or answered here."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.environments import Impossible, Recipe, environment
from tests.system.infra.plan import Plan

CHECKOV = Recipe(Path(__file__).with_name("checkov.txt"))

ANSWERS = {
    "CKV_GCP_15": "Open datasets: it wants an `access` block, which would revoke what others granted. Grants are "
    "resources of their own, and plan_rules.only_public_admits_everyone checks each.",
    "CKV_GCP_49": "Impersonation: Google gives Eventarc's agent roles/eventarc.serviceAgent, on the project.",
    "CKV_GCP_62": "Access logs of buckets: Cloud Audit Logs have more; data access is switched on by an organisation, "
    "which pays for it.",
    "CKV_GCP_63": "A bucket that logs to itself: no bucket logs (CKV_GCP_62).",
    "CKV_GCP_78": "Versions: archive, quarantine and reports are written create-only, so no object has a second "
    "version; build sources live for a week. Deleted objects come back by soft delete.",
    "CKV_GCP_80": "A customer's key for tables: `kms_key`, which the plan of every option uses.",
    "CKV_GCP_81": "A customer's key for the dataset: as CKV_GCP_80.",
    "CKV_GCP_83": "A customer's key for the topic of releases: it holds digests, which are not secret.",
    "CKV_GCP_84": "A customer's key for the registry: as CKV_GCP_80.",
}
"""Findings in the plan for production, by number, with the reason why each stands."""


@pytest.fixture(scope="module")
def report(plan_of: Callable[[str], Plan], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    try:
        made = environment(CHECKOV)
    except Impossible as reason:
        pytest.skip(str(reason))
    path = tmp_path_factory.mktemp("checkov") / "plan.json"
    path.write_text(json.dumps(plan_of("prod that takes").document), "utf-8")
    options = ("--framework=terraform_plan", "--skip-download", "--compact", "--output=json", f"--file={path}")
    done = subprocess.run([made.program("checkov"), *options], env=made.variables, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr  # 1: it found something
    findings: dict[str, Any] = json.loads(done.stdout)
    return findings


def test_checkov_findings_are_all_answered(report: dict[str, Any]) -> None:
    findings = [
        f"{finding['check_id']} {finding['check_name']}: {finding['resource']}"
        for finding in report["results"]["failed_checks"]
    ]
    assert [finding for finding in findings if finding.split()[0] not in ANSWERS] == []


def test_checkov_answers_are_all_needed(report: dict[str, Any]) -> None:
    numbers = {finding["check_id"] for finding in report["results"]["failed_checks"]}
    assert ANSWERS.keys() - numbers == set()


def test_checkov_checked_the_plan(report: dict[str, Any]) -> None:
    assert report["summary"]["resource_count"] >= 70
    assert report["summary"]["passed"] >= 50
    assert report["summary"]["parsing_errors"] == 0
