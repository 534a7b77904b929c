"""Check gcloud and Terraform on this machine, and the account of each: they have separate credentials."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

from shared.adapters.google_rest import RestReader
from shared.operations.doctor.findings import Finding, Verdict, bites, fine

TERRAFORM = (1, 9)
"""The least; infra is written for it."""

LONGEST_S = 60

Ask = Callable[..., Any]
"""Runs a program and returns the JSON that it prints; None where it is not installed, or fails."""


def ask(*command: str) -> Any:
    """Run a program without input; see ``Ask``."""
    program = shutil.which(command[0])
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=True,
        )
        return json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def terraform(ask: Ask) -> Iterator[Finding]:
    """Yield whether Terraform is installed and new enough."""
    version = (ask("terraform", "version", "-json") or {}).get("terraform_version")
    where = "https://developer.hashicorp.com/terraform/install"
    if version is None:
        yield bites("terraform", "it is not installed, or does not start", f"Install it: {where}")
    elif tuple(int(part) for part in version.split("-")[0].split(".")[:2]) < TERRAFORM:
        yield bites(
            "terraform", f"version {version}, expected {'.'.join(map(str, TERRAFORM))} or later", f"Renew it: {where}"
        )
    else:
        yield fine("terraform", f"version {version}")


def gcloud(ask: Ask) -> Iterator[Finding]:
    """Yield whether gcloud and its bq are installed."""
    parts = ask("gcloud", "version", "--format=json")
    if parts is None:
        yield bites(
            "gcloud", "it is not installed, or does not start", "Install it: https://cloud.google.com/sdk/docs/install"
        )
    elif "bq" not in parts:
        yield bites("gcloud", "its bq is missing, which shows the rows", "gcloud components install bq")
    else:
        yield fine("gcloud", f"version {parts.get('Google Cloud SDK', 'unknown')}")


def signed_in(ask: Ask, google: RestReader) -> Iterator[Finding]:
    """Yield the accounts of Terraform and gcloud, and whether they are the same."""
    terraform_is = google.account()
    active = [
        entry["account"]
        for entry in ask("gcloud", "auth", "list", "--format=json") or []
        if entry.get("status") == "ACTIVE"
    ]
    shown = terraform_is or "an account whose address Google does not report"
    yield fine("signed in, Terraform", f"application default credentials of {shown}")
    if not active:
        yield bites(
            "signed in, gcloud",
            "no account is signed in to gcloud, which builds the image and uploads pictures",
            "gcloud auth login",
        )
    elif terraform_is and active[0] != terraform_is:
        yield Finding(
            "signed in, gcloud",
            Verdict.NOTE,
            f"gcloud acts as {active[0]}, Terraform as {terraform_is}",
            f"If that is not meant: gcloud config set account {terraform_is}",
        )
    else:
        yield fine("signed in, gcloud", f"gcloud acts as {active[0]}")
