"""Sections of the periodic report about calls: what failed, how fast, at which cost, and what happened to models."""

from __future__ import annotations

from shared.release.model_events import Event
from shared.reporting.cost_of_period import PeriodCost
from shared.reporting.document import Block, Column, Paragraph, Section, Table
from shared.reporting.facts import PeriodFacts
from shared.reporting.visible_text import cut
from shared.reporting.wording import count, counted, dollars, milliseconds, moment, percent


def failures_section(facts: PeriodFacts) -> Section:
    """Return the uploads that could not be classified, by reason."""
    total = sum(uploads for _, uploads in facts.failures)
    if not total:
        return Section("Failures", (Paragraph("Every upload could be classified."),))
    rows = tuple((cut(reason), count(uploads), percent(uploads / total)) for reason, uploads in facts.failures)
    text = f"{counted(total, 'upload')} could not be classified; the view rejected_uploads has each of them."
    columns = (Column("reason"), Column("uploads", True), Column("share", True))
    return Section("Failures", (Paragraph(text), Table("Uploads by reason", columns, rows)))


def latency_section(facts: PeriodFacts) -> Section:
    """Return how long calls took, by revision."""
    if not facts.latency:
        return Section("Latency", (Paragraph("There were no calls."),))
    rows = tuple(
        (
            cut(row.revision or row.service or "not known", 60),
            cut(row.source, 30),
            count(row.calls),
            count(row.cold_starts),
            *(milliseconds(value) for value in (row.p50_ms, row.p95_ms, row.p99_ms)),
        )
        for row in facts.latency
    )
    columns = (
        *(Column("revision"), Column("source")),
        *(Column(title, True) for title in ("calls", "cold starts", "median", "95th percentile", "99th percentile")),
    )
    note = "Of a whole call: reading, decoding, classifying, archiving. Cold starts are counted in."
    return Section("Latency", (Table("Milliseconds of calls", columns, rows, note),))


def cost_section(facts: PeriodFacts, cost: PeriodCost) -> Section:
    """Return what the period costs on Google Cloud."""
    usage, days = facts.usage, len(facts.period.days)
    if usage.calls:
        text = (
            f"On Google Cloud, at list prices, {counted(usage.calls, 'call')} in {counted(days, 'day')} cost about "
            f"{dollars(cost.usd)}{_alone(cost)}. Free amounts and options that are off by default are left out; what a "
            "month costs is taken by day. Measured of these calls: "
            f"{milliseconds(usage.mean_cpu_ms)} of decoding and classifying, {milliseconds(usage.mean_total_ms)} in "
            f"all, and {count(round(usage.mean_bytes))} bytes each."
        )
    else:
        text = f"Without a call, {counted(days, 'day')} on Google Cloud cost about {dollars(cost.usd)} at list prices."
    rows = tuple(
        (line.name + (" *" if line.is_remembered else ""), dollars(line.usd)) for line in cost.lines if line.usd
    )
    note = (
        "* With a price that could not be read from the list." if any(line.is_remembered for line in cost.lines) else ""
    )
    table = Table("The bill of the period", (Column("item"), Column("US dollars", True)), rows, note)
    return Section("Cost", (Paragraph(text), table))


def _alone(cost: PeriodCost) -> str:
    alone = dollars(cost.alone_usd)
    return f", or {alone} if each had an instance for itself" if alone != dollars(cost.usd) else ""


def events_section(facts: PeriodFacts) -> Section:
    """Return the verdicts of the period, and what else happened to models."""
    verdicts = [event for event in facts.events if event.event == Event.VERDICT]
    others = [event for event in facts.events if event.event != Event.VERDICT]
    blocks: list[Block] = []
    if verdicts:
        rows = tuple(
            (moment(event.happened_at), cut(event.model or ""), cut(event.state or "", 30), cut(event.why or "", 400))
            for event in verdicts[:40]
        )
        left_out = len(verdicts) - len(rows)
        note = f"{counted(left_out, 'earlier verdict')} left out." if left_out else ""
        columns = (Column("when"), Column("model"), Column("verdict"), Column("why"))
        blocks.append(Table("Verdicts of monitoring", columns, rows, note))
    else:
        blocks.append(Paragraph("There was no verdict in this period; reach one with: bucketlens monitor"))
    if others:
        rows = tuple(
            (moment(event.happened_at), cut(event.model or ""), cut(event.event, 30), cut(event.actor or "", 80))
            for event in others[:40]
        )
        blocks.append(Table("Other events", (Column("when"), Column("model"), Column("event"), Column("by")), rows))
    return Section("Verdicts and events", tuple(blocks))
