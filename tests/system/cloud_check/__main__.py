"""Check a deployment in an empty project, from apply to destroy: ``python -m tests.system.cloud_check``."""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click

from shared.errors import BadRequest
from shared.local.demo.drawings import drawings
from shared.operations.doctor.examination import Patient
from tests.system.chaos.document import write_between
from tests.system.cloud_check.check import Check
from tests.system.cloud_check.cost import confirmation, most_usd
from tests.system.cloud_check.shell import Shell
from tests.system.cloud_check.steps import REGION, STEPS, in_region
from tests.system.cloud_check.transcript import Transcript, proved

ROOT = Path(__file__).parents[3]
MARK = "cloud-check"
DOCUMENT = click.Path(exists=True, dir_okay=False, path_type=Path)
PROGRAMS = ("bash", "bq", "curl", "gcloud", "git", "terraform")
QUIET = {
    "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
    "TF_CLI_ARGS": "-no-color",
    "TF_CLI_ARGS_apply": "-input=false -auto-approve",
    "TF_CLI_ARGS_destroy": "-input=false -auto-approve",
    "TF_CLI_ARGS_init": "-input=false",
    "TF_CLI_ARGS_plan": "-input=false",
    "TF_IN_AUTOMATION": "1",
}
"""Variables that keep programs from asking questions."""


@click.command()
@click.option("--project", required=True, help="The project's id: yours, with billing, and empty.")
@click.option("--region", default=REGION, show_default=True, help="Of all that is made.")
@click.option("--confirm", default="", help="The sentence that confirms project and cost.")
@click.option("--write", "document", type=DOCUMENT, help="Also write the transcript between this document's marks.")
@click.option(
    "--transcript", "path", type=click.Path(dir_okay=False, path_type=Path), default=Path("build/cloud-check.md")
)
def main(project: str, region: str, confirm: str, document: Path | None, path: Path) -> None:
    """Apply the test environment, upload, call, load, plan again, tear down; and write down all of it.

    You must be signed in: gcloud auth login, and gcloud auth application-default login. The checkout is copied, so
    nothing is left in it. A step that fails, or Ctrl-C, still tears down.

    Exit codes: 0 every step passed, and nothing is left; 1 a step failed, or something is left, and the output names
    it; 2 it was not begun: the confirmation or a program is missing.

    \b
    Example:
      python -m tests.system.cloud_check --project my-project --confirm 'my-project costs about $2'
    """
    try:
        Patient(project, region, vcpus=1, memory_gib=1)
    except BadRequest as error:
        raise click.UsageError(str(error)) from error
    if confirm != confirmation(project):
        raise click.UsageError(
            f"This makes a deployment in {project}, and removes it again with everything that is in it; it costs about "
            f"${most_usd()}. To start, add: CONFIRM='{confirmation(project)}'"
        )
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        raise click.UsageError(f"{', '.join(missing)} cannot be found, expected on PATH: {', '.join(PROGRAMS)}.")
    with tempfile.TemporaryDirectory(prefix="cloud-check-") as folder:
        tree = copied_tree(Path(folder) / "tree")
        transcript = Transcript({str(tree): ".", str(Path.home()): "~", project: "my-project"})
        check = Check(Shell(tree, variables_for(project, _account())), transcript, _say)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: check.interrupt())
        is_well = check.run(in_region(STEPS, region))
    text = transcript.as_markdown(_heading(transcript, is_well=is_well))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    click.echo(f"The transcript is in {path}.")
    if document:
        write_between(document, MARK, text.rstrip())
    sys.exit(0 if is_well else 1)


def copied_tree(tree: Path) -> Path:
    """Copy the files that git tracks, as they are now, and draw the picture that is uploaded."""
    names = (
        subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    )
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    drawings()["daisy"].save(tree / "photo.jpg", quality=92)
    return tree


def variables_for(project: str, account: str) -> dict[str, str]:
    """Return the environment of the block in docs/deployment.md, with this Python's programs first on PATH."""
    kept = {name: text for name, text in os.environ.items() if not re.match(r"TF_|CLOUDSDK_CORE_PROJECT", name)}
    return {
        **kept,
        **QUIET,
        "CLOUDSDK_CORE_PROJECT": project,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TF_VAR_invokers": f'["user:{account}"]',
        "TF_VAR_project": project,
    }


def _say(line: str) -> None:
    """Write a line to stderr immediately; a signal's handler may do so while another line is being written."""
    os.write(sys.stderr.fileno(), f"{line}\n".encode())


def _account() -> str:
    done = subprocess.run(["gcloud", "config", "get", "account"], capture_output=True, text=True)
    account = done.stdout.strip()
    if "@" not in account:
        raise click.UsageError("gcloud has no account, expected one; sign in with: gcloud auth login")
    return account


def _heading(transcript: Transcript, *, is_well: bool) -> str:
    claims = "; ".join(proved(transcript.entries)) or "nothing"
    result = "Every step went well" if is_well else "A step failed"
    return (
        f"`make cloud-check`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.system()}, Python "
        f"{platform.python_version()}. {result}. Held in a real project: {claims}."
    )


if __name__ == "__main__":
    main()
