"""Print a release: the revisions of its services, and a verdict with its evidence."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.table import Table

from shared.cli.bundle_names import typed_bundles
from shared.cli.options import console
from shared.cli.terminal import shown
from shared.release.criteria import Finding, Verdict
from shared.release.metrics import Comparison, ComparisonQuery
from shared.release.revisions import CHALLENGER, PREVIOUS, Standing

COLOURS = {Finding.GOOD: "green", Finding.WORSE: "red", Finding.UNKNOWN: "yellow"}
PAIRS_SHOWN = 5
REVISIONS_SHOWN = 8


def standing_json(standing: Standing) -> dict[str, Any]:
    """Return the state of a service as JSON."""
    return {
        "service": standing.service,
        "champion": standing.champion,
        "challenger": standing.challenger,
        "previous": standing.previous,
        "traffic": [asdict(target) for target in standing.traffic],
        "revisions": [
            {**asdict(revision), "created_at": revision.created_at.isoformat() if revision.created_at else None}
            for revision in standing.revisions
        ],
    }


def print_standings(standings: list[Standing]) -> None:
    """Print the revisions of services with their roles and traffic."""
    console.print(standings_table(standings))


def standings_table(standings: list[Standing]) -> Table:
    """Return a table of the revisions of services with their roles and traffic."""
    table = Table()
    table.add_column("service", no_wrap=True)  # wrapped at 80 columns, both names would be "classify-…"
    for column in ("revision", "role", "traffic", "serves", "since"):
        table.add_column(column, overflow="fold")
    for standing in standings:
        in_traffic = [target.revision for target in standing.traffic]
        ordered = sorted(standing.revisions, key=lambda revision: revision.name not in in_traffic)
        for revision in ordered[:REVISIONS_SHOWN]:
            serves = " ".join(filter(None, (revision.image, typed_bundles(revision.bundle or "")))) or "?"
            since = revision.created_at.strftime("%Y-%m-%d %H:%M") if revision.created_at else ""
            state = "" if revision.is_ready else " [red]not ready[/]"
            percent = f"{standing.percent_of(revision.name)} %" if revision.name in in_traffic else ""
            role = role_of(standing, revision.name)
            cells = (standing.service, revision.name, role, percent, serves, since)
            service, name, *others = map(shown, cells)
            table.add_row(service, name + state, *others)
    return table


def what_to_commit(standings: list[Standing]) -> str:
    """Return the line for an environment's .tfvars file that keeps the promoted model at the next apply."""
    champions = [standing.find(standing.champion) for standing in standings]
    bundles = dict.fromkeys(champion.bundle for champion in champions if champion)
    lines = "".join(f'\n  model_bundle = "{bundle}"' for bundle in bundles if bundle)
    if not lines:
        return "The image's own model serves; remove model_bundle from infra/environments/*.tfvars."
    return f"Add this to the environment's file in infra/environments, or the next apply restores the old model:{lines}"


def role_of(standing: Standing, revision: str) -> str:
    """Return the role of a revision in a release; empty if it has none."""
    if revision == standing.challenger:
        return CHALLENGER
    if revision == standing.champion:
        return "champion"
    return PREVIOUS if revision == standing.previous else ""


def verdict_json(query: ComparisonQuery, comparison: Comparison, verdict: Verdict) -> dict[str, Any]:
    """Return a verdict with its evidence as JSON."""
    return {
        "finding": verdict.finding,
        "why": verdict.why,
        "exit_code": verdict.exit_code,
        "champion": {"revisions": query.champion, **asdict(comparison.champion)},
        "challenger": {"revisions": query.challenger, **asdict(comparison.challenger)},
        "shared": comparison.shared,
        "agreed": comparison.agreed,
        "evidence": [asdict(row) for row in verdict.evidence],
        "pairs": [asdict(pair) for pair in comparison.pairs],
    }


def print_verdict(query: ComparisonQuery, comparison: Comparison, verdict: Verdict) -> None:
    """Print a verdict with its evidence."""
    table = Table("criterion", "champion", "challenger", "limit", "finding")
    for row in verdict.evidence:
        table.add_row(row.criterion, row.champion, row.challenger, row.asked, f"[{COLOURS[row.finding]}]{row.finding}")
    console.print(
        f"champion    {', '.join(query.champion)}\nchallenger  {', '.join(query.challenger)}", highlight=False
    )
    console.print(table)
    for pair in [pair for pair in comparison.pairs if pair.champion != pair.challenger][:PAIRS_SHOWN]:
        line = f"{pair.pictures} × {pair.champion} by the champion, {pair.challenger} by the challenger"
        console.print(line, highlight=False)
    console.print(f"[{COLOURS[verdict.finding]}]{verdict.finding}[/]: {verdict.why}", highlight=False, soft_wrap=True)
