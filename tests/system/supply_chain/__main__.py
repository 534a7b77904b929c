"""``python -m tests.system.supply_chain audit|bom|licences``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from tests.environments import Impossible
from tests.system.supply_chain import audit as auditing
from tests.system.supply_chain.shipped import ROOT, bill_of_materials, licences, tool

BOM = ROOT / "build" / "bom.json"
T = TypeVar("T")
LICENCES = ROOT / "docs" / "licences.md"


@click.group()
def main() -> None:
    """Check the dependencies; tools are installed separately, once, below .bucketlens/environments."""


@main.command()
def audit() -> None:
    """Query the known vulnerabilities of all locked packages.

    Exit code: 0, none without an explanation; 1, some; 2, the database did not answer.
    """
    worst, pip_audit = 0, _or_say_why(lambda: tool("pip-audit"))
    for lock in auditing.lock_files():
        name = lock.relative_to(ROOT)
        try:
            vulnerabilities = auditing.audited(lock, pip_audit)
        except auditing.NoAnswer as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(2)
        bad = [vulnerability for vulnerability in vulnerabilities if not vulnerability.is_accepted]
        click.echo(f"{name}: {len(bad)} to fix, {len(vulnerabilities) - len(bad)} explained")
        for vulnerability in vulnerabilities:
            why = auditing.ACCEPTED.get(vulnerability.id)
            click.echo(
                f"  {vulnerability.package}: {vulnerability.id}, "
                f"fixed in {vulnerability.fixed_in}: {why or vulnerability.text}"
            )
        worst = max(worst, int(bool(bad)))
    sys.exit(worst)


@main.command()
def bom() -> None:
    """Write the bill of materials of the shipped packages, CycloneDX JSON, to build/bom.json."""
    content = _or_say_why(bill_of_materials)
    BOM.parent.mkdir(exist_ok=True)
    BOM.write_text(content, "utf-8")
    click.echo(f"Wrote {BOM.relative_to(Path.cwd()) if BOM.is_relative_to(Path.cwd()) else BOM}")


@main.command("licences")
def write_licences() -> None:
    """Write the licences of the shipped packages into docs/licences.md."""
    before, _, rest = LICENCES.read_text("utf-8").partition("<!-- licences -->\n")
    _, _, after = rest.partition("<!-- /licences -->")
    table = _or_say_why(licences)
    LICENCES.write_text(f"{before}<!-- licences -->\n{table}\n<!-- /licences -->{after}", "utf-8")
    click.echo(f"Wrote {LICENCES.name}: {table.count(chr(10)) - 1} packages")


def _or_say_why(made: Callable[[], T]) -> T:
    try:
        return made()
    except (Impossible, RuntimeError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
