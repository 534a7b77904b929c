"""``bucketlens doctor``."""

from __future__ import annotations

import sys

import click
from rich.table import Table

from shared.adapters.google_rest import GoogleRest
from shared.cli.options import console, remarks
from shared.cli.terminal import say_json, shown
from shared.errors import BadRequest, Transient
from shared.operations.doctor.examination import Patient, examine
from shared.operations.doctor.findings import Finding, Verdict, exit_code
from shared.operations.doctor.programs import ask

STYLES = {
    Verdict.FINE: "green",
    Verdict.NOTE: "yellow",
    Verdict.BITES: "bold red",
    Verdict.UNSEEN: "magenta",
    Verdict.UNANSWERED: "magenta",
}


@click.command("doctor", short_help="Check a project before terraform apply.")
@click.option("--project", required=True, help="The id of the Google Cloud project.")
@click.option("--region", default="europe-west1", show_default=True, help="The region of the functions.")
@click.option(
    "--vcpus", type=click.IntRange(1), default=9, show_default=True, help="The CPUs of all instances at their maximum."
)
@click.option(
    "--memory-gib",
    type=click.FloatRange(0.5),
    default=4.5,
    show_default=True,
    help="The memory of all instances at their maximum.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def command(project: str, region: str, vcpus: int, memory_gib: float, as_json: bool) -> None:
    """Find what will fail when Terraform is applied to a project, and what to do about it. Nothing is changed.

    It checks Terraform and gcloud on this machine and the account of each, the project, its billing, your permissions,
    APIs, organisation policies, the region of builds, and the quotas of Cloud Run and Cloud Build. The defaults of
    --vcpus and --memory-gib are those of main.tf: two functions with four instances each, and the sweep.

    The object of --json has project, region and findings: about, verdict (fine, note, will bite, could not be looked
    at, did not answer), what and to_do.

    Exit codes: 0 all is fine; 1 a finding will bite, or could not be looked at; 2 there is no such project or region,
    or no account is signed in; 4 Google did not answer.

    \b
    Example:
      bucketlens doctor --project my-project
      bucketlens doctor --project my-project --region europe-west4 --json | jq -r '.findings[] | .to_do'
    """
    try:
        patient = Patient(project, region, vcpus, memory_gib)
        google = GoogleRest(project)
        with remarks.status("Checking") as status:
            findings = examine(patient, google, ask, lambda name: status.update(f"Checking {name}"))
    except BadRequest as error:
        raise click.UsageError(str(error)) from error
    except Transient as error:
        remarks.print(str(error), style="red", markup=False)
        sys.exit(4)
    if as_json:
        say_json(
            {"project": project, "region": region, "findings": [finding.as_json() for finding in findings]}, indent=2
        )
    else:
        console.print(_table(findings))
    sys.exit(exit_code(findings))


def _table(findings: list[Finding]) -> Table:
    table = Table("", "looked at", "found", "what to do")
    for finding in findings:
        style = STYLES[finding.verdict]
        verdict = f"[{style}]{finding.verdict}[/]"
        table.add_row(verdict, shown(finding.about), shown(finding.what), shown(finding.to_do))
    return table
