#!/usr/bin/env python3
"""Fail unless Cloud Build built the images, in the project that hands over and from the named commit.

Cloud Build writes its provenance (https://slsa.dev/spec/v1.0/provenance) when a build has ended, which may be minutes
after it has handed over; so this asks again for a while. It runs before anything of what was handed over does.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from typing import Any

BUILDER = "https://cloudbuild.googleapis.com/GoogleHostedWorker"
DIGEST = re.compile(r"^(?P<place>[a-z0-9./_-]+)@sha256:(?P<digest>[0-9a-f]{64})$")
COMMIT = re.compile(r"^[0-9a-f]{40}$")
TRIES = int(os.environ.get("TRIES", "20"))
PAUSE_S = float(os.environ.get("PAUSE_S", "30"))


def main() -> None:
    """Look at each image."""
    source, commit = os.environ["SOURCE"], os.environ["COMMIT"]
    if not COMMIT.match(commit):
        sys.exit(f'_COMMIT is "{commit}", expected 40 hex digits: what was tested')
    for variable, name in (("HANDED", "serving"), ("OPERATIONS", "operations"), ("TOOLS", "pipeline")):
        image = os.environ[variable]
        found = DIGEST.match(image)
        if not found or found["place"] != f"{source}/{name}":
            sys.exit(
                f'_{variable} is "{image}", expected {source}/{name}@sha256:… with 64 hex digits: nothing else is taken'
            )
        for left in range(TRIES, 0, -1):
            faults = [faults_of(one, found["digest"], source.split("/")[1], commit) for one in provenance_of(image)]
            if [] in faults:
                print(f"{image}: built by Cloud Build from {commit}", flush=True)
                break
            if left == 1:
                said = "; ".join(sorted({fault for one in faults for fault in one})) or "there is none"
                sys.exit(f"{image} has no provenance that will do: {said}. It is not released.")
            time.sleep(PAUSE_S)


def provenance_of(image: str) -> list[dict[str, Any]]:
    """Return what Cloud Build wrote of an image, in the form of SLSA 1.0."""
    command = ["gcloud", "artifacts", "docker", "images", "describe", image, "--show-provenance", "--format=json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    occurrences = json.loads(done.stdout).get("provenance_summary", {}).get("provenance", [])
    found = [one.get("build", {}).get("inTotoSlsaProvenanceV1") for one in occurrences]
    return [one for one in found if one]


def faults_of(statement: dict[str, Any], digest: str, project: str, commit: str) -> list[str]:
    """Return what is wrong with a statement, a sentence each."""
    predicate = statement.get("predicate", {})
    run = predicate.get("runDetails", {})
    faults = []
    if not any(one.get("digest", {}).get("sha256") == digest for one in statement.get("subject", [])):
        faults.append("it is of another image")
    if run.get("builder", {}).get("id") != BUILDER:
        faults.append(f"the builder is {run.get('builder', {}).get('id')}, expected {BUILDER}")
    if f"/projects/{project}/" not in run.get("metadata", {}).get("invocationId", ""):
        faults.append(f"it was not built in {project}")
    if commit not in json.dumps(predicate.get("buildDefinition", {})):
        faults.append(f"it was not built from {commit}")
    return faults


if __name__ == "__main__":
    main()
