"""Tests that a release verifies Cloud Build's provenance before it runs: who built it, where, and from what."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.emulators.contract.discovery import document_of
from tests.emulators.contract.values import faults_in_json
from tests.environments import ROOT

SOURCE = "europe-west1-docker.pkg.dev/preprod/bucketlens"
COMMIT = "c0ffee" + "0" * 34
DIGEST = "a" * 64
IMAGES = {"HANDED": "serving", "OPERATIONS": "operations", "TOOLS": "pipeline"}
"""Images by the substitution that names them."""

STATEMENT: dict[str, Any] = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": f"https://{SOURCE}/serving:build-1", "digest": {"sha256": DIGEST}}],
    "predicateType": "https://slsa.dev/provenance/v1",
    "predicate": {
        "buildDefinition": {
            "buildType": "https://cloud.google.com/build/gcb-buildtypes/google-worker/v1",
            "externalParameters": {},
            "internalParameters": {"triggerUri": "projects/1/locations/europe-west1/triggers/build"},
            "resolvedDependencies": [{"uri": "git+https://github.com/you/bucketlens", "digest": {"gitCommit": COMMIT}}],
        },
        "runDetails": {
            "builder": {"id": "https://cloudbuild.googleapis.com/GoogleHostedWorker"},
            "metadata": {
                "invocationId": "https://cloudbuild.googleapis.com/v1/projects/preprod/locations/europe-west1/builds/b"
            },
        },
    },
}
"""A statement as https://cloud.google.com/build/docs/securing-builds/view-build-provenance describes it."""


def verified(folder: Path, statements: list[dict[str, Any]], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script with a gcloud that prints these statements."""
    document = {
        "provenance_summary": {
            "provenance": [{"build": {"inTotoSlsaProvenanceV1": statement}} for statement in statements]
        }
    }
    (folder / "provenance.json").write_text(json.dumps(document if statements else {}))
    (folder / "gcloud").write_text(f'#!/bin/sh\necho "$*" >>"{folder}/calls"\ncat "{folder}/provenance.json"\n')
    (folder / "gcloud").chmod(0o755)
    values = {variable: f"{SOURCE}/{name}@sha256:{DIGEST}" for variable, name in IMAGES.items()}
    values |= {"COMMIT": COMMIT, "SOURCE": SOURCE, "TRIES": "2", "PAUSE_S": "0", **variables}
    command = [sys.executable, str(ROOT / "infra" / "pipeline" / "verify.py")]
    environment = {"PATH": f"{folder}:/usr/bin:/bin", **values}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_provenance_statement_matches_googles_schema() -> None:
    schemas = document_of("containeranalysis", "v1")["schemas"]
    assert list(faults_in_json("statement", STATEMENT, schemas["InTotoSlsaProvenanceV1"], schemas)) == []


def test_provenance_admits_images_that_cloud_build_made_from_the_commit(tmp_path: Path) -> None:
    done = verified(tmp_path, [STATEMENT])
    assert done.returncode == 0, done.stderr
    looked_at = [call.split()[4] for call in (tmp_path / "calls").read_text().splitlines()]
    assert looked_at == [f"{SOURCE}/{name}@sha256:{DIGEST}" for name in IMAGES.values()]


def _builder(statement: dict[str, Any]) -> None:
    statement["predicate"]["runDetails"]["builder"]["id"] = "https://example.com/my-laptop"


def _project(statement: dict[str, Any]) -> None:
    run = statement["predicate"]["runDetails"]["metadata"]
    run["invocationId"] = run["invocationId"].replace("/preprod/", "/other/")


def _commit(statement: dict[str, Any]) -> None:
    statement["predicate"]["buildDefinition"]["resolvedDependencies"][0]["digest"]["gitCommit"] = "d" * 40


def _subject(statement: dict[str, Any]) -> None:
    statement["subject"][0]["digest"]["sha256"] = "b" * 64


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_builder, "the builder is https://example.com/my-laptop"),
        (_project, "it was not built in preprod"),
        (_commit, f"it was not built from {COMMIT}"),
        (_subject, "it is of another image"),
    ],
)
def test_provenance_refuses_images_of_another_origin(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], None], message: str
) -> None:
    statement = copy.deepcopy(STATEMENT)
    spoil(statement)
    done = verified(tmp_path, [statement])
    assert done.returncode == 1
    assert message in done.stderr


def test_provenance_refuses_images_without_any_after_a_while(tmp_path: Path) -> None:
    done = verified(tmp_path, [])
    assert done.returncode == 1
    assert "there is none" in done.stderr
    assert len((tmp_path / "calls").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("COMMIT", "main", "expected 40 hex digits"),
        ("HANDED", f"{SOURCE}/serving:latest", "nothing else is taken"),
        ("OPERATIONS", "", "nothing else is taken"),
        ("TOOLS", f"docker.io/you/pipeline@sha256:{DIGEST}", "nothing else is taken"),
        ("TOOLS", f"{SOURCE}/serving@sha256:{DIGEST}", "nothing else is taken"),
    ],
)
def test_provenance_is_not_queried_for_a_foreign_digest(
    tmp_path: Path, variable: str, value: str, message: str
) -> None:
    done = verified(tmp_path, [STATEMENT], **{variable: value})
    assert done.returncode == 1
    assert message in done.stderr
    assert variable != "HANDED" or not (tmp_path / "calls").exists()
