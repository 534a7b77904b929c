"""The document of a periodic report."""

from __future__ import annotations

from collections.abc import Mapping

from shared.release.model_events import Event
from shared.reporting.cost_of_period import PeriodCost, cost_of
from shared.reporting.document import Block, Document, KeyFigure, KeyFigures, Paragraph, Remark, Tone
from shared.reporting.facts import PeriodFacts
from shared.reporting.section_of_accuracy import accuracy_section
from shared.reporting.sections_of_calls import cost_section, events_section, failures_section, latency_section
from shared.reporting.sections_of_pictures import pictures_section, scores_section, volume_section
from shared.reporting.thumbnails import Thumbnail
from shared.reporting.visible_text import cut
from shared.reporting.wording import count, counted, dollars, milliseconds, moment, percent

TONES = {"steady": Tone.GOOD, "drifting": Tone.CAUTION, "harmed": Tone.BAD}
"""Of the verdicts; that of any other word is neutral."""

CLOSING = (
    "Counted in the warehouse: uploads by the day on which they came, in UTC; shadows, probes and generated pictures "
    "are left out."
)


def periodic_document(facts: PeriodFacts, thumbnails: Mapping[str, Thumbnail] | None) -> Document:
    """Return the report of a period; the same facts give the same document.

    Args:
        facts: of the period.
        thumbnails: by archive URI; None where the report is to show no pictures.
    """
    name = facts.model_name or (facts.main.name if facts.main and len(facts.models) == 1 else None)
    cost = cost_of(facts.usage, len(facts.period.days))
    return Document(
        title=f"Report on {cut(name, 80)}" if name else "Report on all models",
        subtitle=f"{facts.period}, made {moment(facts.made_at)}",
        summary=_summary(facts, cost),
        sections=(
            volume_section(facts),
            scores_section(facts),
            accuracy_section(facts),
            events_section(facts),
            pictures_section(facts, thumbnails),
            failures_section(facts),
            latency_section(facts),
            cost_section(facts, cost),
        ),
        closing=CLOSING,
    )


def _summary(facts: PeriodFacts, cost: PeriodCost) -> tuple[Block, ...]:
    blocks: list[Block] = []
    if (verdict := next((event for event in facts.events if event.event == Event.VERDICT), None)) is not None:
        state = verdict.state or "unknown"
        title = f"{cut(state, 30).capitalize()}, {moment(verdict.happened_at)}."
        blocks.append(Remark(title, cut(verdict.why or "", 400), TONES.get(state, Tone.NEUTRAL)))
    summary = facts.summary
    if not summary.pictures:
        of = f" by {cut(facts.model_name, 80)}" if facts.model_name else ""
        blocks.append(Paragraph(f"No picture was classified{of} in this period, {facts.period}."))
        return tuple(blocks)
    days = len(facts.period.days)
    figures = [
        KeyFigure("Pictures", count(summary.pictures), f"{summary.pictures / days:,.0f} a day"),
        KeyFigure(
            "Need review",
            percent(summary.needing_review / summary.pictures),
            counted(summary.needing_review, "picture"),
        ),
    ]
    if summary.with_novelty:
        share = percent(summary.unfamiliar / summary.with_novelty)
        figures.append(KeyFigure("Unfamiliar", share, counted(summary.unfamiliar, "picture")))
    if (accuracy := facts.audit.accuracy) is not None:
        interval = f"{100 * accuracy.low:.1f} to {100 * accuracy.high:.1f} %, of {count(accuracy.of)}"
        figures.append(KeyFigure("Accuracy, audited", percent(accuracy.value), interval))
    else:
        figures.append(KeyFigure("Accuracy, audited", "–", "no label counts yet"))
    rejected = sum(uploads for _, uploads in facts.failures)
    figures.append(
        KeyFigure("Failures", count(rejected), f"{percent(rejected / (rejected + summary.pictures))} of uploads")
    )
    if facts.latency:
        busiest = facts.latency[0]
        remark = f"95 %: {milliseconds(busiest.p95_ms)}"
        figures.append(KeyFigure("Median of a call", milliseconds(busiest.p50_ms), remark))
    figures.append(KeyFigure("Cost", dollars(cost.usd), "at list prices"))
    return (*blocks, KeyFigures(tuple(figures)))
