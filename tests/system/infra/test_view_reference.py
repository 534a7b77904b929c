"""Tests that each view returns the rows of its reference in Python, for any rows of the tables.

Drawn are few uploads, models, revisions and moments, so that rows meet: copies, ties, shadows, labels that contradict.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shared.emulators.bigquery.engine.store import Store
from shared.emulators.bigquery.jobs.inserts import insert_rows
from shared.emulators.bigquery.jobs.queries import prepare
from shared.emulators.bigquery.start.schemas import apply_schemas, create_dataset
from shared.local.cloud import DATASET, PROJECT
from tests.memory.warehouse import SCHEMAS
from tests.system.infra.view_reference import REFERENCE, Row, Tables

VIEWS = sorted(path.stem for path in (SCHEMAS / "views").glob("*.sql"))
TABLES = ("predictions", "failures", "labels", "model_events")
MIDNIGHT = datetime(2026, 1, 3, tzinfo=UTC)
MODELS = (("flowers", "1"), ("flowers", "2"), ("chest", "1"))
LABELS = ("tulip", "rose", "daisy")
"""Labels, not in alphabetical order."""

EXAMPLES = 100


class Database:
    """The dataset in a local warehouse of this process, filled again for each example."""

    def __init__(self, folder: Path) -> None:
        self._store = Store(folder, PROJECT)
        create_dataset(self._store, DATASET)
        apply_schemas(self._store, SCHEMAS, DATASET)
        self._queries = {view: prepare(self._store, _everything_in(view)) for view in VIEWS}

    def fill(self, tables: Tables) -> None:
        """Replace the rows of every table."""
        named = {name: self._store.catalog.table(DATASET, name) for name in TABLES}
        emptying = ";".join(f"DELETE FROM {table.sql_name}" for table in named.values())
        self._store.writer.submit(lambda work: work.execute(emptying)).result()
        for name, table in named.items():
            rows = [{"json": as_json(row)} for row in getattr(tables, name)]
            if rows:
                done, errors = insert_rows(self._store, table, {"rows": rows})
                assert done is not None, errors
                done.result()

    def view(self, name: str) -> list[Row]:
        """Return the rows of a view."""
        prepared = self._queries[name]
        with self._store.engine.reader() as cursor:
            rows = cursor.execute(prepared.statement.sql).fetchall()
        names = [field.name for field in prepared.fields]
        return [dict(zip(names, row, strict=True)) for row in rows]

    def close(self) -> None:
        """Close the file."""
        self._store.close()


def _everything_in(view: str) -> dict[str, Any]:
    return {"query": f"SELECT * FROM {view}", "useLegacySql": False, "defaultDataset": {"datasetId": DATASET}}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    made = Database(tmp_path_factory.mktemp("views"))
    yield made
    made.close()


def as_json(value: Any) -> Any:
    """Return a value as a client would send it."""
    if isinstance(value, dict):
        return {name: as_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [as_json(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value


def uploaded_at(upload: int) -> datetime:
    """Return when an upload was written: the first two before midnight, and in the same microsecond."""
    return MIDNIGHT + timedelta(microseconds=max(1, upload) - 2)


@st.composite
def calls_made(draw: st.DrawFn) -> Row:
    """Draw the facts of a row's call: each number is different, so that no column can stand for its neighbour."""
    number = draw(st.integers(0, 9))
    steps = {
        f"{step}_ms": draw(st.none() | st.just(number * 10 + index + 0.5))
        for index, step in enumerate(("read", "decode", "classify", "archive"))
    }
    return {
        "source": draw(st.sampled_from(("event", "request"))),
        "received_at": MIDNIGHT + timedelta(minutes=number),
        "event_id": draw(st.none() | st.just(f"event-{number}")),
        "trace": draw(st.none() | st.just(f"trace-{number}")),
        "caller": draw(st.none() | st.just(f"caller-{number}")),
        "service": draw(st.none() | st.sampled_from(("classify-upload", "classify-request"))),
        "revision": draw(st.none() | st.sampled_from(("r1", "r2"))),
        "instance": draw(st.none() | st.just(f"instance-{number}")),
        "is_cold_start": draw(st.booleans()),
        "is_shadow": draw(st.sampled_from((None, None, False, True))),
        "batch_id": draw(st.none() | st.just(f"batch-{number}")),
        "is_probe": draw(st.sampled_from((None, None, False, True))),
        "received_bytes": 1000 + number,
        "times": {**steps, "total_ms": number * 10 + 9.5},
    }


@st.composite
def signals(draw: st.DrawFn) -> Row:
    """Draw what a row says of its picture."""
    names = ("brightness", "contrast", "sharpness", "saturation", "colourfulness", "aspect")
    novelty, embedding = draw(st.sampled_from(((None, []), (0.25, [1.5, -2.0]), (0.75, []))))
    statistics = {name: number + 0.5 for number, name in enumerate(names)}
    return {"entropy": 0.125, "novelty": novelty, **statistics, "embedding": embedding}


@st.composite
def predictions(draw: st.DrawFn, second: int) -> Row:
    """Draw a row of ``predictions``, recorded at this second."""
    upload, version = draw(st.integers(0, 3)), draw(st.integers(0, len(MODELS) - 1))
    model, content, label = MODELS[version], draw(st.integers(0, 1)), draw(st.sampled_from(LABELS))
    score = draw(st.sampled_from((0.25, 0.5, 0.75)))
    return {
        "prediction_id": f"prediction-{upload}-{2 - version}",
        "upload_id": f"{upload}-upload",  # the first is in the audit sample
        "uploaded_on": uploaded_at(upload).date(),
        "uploaded_at": uploaded_at(upload),
        "recorded_at": MIDNIGHT + timedelta(seconds=second),
        "label": label,
        "score": score,
        "needs_review": draw(st.booleans()),
        "is_unfamiliar": draw(st.sampled_from((None, False, True))),
        "signals": draw(st.none() | signals()),
        "candidates": [{"label": label, "score": score}, {"label": "other", "score": 1 - score}],
        "image": {
            "bucket": draw(st.none() | st.just("uploads")),
            "name": draw(st.none() | st.sampled_from(("a.jpg", "b.jpg"))),
            "generation": draw(st.none() | st.just(1767323045678901 + upload)),
            "archive_uri": f"gs://archive/{content}.jpg",
            "sha256": f"{content}" * 64,
            "format": "jpeg",
            "content_type": draw(st.none() | st.just("image/jpeg")),
            "width_px": 320,
            "height_px": 240,
            "size_bytes": 46_000,
            "note": None,
            "generated_by": draw(st.none() | st.just("painter")),
        },
        "model": {"name": model[0], "version": model[1], "digest": f"{version}" * 64, "runtime": "litert"},
        "call": draw(calls_made()),
    }


@st.composite
def failures(draw: st.DrawFn, second: int) -> Row:
    """Draw a row of ``failures``, recorded at this second."""
    upload = draw(st.integers(0, 3))
    return {
        "failure_id": f"upload-{upload}",
        "uploaded_on": uploaded_at(upload).date(),
        "uploaded_at": uploaded_at(upload),
        "recorded_at": MIDNIGHT + timedelta(seconds=second),
        "reason": draw(st.sampled_from(("not_an_image", "damaged_image"))),
        "detail": draw(st.sampled_from(("This is no picture.", "It is cut short."))),
        "image": {
            "bucket": "uploads",
            "name": draw(st.sampled_from(("a.jpg", "b.jpg"))),
            "generation": 1767323045678901 + upload,
            "quarantine_uri": draw(st.none() | st.just(f"gs://quarantine/{upload}")),
            "sha256": draw(st.none() | st.just("f" * 64)),
            "content_type": draw(st.none() | st.just("image/jpeg")),
            "size_bytes": 46_000,
        },
        "call": draw(calls_made()),
    }


@st.composite
def labels(draw: st.DrawFn, second: int) -> Row:
    """Draw a row of ``labels``, given at this second or the second before."""
    moment = MIDNIGHT + timedelta(days=1, seconds=draw(st.sampled_from((second, max(0, second - 1)))))
    prediction = f"prediction-{draw(st.integers(0, 4))}-{draw(st.integers(0, len(MODELS) - 1))}"
    return {
        "label_id": f"label-{9 - second}",
        "prediction_id": prediction,
        "label": draw(st.sampled_from((*LABELS, "dahlia"))),
        "labelled_by": draw(st.none() | st.sampled_from(("ana@example.com", "ben@example.com"))),
        "labelled_on": moment.date(),
        "labelled_at": moment,
        "note": None,
        "is_new_label": draw(st.none() | st.booleans()),
    }


@st.composite
def model_events(draw: st.DrawFn, second: int) -> Row:
    """Draw a row of ``model_events`` of this second; what is recorded again is the same but for its time."""
    number = draw(st.integers(0, 2))
    happened_at = MIDNIGHT + timedelta(seconds=second - 2)
    return {
        "event_id": f"event-{number}",
        "happened_on": happened_at.date(),
        "happened_at": happened_at,
        "event": ("verdict", "promoted", "report")[number],
        "actor": (None, "ana@example.com", "ben@example.com")[number],
        "model": {"name": "flowers", "version": f"{number}", "digest": f"{number}" * 64} if number else None,
        "parent_digest": (None, "a" * 64, "b" * 64)[number],
        "dataset_fingerprint": (None, "c" * 64, "d" * 64)[number],
        "code_commit": (None, "0123abc", "4567def")[number],
        "evidence": None,
    }


@st.composite
def rows_of(draw: st.DrawFn, kind: Any, key: str, most: int) -> list[Row]:
    """Draw rows; those of the same key and moment are copies of each other, as a repeated delivery's are."""
    moments = draw(st.lists(st.integers(0, 4), max_size=most))
    drawn = [draw(kind(second)) for second in moments]
    first: dict[tuple[str, datetime], Row] = {}
    kept = [first.setdefault((row[key], row.get("recorded_at", MIDNIGHT)), row) for row in drawn]
    return draw(st.permutations(kept))


TABLES_DRAWN = st.builds(
    Tables,
    rows_of(predictions, "prediction_id", 8),
    rows_of(failures, "failure_id", 5),
    rows_of(labels, "label_id", 5),
    rows_of(model_events, "event_id", 5),
)


def in_order(rows: list[Row]) -> list[Row]:
    """Return rows in an order that depends on their content alone."""
    return sorted(rows, key=lambda row: repr([row[name] for name in sorted(row)]))


def alike(rows: list[Row], expected: list[Row]) -> bool:
    """Return whether rows are the same but for the last digits of a mean."""
    return len(rows) == len(expected) and all(
        row.keys() == other.keys()
        and all(row[name] == (pytest.approx(other[name]) if name.startswith("mean_") else other[name]) for name in row)
        for row, other in zip(in_order(rows), in_order(expected), strict=True)
    )


def test_views_each_have_a_reference() -> None:
    assert sorted(REFERENCE) == VIEWS


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(tables=TABLES_DRAWN)
def test_view_returns_what_its_reference_returns(database: Database, tables: Tables) -> None:
    database.fill(tables)
    differing = {}
    for view, reference in REFERENCE.items():
        rows, expected = database.view(view), reference(tables)
        if not alike(rows, expected):
            differing[view] = (rows, expected)
    assert differing == {}
