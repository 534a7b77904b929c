"""Print a judgement: the verdict, its evidence, the audit, and whether a retraining is proposed."""

from __future__ import annotations

from rich.table import Table

from shared.cli.options import console
from shared.cli.terminal import shown
from shared.monitoring.judge import Judgement
from shared.monitoring.verdict import State

COLOURS = {State.STEADY: "green", State.DRIFTING: "yellow", State.HARMED: "red", State.UNKNOWN: "yellow"}

LABELS_SHOWN = 30


def print_judgement(judgement: Judgement) -> None:
    """Print a judgement for people."""
    verdict, window = judgement.verdict, judgement.window
    console.print(f"model   {shown(judgement.model)} ({judgement.model.digest[:12]})", highlight=False)
    console.print(
        f"window  {window.since:%Y-%m-%d %H:%M} to {window.until:%Y-%m-%d %H:%M} UTC, {_pictures(judgement)}",
        highlight=False,
    )
    if judgement.reference:
        compared = f"{len(judgement.reference.pictures):,} pictures: {judgement.reference.source}"
        console.print(f"against {shown(compared)}", highlight=False)
    for model, rows in judgement.other_models:
        console.print(f"not judged: {rows:,} {'row' if rows == 1 else 'rows'} of {shown(model)}", highlight=False)
    console.print(_evidence(judgement))
    if verdict.audit.by_label:
        console.print(_by_label(judgement))
    colour = COLOURS[verdict.state]
    console.print(f"[{colour}]{verdict.state}[/]: {shown(verdict.why)}", highlight=False, soft_wrap=True)
    for line in _proposal(judgement):
        console.print(shown(line), highlight=False, soft_wrap=True)


def _pictures(judgement: Judgement) -> str:
    compared = len(judgement.window.pictures)
    if judgement.is_sampled:
        return f"{compared:,} of {judgement.rows:,} pictures, chosen uniformly"
    return f"{compared:,} {'picture' if compared == 1 else 'pictures'}"


def _evidence(judgement: Judgement) -> Table:
    table = Table("evidence", "")
    for item in judgement.verdict.evidence:
        table.add_row(item.subject, shown(item.words))
    return table


def _by_label(judgement: Judgement) -> Table:
    table = Table(title="Audited, with 95 % intervals", title_justify="left")
    for column in ("label", "precision", "recall", "F1", "AUC"):
        table.add_column(column, overflow="fold")
    figures = judgement.verdict.audit.by_label
    for row in figures[:LABELS_SHOWN]:
        cells = (row.precision, row.recall, row.f1, row.auc)
        table.add_row(
            shown(row.label),
            *("–" if cell is None else f"{cell.value:.2f} ({cell.low:.2f}–{cell.high:.2f})" for cell in cells),
        )
    if len(figures) > LABELS_SHOWN:
        table.caption = f"{len(figures) - LABELS_SHOWN:,} more labels with --json"
    return table


def _proposal(judgement: Judgement) -> list[str]:
    proposal = judgement.proposal
    if proposal.is_proposed:
        return ["A retraining is proposed; nothing starts it.", *(f"  {reason}" for reason in proposal.reasons)]
    if proposal.held_back:
        return [f"No retraining is proposed yet. {proposal.held_back}", *(f"  {item}" for item in proposal.reasons)]
    return ["No retraining is proposed."]
