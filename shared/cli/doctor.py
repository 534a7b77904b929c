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


@click.command("doctor", short_help="Look at a project before an apply.")
@click.option("--project", required=True, help="The Google Cloud project's id.")
@click.option("--region", default="europe-west1", show_default=True, help="Where the functions will run.")
@click.option("--vcpus", type=click.IntRange(1), default=9, show_default=True, help="Of all instances at their most.")
@click.option("--memory-gib", type=click.FloatRange(0.5), default=4.5, show_default=True, help="Of all instances.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def command(project: str, region: str, vcpus: int, memory_gib: float, as_json: bool) -> None:
    """Say what will bite when Terraform is applied to a project, and what to do about it. Nothing is changed.

    Looked at are: Terraform and gcloud on this machine and who is signed in with each, the project, its billing, your
    permissions, APIs, organisation policies, where it can build, and the quotas of Cloud Run and Cloud Build. The
    defaults of --vcpus and --memory-gib are those of main.tf: two functions of four instances, and the sweep.

    The object of --json holds project, region and findings: about, verdict (fine, note, will bite, could not be looked
    at, did not answer), what and to_do.

    Exit codes: 0 all is fine; 1 something will bite, or could not be looked at; 2 it cannot be looked at as typed: no
    such project or region, or nobody is signed in; 4 Google did not answer.

    \b
    Example:
      bucketlens doctor --project my-project
      bucketlens doctor --project my-project --region europe-west4 --json | jq -r '.findings[] | .to_do'
    """
    try:
        patient = Patient(project, region, vcpus, memory_gib)
        google = GoogleRest(project)
        with remarks.status("Looking") as status:
            findings = examine(patient, google, ask, lambda name: status.update(f"Looking at {name}"))
    except BadRequest as error:
        raise click.UsageError(str(error)) from error
    except Transient as error:
        remarks.print(str(error), style="red", markup=False)
        sys.exit(4)
    if as_json:
        say_json({"project": project, "region": region, "findings": [one.as_json() for one in findings]}, indent=2)
    else:
        console.print(_table(findings))
    sys.exit(exit_code(findings))


def _table(findings: list[Finding]) -> Table:
    table = Table("", "looked at", "found", "what to do")
    for one in findings:
        style = STYLES[one.verdict]
        table.add_row(f"[{style}]{one.verdict}[/]", shown(one.about), shown(one.what), shown(one.to_do))
    return table
