"""The section of the periodic report about how right the model is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shared.monitoring.audited_accuracy import AuditedAccuracy, Measured
from shared.reporting.document import Block, Column, Paragraph, Section, Table
from shared.reporting.facts import PeriodFacts
from shared.reporting.plots_of_accuracy import confusion_plot
from shared.reporting.visible_text import cut
from shared.reporting.wording import count, counted, percent

MOST_CONFUSED = 12
"""Labels of a confusion matrix; all others share a row and a column."""

MOST_AUDITED = 20
"""Labels whose figures are in the table."""


def accuracy_section(facts: PeriodFacts) -> Section:
    """Return how right the model is on the audit sample."""
    title, audit = "Accuracy on audited labels", facts.audit
    if facts.main is None:
        return Section(title, (Paragraph("There is nothing to audit, since no picture was classified."),))
    if facts.bundle is None:
        return Section(
            title, (Paragraph("Nothing was audited: the bundle is not at hand, which has the model's labels."),)
        )
    if audit.accuracy is None:
        sample = counted(facts.audit_sample, "picture")
        text = f"No label counts yet. The audit sample, a uniform {100 * facts.audit_share:g} % of all uploads "
        text += f"since {facts.audit_since}, has {sample}"
        text += (
            "; label them: the view audit_queue lists them."
            if facts.audit_sample
            else ", so there is nothing to label."
        )
        return Section(title, (Paragraph(text),))
    blocks: list[Block] = [
        Paragraph(
            f"{_interval(audit.accuracy)} of {counted(audit.pictures, 'picture')} are right, with the 95 % interval in "
            f"brackets. They are the labelled pictures of the audit sample since {facts.audit_since}, a uniform "
            f"{100 * facts.audit_share:g} % of all uploads, so the figures hold for all uploads. Other labels do not "
            "count: those of the review queue are of the hardest pictures."
        ),
        confusion_block(audit, facts.bundle.manifest.labels),
        figures_table(audit),
    ]
    if audit.unknown_labels:
        unknown = ", ".join(f"{cut(label, 60)} ({count(number)})" for label, number in audit.unknown_labels[:10])
        blocks.append(Paragraph(f"People gave labels that the model does not know: {unknown}."))
    return Section(title, tuple(blocks))


def _interval(measured: Measured | None) -> str:
    if measured is None:
        return "–"
    return f"{percent(measured.value)} ({100 * measured.low:.1f} to {100 * measured.high:.1f})"


def figures_table(audit: AuditedAccuracy) -> Table:
    """Return precision, recall, F1 and AUC of the labels with most pictures."""

    def weight(index: int) -> int:
        return sum(audit.confusion[index]) + sum(row[index] for row in audit.confusion)

    order = sorted(range(len(audit.by_label)), key=lambda index: (-weight(index), index))[:MOST_AUDITED]
    rows = tuple(
        (
            cut(figures.label),
            count(sum(audit.confusion[index])),
            *(_interval(value) for value in (figures.precision, figures.recall, figures.f1, figures.auc)),
        )
        for index in sorted(order)
        for figures in [audit.by_label[index]]
    )
    names = ("pictures", "precision", "recall", "F1", "AUC")
    left_out = len(audit.by_label) - len(rows)
    note = f"The mean F1 is {_interval(audit.macro_f1)}."
    note += f" {counted(left_out, 'label')} with fewer pictures {'is' if left_out == 1 else 'are'} left out." * bool(
        left_out
    )
    return Table("Figures by label", (Column("label"), *(Column(name, True) for name in names)), rows, note)


def confusion_block(audit: AuditedAccuracy, labels: Sequence[str]) -> Block:
    """Return the matrix of the labels with most pictures; all others share a row and a column."""
    matrix = np.asarray(audit.confusion, np.int64)
    weights = matrix[:-1].sum(axis=1) + matrix.sum(axis=0)
    kept = sorted(np.argsort(-weights, kind="stable")[:MOST_CONFUSED].tolist())
    others = [index for index in range(len(labels)) if index not in kept]
    right = int(np.trace(matrix))
    names = [labels[index] for index in kept]
    columns = matrix[:, kept]
    if others:
        columns = np.column_stack([columns, matrix[:, others].sum(axis=1)])
        names.append(f"{len(others)} others")
    rows, truths = columns[kept], list(names)
    if others:
        rows = np.vstack([rows, columns[others].sum(axis=0)])
    if matrix[-1].any():
        rows, truths = np.vstack([rows, columns[-1]]), [*truths, "unknown to the model"]
    return confusion_plot("confusion", "Labels of people and of the model", truths, names, rows.tolist(), right)
