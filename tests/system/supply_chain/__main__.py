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
    """Look at what we build on; tools are installed apart, once, below .bucketlens/environments."""


@main.command()
def audit() -> None:
    """Ask for known vulnerabilities of everything that is locked.

    Exit code: 0, none that is not explained; 1, some; 2, the database did not answer, so nobody knows.
    """
    worst, pip_audit = 0, _or_say_why(lambda: tool("pip-audit"))
    for lock in auditing.lock_files():
        name = lock.relative_to(ROOT)
        try:
            found = auditing.audited(lock, pip_audit)
        except auditing.NotAsked as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(2)
        bad = [one for one in found if not one.is_accepted]
        click.echo(f"{name}: {len(bad)} to mend, {len(found) - len(bad)} explained")
        for one in found:
            why = auditing.ACCEPTED.get(one.id)
            click.echo(f"  {one.package}: {one.id}, mended in {one.mended_in}: {why or one.text}")
        worst = max(worst, int(bool(bad)))
    sys.exit(worst)


@main.command()
def bom() -> None:
    """Write the bill of materials of what ships, CycloneDX JSON, to build/bom.json."""
    content = _or_say_why(bill_of_materials)
    BOM.parent.mkdir(exist_ok=True)
    BOM.write_text(content, "utf-8")
    click.echo(f"Wrote {BOM.relative_to(Path.cwd()) if BOM.is_relative_to(Path.cwd()) else BOM}")


@main.command("licences")
def write_licences() -> None:
    """Write the licences of what ships into docs/licences.md."""
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
