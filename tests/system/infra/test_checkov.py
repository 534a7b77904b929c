"""checkov knows what goes wrong in clouds; whatever it says of production is mended, or answered here."""

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
    "CKV_GCP_15": "Open datasets: it wants an `access` block, which would take away what others granted. Grants are "
    "resources of their own, and plan_rules.nobody_is_everybody looks at each.",
    "CKV_GCP_49": "Impersonation: roles/eventarc.serviceAgent is what Google gives Eventarc's agent, on the project.",
    "CKV_GCP_62": "Access logs of buckets: Cloud Audit Logs say more; data access is switched on by an organisation, "
    "which pays for it.",
    "CKV_GCP_63": "A bucket that logs to itself: there is no bucket log (CKV_GCP_62).",
    "CKV_GCP_78": "Versions: archive and quarantine are written create-only, so no object has a second version; build "
    "sources live for a week. What is deleted comes back by soft delete.",
    "CKV_GCP_80": "A key of yours for tables: `kms_key`, which the plan of every option uses.",
    "CKV_GCP_81": "A key of yours for the dataset: as CKV_GCP_80.",
    "CKV_GCP_83": "A key of yours for the topic of releases: it holds digests, which are no secret.",
    "CKV_GCP_84": "A key of yours for the registry: as CKV_GCP_80.",
}
"""What it says of the plan for production, by its number, and why that stands."""


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
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_checkov_findings_are_all_answered(report: dict[str, Any]) -> None:
    found = [f"{one['check_id']} {one['check_name']}: {one['resource']}" for one in report["results"]["failed_checks"]]
    assert [one for one in found if one.split()[0] not in ANSWERS] == []


def test_checkov_answers_are_all_needed(report: dict[str, Any]) -> None:
    found = {one["check_id"] for one in report["results"]["failed_checks"]}
    assert ANSWERS.keys() - found == set()


def test_checkov_checked_the_plan(report: dict[str, Any]) -> None:
    assert report["summary"]["resource_count"] >= 70
    assert report["summary"]["passed"] >= 50
    assert report["summary"]["parsing_errors"] == 0
