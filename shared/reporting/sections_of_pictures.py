"""Sections of the periodic report about pictures: how many, which labels, how sure, and the strangest."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shared.reporting.document import Block, Column, Gallery, Paragraph, Picture, Section, Table
from shared.reporting.facts import BINS, PeriodFacts, PictureRow
from shared.reporting.plots import Histogram, days_plot, distribution_plot, shares_plot
from shared.reporting.thumbnails import Thumbnail
from shared.reporting.visible_text import cut
from shared.reporting.wording import count, counted, decimal, moment, percent

MOST_BARS = 62
"""Bars of the plot of days."""

MOST_MODELS = 20
"""Models whose rows are in the table."""

EDGES = tuple(index / BINS for index in range(BINS + 1))


def volume_section(facts: PeriodFacts) -> Section:
    """Return how many pictures came, by day, label and model."""
    if not facts.summary.pictures:
        return Section("Volume", (Paragraph(f"No picture was classified in this period, {facts.period}."),))
    summary = facts.summary
    text = f"{counted(summary.pictures, 'picture')} got {counted(summary.labels, 'label')}"
    if summary.distinct_pictures < summary.pictures:
        text += f"; {count(summary.distinct_pictures)} of them differ, the others were uploaded more than once"
    blocks: list[Block] = [Paragraph(f"{text}."), _by_day(facts)]
    rows = tuple(
        (
            cut(label.label),
            count(label.pictures),
            percent(label.pictures / summary.pictures),
            percent(label.needing_review / label.pictures),
            decimal(label.mean_score),
        )
        for label in facts.labels
    )
    left_out = summary.labels - len(facts.labels)
    columns = (Column("label"), *(Column(title, True) for title in ("pictures", "share", "need review", "mean score")))
    note = (
        f"{counted(left_out, 'less frequent label')} {'is' if left_out == 1 else 'are'} left out." if left_out else ""
    )
    blocks.append(Table("Labels", columns, rows, note))
    if (reference := facts.reference) is not None and len(facts.models) == 1:
        labels = [label.label for label in facts.labels]
        shares = [label.pictures / summary.pictures for label in facts.labels]
        expected = reference.pictures.labels
        blocks.append(
            shares_plot(
                "label-shares",
                "Labels next to the reference",
                labels,
                shares,
                [expected.count(label) / len(expected) for label in labels],
            )
        )
    if len(facts.models) > 1:
        blocks.append(_models_table(facts))
    return Section("Volume", tuple(blocks))


def _by_day(facts: PeriodFacts) -> Block:
    """Draw the pictures by day; a long period by weeks, or by whatever number of weeks fits."""
    days = facts.period.days
    step = 1 if len(days) <= MOST_BARS else 7 * -(-len(days) // (7 * MOST_BARS))
    starts = days[::step]
    position = {day: index // step for index, day in enumerate(days)}
    counts: dict[str | None, list[int]] = {}
    for row in facts.days:
        counts.setdefault(row.label, [0] * len(starts))[position[row.day]] += row.pictures
    groups = [(label.label, counts[label.label]) for label in facts.labels if label.label in counts]
    if None in counts:
        groups.append(("other labels", counts[None]))
    unit = "day" if step == 1 else "week" if step == 7 else f"{step // 7} weeks"
    return days_plot("days", f"Pictures by {unit} and label", starts, groups, unit)


def _models_table(facts: PeriodFacts) -> Table:
    rows = tuple(
        (
            cut(str(counted_rows.model)),
            counted_rows.model.digest[:12],
            count(counted_rows.pictures),
            f"{counted_rows.first_day}",
            f"{counted_rows.last_day}",
        )
        for counted_rows in facts.models[:MOST_MODELS]
    )
    columns = (Column("model"), Column("digest"), Column("pictures", True), Column("first day"), Column("last day"))
    return Table("Models", columns, rows)


def scores_section(facts: PeriodFacts) -> Section:
    """Return how scores and novelty are spread, next to those of the reference."""
    title = "Scores and novelty"
    if facts.main is None:
        return Section(title, (Paragraph("There are no scores, since no picture was classified."),))
    reference, blocks = facts.reference, list[Block]()
    if reference is not None:
        blocks.append(Paragraph(f"Pictures of {cut(str(facts.main))}; the reference is {cut(reference.source)}."))
    elif facts.bundle is not None:
        blocks.append(
            Paragraph(
                f"The bundle of {cut(str(facts.main))} has no profile, so there is no reference to compare with; add "
                "one with: bucketlens bundle profile"
            )
        )
    else:
        blocks.append(
            Paragraph(
                f"The bundle of {cut(str(facts.main))} ({facts.main.digest[:12]}…) is not at hand, so there is no "
                "reference to compare with."
            )
        )
    review_below = facts.bundle.manifest.review_below if facts.bundle else None
    blocks.append(
        distribution_plot(
            "scores",
            "Scores of the labels that were given",
            "score",
            Histogram(EDGES, facts.scores),
            None if reference is None else Histogram.of(reference.pictures.scores, EDGES),
            marks=[(review_below, f"review below {review_below:.2f}")] if review_below is not None else [],
        )
    )
    known = sum(facts.novelty)
    if not known:
        blocks.append(
            Paragraph("The rows have no novelty: the model has no profile, or had none when it labelled them.")
        )
        return Section(title, tuple(blocks))
    above = reference.unfamiliar_above if reference is not None else float("nan")
    blocks.append(
        distribution_plot(
            "novelty",
            "Novelty: how unlike the training pictures each picture is",
            "novelty",
            Histogram(EDGES, facts.novelty),
            None if reference is None else Histogram.of(reference.pictures.novelty, EDGES),
            marks=[(above, f"unfamiliar above {above:.2f}")] if np.isfinite(above) else [],
        )
    )
    if known < sum(facts.scores):
        blocks.append(Paragraph(f"The novelty of {counted(sum(facts.scores) - known, 'picture')} is not known."))
    return Section(title, tuple(blocks))


def pictures_section(facts: PeriodFacts, thumbnails: Mapping[str, Thumbnail] | None) -> Section:
    """Return the most novel and the least certain pictures.

    Args:
        facts: of the period.
        thumbnails: by archive URI; None where the report is to show no pictures.
    """
    title = "Pictures to look at"
    if not facts.least_certain:
        return Section(title, (Paragraph("There are no pictures, since none was classified."),))
    blocks: list[Block] = []
    for caption, pictures in (
        ("The most novel pictures", facts.most_novel),
        ("The least certain pictures", facts.least_certain),
    ):
        if pictures:
            blocks.append(Gallery(caption, tuple(_picture(picture, thumbnails) for picture in pictures)))
    if not facts.most_novel:
        blocks.append(Paragraph("The novelty of no picture is known."))
    blocks.append(Paragraph("Correct a label with: bucketlens label"))
    return Section(title, tuple(blocks))


def _picture(picture: PictureRow, thumbnails: Mapping[str, Thumbnail] | None) -> Picture:
    if thumbnails is None:
        thumbnail = Thumbnail(None, "This report shows no pictures.")
    else:
        thumbnail = thumbnails.get(picture.archive_uri, Thumbnail(None, "This picture was not read."))
    name = cut(picture.name or "without a name", 80)
    novelty = "" if picture.novelty is None else f"novelty {decimal(picture.novelty)}"
    lines = (
        f"{cut(picture.label, 60)} {decimal(picture.score)}",
        *filter(None, [novelty]),
        moment(picture.uploaded_at),
    )
    return Picture(name, lines, f"{name}, labelled {cut(picture.label, 60)}", thumbnail.jpeg, thumbnail.fault)
