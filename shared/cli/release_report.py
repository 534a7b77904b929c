"""How a release is shown: the services' revisions, and a verdict with its evidence."""

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
    """Return a service for programs."""
    return {
        "service": standing.service,
        "champion": standing.champion,
        "challenger": standing.challenger,
        "previous": standing.previous,
        "traffic": [asdict(target) for target in standing.traffic],
        "revisions": [
            {**asdict(one), "created_at": one.created_at.isoformat() if one.created_at else None}
            for one in standing.revisions
        ],
    }


def print_standings(standings: list[Standing]) -> None:
    """Show which revisions there are, and what each gets."""
    console.print(standings_table(standings))


def standings_table(standings: list[Standing]) -> Table:
    """Return which revisions there are, and what each gets, for a terminal."""
    table = Table()
    table.add_column("service", no_wrap=True)  # in 80 columns both would be "classify-…"
    for column in ("revision", "role", "traffic", "serves", "since"):
        table.add_column(column, overflow="fold")
    for standing in standings:
        in_traffic = [target.revision for target in standing.traffic]
        ordered = sorted(standing.revisions, key=lambda one: one.name not in in_traffic)
        for one in ordered[:REVISIONS_SHOWN]:
            serves = " ".join(filter(None, (one.image, typed_bundles(one.bundle or "")))) or "?"
            since = one.created_at.strftime("%Y-%m-%d %H:%M") if one.created_at else ""
            state = "" if one.is_ready else " [red]not ready[/]"
            percent = f"{standing.percent_of(one.name)} %" if one.name in in_traffic else ""
            named = (standing.service, one.name, role_of(standing, one.name), percent, serves, since)
            service, revision, *rest = map(shown, named)
            table.add_row(service, revision + state, *rest)
    return table


def what_to_commit(standings: list[Standing]) -> str:
    """Return the line of an environment's .tfvars file with which Terraform's next apply keeps what now serves."""
    champions = [standing.find(standing.champion) for standing in standings]
    bundles = dict.fromkeys(one.bundle for one in champions if one)
    lines = "".join(f'\n  model_bundle = "{bundle}"' for bundle in bundles if bundle)
    if not lines:
        return "The image's own model serves; leave model_bundle out of infra/environments/*.tfvars."
    return f"Write this into the environment's file in infra/environments, or the next apply takes it back:{lines}"


def role_of(standing: Standing, revision: str) -> str:
    """Return what a revision is in a release, in a word; nothing where it is nothing."""
    if revision == standing.challenger:
        return CHALLENGER
    if revision == standing.champion:
        return "champion"
    return PREVIOUS if revision == standing.previous else ""


def verdict_json(asked: ComparisonQuery, found: Comparison, verdict: Verdict) -> dict[str, Any]:
    """Return a verdict with its evidence for programs."""
    return {
        "finding": verdict.finding,
        "why": verdict.why,
        "exit_code": verdict.exit_code,
        "champion": {"revisions": asked.champion, **asdict(found.champion)},
        "challenger": {"revisions": asked.challenger, **asdict(found.challenger)},
        "shared": found.shared,
        "agreed": found.agreed,
        "evidence": [asdict(one) for one in verdict.evidence],
        "pairs": [asdict(pair) for pair in found.pairs],
    }


def print_verdict(asked: ComparisonQuery, found: Comparison, verdict: Verdict) -> None:
    """Show a verdict with its evidence."""
    table = Table("criterion", "champion", "challenger", "asked for", "finding")
    for one in verdict.evidence:
        table.add_row(one.criterion, one.champion, one.challenger, one.asked, f"[{COLOURS[one.finding]}]{one.finding}")
    console.print(
        f"champion    {', '.join(asked.champion)}\nchallenger  {', '.join(asked.challenger)}", highlight=False
    )
    console.print(table)
    for pair in [pair for pair in found.pairs if pair.champion != pair.challenger][:PAIRS_SHOWN]:
        said = f"{pair.pictures} × the champion says {pair.champion}, the challenger {pair.challenger}"
        console.print(said, highlight=False)
    console.print(f"[{COLOURS[verdict.finding]}]{verdict.finding}[/]: {verdict.why}", highlight=False, soft_wrap=True)
