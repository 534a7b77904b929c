"""The page behind ``bucketlens monitor --report``: a verdict, and everything that speaks for it."""

from __future__ import annotations

from collections import Counter

import numpy as np

from shared.monitoring.drift import EMBEDDINGS, LABELS, NOVELTY, Drift
from shared.monitoring.judge import Judgement
from shared.monitoring.verdict import State
from shared.monitoring.window import STATISTICS, Floats
from shared.reporting.document import (
    Block,
    Bullets,
    Column,
    Document,
    KeyFigure,
    KeyFigures,
    Paragraph,
    Remark,
    Section,
    Table,
    Tone,
)
from shared.reporting.html_page import html_page
from shared.reporting.plots import Histogram, distribution_plot, shares_plot
from shared.reporting.plots_of_accuracy import Interval, intervals_plot
from shared.reporting.section_of_accuracy import confusion_block, figures_table
from shared.reporting.visible_text import cut
from shared.reporting.wording import count, counted, moment, percent

TITLES = {
    State.STEADY: ("Steady.", Tone.GOOD),
    State.DRIFTING: ("Drifting, harmless so far.", Tone.CAUTION),
    State.HARMED: ("Harmed.", Tone.BAD),
    State.UNKNOWN: ("Unknown.", Tone.NEUTRAL),
}

UNITS = {
    "brightness": "brightness, 0 to 1",
    "contrast": "contrast",
    "sharpness": "sharpness",
    "saturation": "saturation, 0 to 1",
    "colourfulness": "colourfulness",
    "aspect": "width / height",
}

BINS = 24
MOST_LABELS = 20
MOST_WINDOWS = 30


def verdict_page(judgement: Judgement) -> str:
    """Return the page of a judgement, HTML that stands alone; the same judgement always gives the same page."""
    return html_page(verdict_document(judgement))


def verdict_document(judgement: Judgement) -> Document:
    """Return the document of a judgement."""
    verdict, window = judgement.verdict, judgement.window
    title, tone = TITLES[verdict.state]
    return Document(
        title=f"Verdict on {cut(str(judgement.model), 80)}",
        subtitle=f"Uploads from {moment(window.since)} to {moment(window.until)}",
        summary=(Remark(title, cut(verdict.why, 1000), tone), _key_figures(judgement)),
        sections=(
            _evidence(judgement),
            _accuracy(judgement),
            _drift(judgement),
            _proposal(judgement),
            _earlier(judgement),
        ),
        closing=_closing(judgement),
    )


def _key_figures(judgement: Judgement) -> KeyFigures:
    verdict, compared = judgement.verdict, len(judgement.window.pictures)
    remark = f"{count(compared)} of them compared" if judgement.is_sampled else ""
    figures = [KeyFigure("Pictures", count(judgement.rows), remark)]
    if (band := verdict.band) is not None:
        figures.append(KeyFigure("Accuracy, estimated", f"{100 * band.low:.1f}–{100 * band.high:.1f} %"))
    if (accuracy := verdict.audit.accuracy) is not None:
        remark = f"{100 * accuracy.low:.1f} to {100 * accuracy.high:.1f} %, of {count(accuracy.of)}"
        figures.append(KeyFigure("Accuracy, audited", percent(accuracy.value), remark))
    if verdict.floor is not None:
        figures.append(KeyFigure("Floor", percent(verdict.floor), "below it, the model is harmed"))
    if (share := judgement.unfamiliar_share) is not None:
        figures.append(KeyFigure("Unfamiliar", percent(share)))
    if (drift := verdict.drift) is not None:
        figures.append(KeyFigure("Drift", f"{len(drift.drifted)} of {counted(len(drift.tests), 'test')}"))
    return KeyFigures(tuple(figures))


def _evidence(judgement: Judgement) -> Section:
    rows = tuple((item.subject, cut(item.words, 1000)) for item in judgement.verdict.evidence)
    return Section("Evidence", (Table("What speaks for the verdict", (Column("subject"), Column("finding")), rows),))


def _accuracy(judgement: Judgement) -> Section:
    verdict, reference = judgement.verdict, judgement.reference
    audit, band = verdict.audit, verdict.band
    intervals = []
    if band is not None:
        intervals.append(Interval("estimated, without labels", band.low, band.high))
        intervals.append(Interval("estimated, with sampling error", band.least, band.most))
    if audit.accuracy is not None:
        intervals.append(Interval("audited", audit.accuracy.low, audit.accuracy.high, audit.accuracy.value))
    if reference is not None:
        right = reference.validation.accuracy
        intervals.append(Interval("validation", right, right, right))
    blocks: list[Block] = []
    if intervals:
        blocks.append(intervals_plot("accuracy", "Estimates and audit against the floor", intervals, verdict.floor))
    else:
        blocks.append(Paragraph("Nothing is known of the accuracy: there is no reference, and no label counts yet."))
    blocks.append(Paragraph(_audit_words(judgement)))
    if audit.accuracy is not None:
        labels = judgement.window.audit.model_labels
        blocks += [confusion_block(audit, labels), figures_table(audit)]
    return Section("Accuracy", tuple(blocks))


def _audit_words(judgement: Judgement) -> str:
    audit = judgement.audit
    if not audit.sample:
        return "The audit sample has no pictures yet; it is a uniform share of all uploads."
    words = f"Labelled pictures of the audit sample: {count(audit.labelled)} of {count(audit.sample)}"
    if (counting := len(audit.pictures)) < audit.labelled:
        words += f", of which {count(counting)} {'counts' if counting == 1 else 'count'}"
    return f"{words}; the view audit_queue lists those without a label."


def _drift(judgement: Judgement) -> Section:
    drift, title = judgement.verdict.drift, "Drift"
    if drift is None:
        return Section(title, (Paragraph("The pictures could not be compared with a reference."),))
    blocks: list[Block] = []
    if judgement.reference is not None:
        blocks.append(Paragraph(f"The reference is {cut(judgement.reference.source)}."))
    if drift.tests:
        blocks.append(_tests_table(drift))
    if drift.untested:
        blocks.append(Bullets(tuple(f"Not tested: {cut(reason, 400)}" for reason in drift.untested)))
    return Section(title, (*blocks, *_distributions(judgement, drift)))


def _tests_table(drift: Drift) -> Table:
    rows = tuple(
        (
            test.subject,
            "drift" if test.is_found else "no drift",
            cut(test.words, 400),
            test.method,
            f"{test.statistic:.3g}",
            f"{test.adjusted_p_value:.2g}",
        )
        for test in drift.tests
    )
    columns = (
        *(Column("subject"), Column("result"), Column("difference"), Column("test")),
        *(Column("statistic", True), Column("p", True)),
    )
    return Table("Tests", columns, rows, "p is corrected by Holm's method for all tests of the window together.")


def _distributions(judgement: Judgement, drift: Drift) -> list[Block]:
    """Return a plot for each distribution that was tested."""
    reference = judgement.reference
    if reference is None:
        return []
    ours, theirs = judgement.window.pictures, reference.pictures
    blocks: list[Block] = []
    for test in drift.tests:
        title = f"{test.subject.capitalize()}: {'drift' if test.is_found else 'no drift'}"
        if test.subject in STATISTICS:
            column = STATISTICS.index(test.subject)
            values, known = ours.statistics[:, column], theirs.statistics[:, column]
            blocks.append(_compared(test.subject, title, UNITS[test.subject], values, known))
        elif test.subject == NOVELTY:
            above = reference.unfamiliar_above
            marks = [(above, f"unfamiliar above {above:.2f}")] if np.isfinite(above) else []
            blocks.append(_compared(NOVELTY, title, "novelty", ours.novelty, theirs.novelty, marks))
        elif test.subject == LABELS:
            counts, before = Counter(ours.labels), Counter(theirs.labels)
            labels = [label for label, _ in (counts + before).most_common(MOST_LABELS)]
            shares = [counts[label] / counts.total() for label in labels]
            blocks.append(
                shares_plot(LABELS, title, labels, shares, [before[label] / before.total() for label in labels])
            )
        elif test.subject == EMBEDDINGS:
            blocks.append(Paragraph(f"{title}; {cut(test.words, 400)}. Embeddings have many dimensions, so no plot."))
    return blocks


def _compared(
    name: str, title: str, unit: str, values: Floats, reference: Floats, marks: list[tuple[float, str]] | None = None
) -> Block:
    """Draw two samples with the same bins; the outermost hundredths of both are in the outer bins."""
    both = np.concatenate([side[np.isfinite(side)] for side in (values, reference)])
    low, high = np.quantile(both, [0.005, 0.995])
    for position, _ in marks or ():
        low, high = min(low, position), max(high, position)
    if high <= low:
        low, high = low - 0.5, high + 0.5
    edges = [float(edge) for edge in np.linspace(low, high, BINS + 1)]
    ours, theirs = Histogram.of(values, edges), Histogram.of(reference, edges)
    return distribution_plot(name, title, unit, ours, theirs, marks=marks or ())


def _proposal(judgement: Judgement) -> Section:
    proposal, title = judgement.proposal, "Retraining"
    if not proposal.reasons:
        return Section(title, (Paragraph("No threshold of a retraining is reached."),))
    reasons = Bullets(tuple(cut(reason, 400) for reason in proposal.reasons))
    if proposal.is_proposed:
        return Section(title, (Remark("A retraining is proposed.", "Nothing starts it.", Tone.CAUTION), reasons))
    held_back = cut(proposal.held_back or "", 400)
    return Section(title, (Remark("Not proposed, although a threshold is reached.", held_back), reasons))


def _earlier(judgement: Judgement) -> Section:
    windows = sorted(judgement.history.windows, key=lambda past: (past.until, past.since), reverse=True)
    rows = tuple((moment(past.since), moment(past.until), past.state.value) for past in windows[:MOST_WINDOWS])
    if not rows:
        return Section("Verdicts so far", (Paragraph("There are no verdicts yet."),))
    columns = (Column("from"), Column("to"), Column("verdict"))
    left_out = len(windows) - len(rows)
    note = f"{counted(left_out, 'earlier verdict')} left out." if left_out else ""
    return Section("Verdicts so far", (Table("Newest first, this one included", columns, rows, note),))


def _closing(judgement: Judgement) -> str:
    words = "Shadows, probes and generated pictures are left out."
    if judgement.other_models:
        others = ", ".join(f"{cut(str(model), 60)} ({count(rows)})" for model, rows in judgement.other_models[:10])
        words += f" Rows of other models in the same time: {others}."
    return words
