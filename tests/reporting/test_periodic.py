"""A periodic report of rows: each figure, each kind of empty or half-filled period, and names that attack it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from shared.bundles.bundle import Bundle, load_bundle
from shared.bundles.folders import MODELS
from shared.reporting.document import Gallery, KeyFigures, Plot, Section, Table
from shared.reporting.period import Period
from shared.reporting.periodic import PeriodicReport, make_periodic_report, write_periodic_report
from shared.settings import DEFAULT_BUNDLE
from shared.types import ModelFacts
from tests.memory.object_store import MemoryStore
from tests.memory.warehouse import MemoryWarehouse
from tests.monitoring.drawn_rows import drawn_bundle
from tests.reporting.hostile_texts import HOSTILE
from tests.reporting.page_elements import elements_of
from tests.reporting.period_rows import ARCHIVE, LAST_DAY, MADE_AT, REPORTS, PeriodRows, jpeg

MONTH = Period.of_days(30, MADE_AT)
Report = Callable[..., PeriodicReport]


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[PeriodRows]:
    store = MemoryStore()
    for bucket in (ARCHIVE, REPORTS):
        store.create_bucket(bucket)
    warehouse = MemoryWarehouse(tmp_path / "warehouse")
    yield PeriodRows(warehouse, store)
    warehouse.close()


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    return load_bundle(MODELS / DEFAULT_BUNDLE)


@pytest.fixture
def model(bundle: Bundle) -> ModelFacts:
    """The model of the bundle, as rows name it."""
    return ModelFacts(bundle.manifest.name, bundle.manifest.version, bundle.digest, bundle.manifest.runtime)


@pytest.fixture
def report(rows: PeriodRows, bundle: Bundle) -> Report:
    def make(period: Period = MONTH, bundle: Bundle | None = bundle, **options: object) -> PeriodicReport:
        return make_periodic_report(rows.warehouse, rows.store, period, bundle, made_at=MADE_AT, **options)  # type: ignore[arg-type]

    return make


def section(report: PeriodicReport, title: str) -> Section:
    [match] = [section for section in report.document.sections if section.title == title]
    return match


def text_of(section: Section) -> str:
    return " ".join(getattr(block, "text", "") for block in section.blocks)


def key_figures(report: PeriodicReport) -> dict[str, str]:
    [figures] = [block for block in report.document.summary if isinstance(block, KeyFigures)]
    return {figure.name: figure.value for figure in figures.figures}


def test_report_of_no_rows_has_a_sentence_in_every_section(report: Report) -> None:
    empty = report(bundle=None)
    assert [section.title for section in empty.document.sections if not text_of(section)] == []
    assert "No picture was classified" in text_of(section(empty, "Volume"))
    assert "There were no calls" in text_of(section(empty, "Latency"))
    assert "Every upload could be classified" in text_of(section(empty, "Failures"))
    assert not [block for part in empty.document.sections for block in part.blocks if isinstance(block, Plot)]
    assert empty.html.endswith("</html>")
    assert empty.markdown.startswith("# Report on all models")


def test_report_counts_pictures_by_day_and_label(rows: PeriodRows, report: Report, model: ModelFacts) -> None:
    for label, times in (("roses", 3), ("tulips", 1)):
        for _ in range(times):
            rows.classified(label, model=model)
    rows.classified("daisy", day=LAST_DAY - timedelta(days=2), score=0.5, model=model)
    rows.classified("daisy", day=MONTH.first - timedelta(days=1), model=model)  # before the period
    made = report()
    assert key_figures(made)["Pictures"] == "5"
    assert key_figures(made)["Need review"] == "20.0 %"
    plot, table = section(made, "Volume").blocks[1:3]
    assert isinstance(plot, Plot)
    assert isinstance(table, Table)
    counts = {row[0]: row[1:] for row in plot.numbers.rows}
    assert len(counts) == 31
    assert [column.title for column in plot.numbers.columns] == ["day", "roses", "daisy", "tulips", "together"]
    assert counts[str(LAST_DAY)] == ("3", "0", "1", "4")
    assert counts[str(LAST_DAY - timedelta(days=2))] == ("0", "1", "0", "1")
    assert [row[:3] for row in table.rows] == [
        ("roses", "3", "60.0 %"), ("daisy", "1", "20.0 %"), ("tulips", "1", "20.0 %"),
    ]  # fmt: skip


def test_report_of_one_day_is_drawn(rows: PeriodRows, report: Report, model: ModelFacts) -> None:
    rows.classified(day=MADE_AT.date(), model=model)
    made = report(Period.of_days(0, MADE_AT))
    assert made.document.subtitle.startswith("2026-11-30, made 2026-11-30 12:00 UTC")
    assert key_figures(made)["Pictures"] == "1"


def test_report_of_a_year_is_drawn_by_weeks(rows: PeriodRows, report: Report, model: ModelFacts) -> None:
    rows.classified(day=LAST_DAY - timedelta(days=300), model=model)
    [plot] = [
        block for block in section(report(Period.of_days(365, MADE_AT)), "Volume").blocks if isinstance(block, Plot)
    ]
    assert plot.title == "Pictures by week and label"
    assert len(plot.numbers.rows) == 53


def test_report_of_many_labels_shows_the_most_frequent(rows: PeriodRows, report: Report) -> None:
    labels = tuple(f"label {number:03}" for number in range(60))
    for number, label in enumerate(labels):
        for _ in range(2 if number < 3 else 1):
            rows.classified(label, labels=labels)
    made = report(bundle=None)
    [table] = [block for block in section(made, "Volume").blocks if isinstance(block, Table)]
    assert len(table.rows) == 20
    assert table.note == "40 less frequent labels are left out."
    [plot] = [block for block in section(made, "Volume").blocks if isinstance(block, Plot)]
    assert len(plot.numbers.columns) == 8  # the day, five labels, the others, together


def test_report_audits_labels_of_the_audit_sample_alone(rows: PeriodRows, report: Report, model: ModelFacts) -> None:
    for number in range(6):
        right = rows.classified("roses", model=model, is_audited=True)
        rows.labelled(right, "roses" if number else "tulips")
        rows.labelled(rows.classified("daisy", model=model), "tulips")  # of no audit sample, and wrong
    made = report()
    assert key_figures(made)["Accuracy, audited"] == "83.3 %"
    [plot] = [block for block in section(made, "Accuracy on audited labels").blocks if isinstance(block, Plot)]
    counts = {row[0]: row[1:] for row in plot.numbers.rows}
    assert counts["roses"] == ("0", "0", "5", "0", "0")
    assert counts["tulips"] == ("0", "0", "1", "0", "0")
    assert plot.description == "5 of 6 pictures have the same label from both."


def test_report_names_labels_that_the_model_does_not_know(rows: PeriodRows, report: Report, model: ModelFacts) -> None:
    rows.labelled(rows.classified("roses", model=model, is_audited=True), "an <orchid>")
    made = report()
    assert "the model does not know: an <orchid> (1)." in text_of(section(made, "Accuracy on audited labels"))
    assert "an &lt;orchid&gt;" in made.html


def test_report_without_labels_leads_to_the_audit_queue(rows: PeriodRows, report: Report, model: ModelFacts) -> None:
    rows.classified(model=model, is_audited=True)
    assert "has 1 picture; label them: the view audit_queue" in text_of(section(report(), "Accuracy on audited labels"))


def test_report_without_the_bundle_or_its_profile_has_no_reference(
    rows: PeriodRows, report: Report, model: ModelFacts
) -> None:
    rows.classified(model=model)
    assert "is not at hand" in text_of(section(report(bundle=None), "Scores and novelty"))
    assert "has no profile" in text_of(section(report(), "Scores and novelty"))


def test_report_of_rows_without_novelty_has_a_sentence(rows: PeriodRows, report: Report, model: ModelFacts) -> None:
    rows.classified(model=model, novelty=None)
    made = report()
    assert "The rows have no novelty" in text_of(section(made, "Scores and novelty"))
    assert "Unfamiliar" not in key_figures(made)


def test_report_leaves_out_generated_pictures_and_other_models(
    rows: PeriodRows, report: Report, model: ModelFacts
) -> None:
    rows.classified(model=model)
    rows.classified(model=model, generated_by="a model of pictures")
    rows.classified(model=replace(model, name="chest_xray", digest="cd" * 32))
    assert key_figures(report(model_name=model.name))["Pictures"] == "1"
    assert key_figures(report())["Pictures"] == "2"


def test_report_has_failures_by_reason_verdicts_latency_and_cost(
    rows: PeriodRows, report: Report, model: ModelFacts
) -> None:
    rows.classified(model=model)
    for reason in ("not_an_image", "not_an_image", "damaged_image"):
        rows.failed(reason)
    rows.judged("steady", "No drift.", LAST_DAY - timedelta(days=7), model)
    rows.judged("harmed", "The audited accuracy is below the floor.", model=model)
    made = report()
    tables = {
        block.caption: list(block.rows)
        for part in made.document.sections
        for block in part.blocks
        if isinstance(block, Table)
    }
    assert tables["Uploads by reason"] == [("not_an_image", "2", "66.7 %"), ("damaged_image", "1", "33.3 %")]
    assert [row[2] for row in tables["Verdicts of monitoring"]] == ["harmed", "steady"]
    assert tables["Milliseconds of calls"][0][2] == "4"
    assert made.document.summary[0].title == "Harmed, 2026-11-29 06:00 UTC."  # type: ignore[union-attr]
    assert any(row[0].startswith("CPU") for row in tables["The bill of the period"])
    assert "4 calls in 31 days cost about $" in text_of(section(made, "Cost"))


def test_report_shows_a_picture_once_and_a_placeholder_for_one_that_is_gone(
    rows: PeriodRows, report: Report, model: ModelFacts
) -> None:
    for score in (0.3, 0.4):
        rows.classified(score=score, content=jpeg(1), name="twice.jpg", model=model)
    rows.classified(score=0.9, name="gone.jpg", model=model)
    galleries = [block for block in section(report(), "Pictures to look at").blocks if isinstance(block, Gallery)]
    assert [gallery.caption for gallery in galleries] == ["The most novel pictures", "The least certain pictures"]
    least = galleries[1].pictures
    assert [picture.title for picture in least] == ["twice.jpg", "gone.jpg"]
    assert least[0].jpeg is not None
    assert least[0].lines[0] == "roses 0.300"
    assert (least[1].jpeg, least[1].fault) == (None, "The archive no longer has this picture.")


def test_report_without_pictures_reads_none(rows: PeriodRows, report: Report, model: ModelFacts) -> None:
    rows.classified(content=jpeg(1), model=model)
    rows.store.read = None  # type: ignore[assignment, method-assign]
    assert "data:image" not in report(with_pictures=False).html


def test_report_of_hostile_names_and_labels_has_no_elements_of_theirs(rows: PeriodRows, report: Report) -> None:
    valid = [text for text in HOSTILE if "\ud800" not in text and "\x00" not in text and len(text) < 1000]
    for number, text in enumerate(valid[:8]):
        hostile = ModelFacts(text, text, f"{number:064x}", "litert")
        rows.classified(text, 0.1, name=f"{text}.jpg", labels=(text, "other"), content=jpeg(number), model=hostile)
        rows.failed(text)
        rows.judged(text, text, model=hostile)
    made = report(bundle=None)
    elements = elements_of(made.html)
    assert not {"script", "iframe", "object", "link"} & set(elements.tags)
    assert {value[:23] for value in elements.values("src")} == {"data:image/jpeg;base64,"}
    assert [name for _, name, _ in elements.attributes if name.startswith("on")] == []
    assert elements.tags.count("style") == 1
    assert elements.tags.count("title") == 1


def test_report_is_the_same_for_the_same_rows(rows: PeriodRows, report: Report, model: ModelFacts) -> None:
    for number in range(5):
        rows.classified(content=jpeg(number), score=0.5 + number / 10, model=model)
    first, second = report(), report()
    assert first.html == second.html
    assert first.markdown == second.markdown


def test_written_report_is_two_objects_and_one_event(rows: PeriodRows, bundle: Bundle, model: ModelFacts) -> None:
    rows.classified(content=jpeg(1), model=model)
    for _ in range(2):
        written = write_periodic_report(
            rows.warehouse, rows.store, REPORTS, MONTH, bundle, made_at=MADE_AT, actor="monitor@example.com"
        )
    names = [upload.ref.name for upload in rows.store.uploads(REPORTS)]
    stem = "periodic/2026-11-30/report_all_models_2026-10-31_2026-11-30_20261130T120000Z"
    assert names == [f"{stem}.html", f"{stem}.md"]
    assert rows.store.read(written.html, 10**6).startswith(b"<!DOCTYPE html>")
    [event] = rows.warehouse.query(
        "SELECT event, actor, model.name AS model, JSON_VALUE(evidence, '$.pictures') AS pictures FROM model_history"
    ).rows
    assert event == {"event": "report", "actor": "monitor@example.com", "model": model.name, "pictures": "1"}


def test_report_next_to_a_profile_has_its_distributions(rows: PeriodRows, report: Report, tmp_path: Path) -> None:
    profiled = drawn_bundle(tmp_path)
    model = ModelFacts(profiled.manifest.name, profiled.manifest.version, profiled.digest, "litert")
    for _ in range(4):
        rows.classified(score=0.92, model=model, novelty=0.22)
    made = report(bundle=profiled)
    scores, novelty = [block for block in section(made, "Scores and novelty").blocks if isinstance(block, Plot)]
    assert scores.numbers.columns[-1].title == "share of the reference"
    assert scores.numbers.rows[18][:3] == ("0.9 to 0.95", "4", "100.0 %")
    assert scores.numbers.rows[18][3] not in ("0.0 %", "100.0 %")
    assert novelty.numbers.rows[4][1] == "4"
    assert "Labels next to the reference" in made.html


def test_days_of_a_period_are_in_utc_like_the_rows(rows: PeriodRows, report: Report, model: ModelFacts) -> None:
    rows.classified(day=date(2026, 11, 30), model=model)
    assert key_figures(report(Period(date(2026, 11, 30), date(2026, 11, 30))))["Pictures"] == "1"
