"""The views of infra/bigquery once more, in Python: from the rows of the tables to the rows of the view, by name.

Written from the comments of the views (their grain, source and use) and not from their SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from shared.monitoring.audit_sample import audit_bound

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tables:
    """The rows of the tables, each with every column, as Python values: dates, moments with a zone, dicts, lists."""

    predictions: Sequence[Row] = ()
    failures: Sequence[Row] = ()
    labels: Sequence[Row] = ()
    model_events: Sequence[Row] = ()


def calls(tables: Tables) -> list[Row]:
    """Return a row for each row that was written."""
    predicted = [
        {"outcome": "predicted", "reason": None, "row_id": row["prediction_id"]}
        | {"model_name": row["model"]["name"], "model_version": row["model"]["version"]}
        | _of_the_call(row)
        for row in tables.predictions
    ]
    rejected = [
        {"outcome": "rejected", "reason": row["reason"], "row_id": row["failure_id"]}
        | {"model_name": None, "model_version": None}
        | _of_the_call(row)
        for row in tables.failures
    ]
    return predicted + rejected


def latest_predictions(tables: Tables) -> list[Row]:
    """Return a row for each upload: the newest, of equally new rows the least ``prediction_id``; only what counts."""
    shown = sorted(_that_count(tables.predictions), key=lambda row: row["prediction_id"])
    return list(_newest(shown, lambda row: row["upload_id"]))


def predictions_by_model(tables: Tables) -> list[Row]:
    """Return a row for each upload and model that saw it: the newest; also a shadow's."""
    return list(_newest(tables.predictions, lambda row: row["prediction_id"]))


def rejected_uploads(tables: Tables) -> list[Row]:
    """Return a row for each upload that could not become a prediction: the newest that counts."""
    image = ("bucket", "name", "generation", "quarantine_uri", "size_bytes", "content_type")
    return [
        {name: row[name] for name in ("failure_id", "uploaded_on", "uploaded_at", "recorded_at", "reason", "detail")}
        | {name: row["image"][name] for name in image}
        for row in _newest(_that_count(tables.failures), lambda row: row["failure_id"])
    ]


def daily_label_counts(tables: Tables) -> list[Row]:
    """Return a row for each day, model and label."""
    groups = _grouped(latest_predictions(tables), lambda row: (row["uploaded_on"], row["model"]["name"], row["label"]))
    return [
        {
            "uploaded_on": day,
            "model_name": model,
            "label": label,
            "images": len(rows),
            "needing_review": sum(row["needs_review"] for row in rows),
            "mean_score": _mean(row["score"] for row in rows),
        }
        for (day, model, label), rows in groups.items()
    ]


def review_queue(tables: Tables) -> list[Row]:
    """Return a row for each upload whose prediction needs a person, for its score or novelty, and has no label."""
    why = {(True, False): "low_score", (False, True): "unfamiliar", (True, True): "low_score_and_unfamiliar"}
    labelled = {row["prediction_id"] for row in tables.labels}
    return [
        {name: row[name] for name in ("prediction_id", "uploaded_on", "uploaded_at", "label", "score", "candidates")}
        | {"name": row["image"]["name"], "archive_uri": row["image"]["archive_uri"]}
        | {"model_name": row["model"]["name"], "model_version": row["model"]["version"]}
        | {name: row[name] for name in ("needs_review", "is_unfamiliar")}
        | {"novelty": (row["signals"] or {}).get("novelty")}
        | {"why": why[row["needs_review"], bool(row["is_unfamiliar"])]}
        for row in latest_predictions(tables)
        if (row["needs_review"] or row["is_unfamiliar"]) and row["prediction_id"] not in labelled
    ]


def audit_queue(tables: Tables) -> list[Row]:
    """Return a row for each upload of the audit sample whose picture was not generated and that has no label."""
    labelled = {row["prediction_id"] for row in tables.labels}
    columns = ("prediction_id", "upload_id", "uploaded_on", "uploaded_at", "label", "score", "candidates")
    return [
        {name: row[name] for name in columns}
        | {"name": row["image"]["name"], "archive_uri": row["image"]["archive_uri"]}
        | {"model_name": row["model"]["name"], "model_version": row["model"]["version"]}
        for row in latest_predictions(tables)
        if row["upload_id"] < audit_bound(0.01)
        and row["image"]["generated_by"] is None
        and row["prediction_id"] not in labelled
    ]


def model_history(tables: Tables) -> list[Row]:
    """Return a row for each event, as it was recorded first."""
    first: dict[str, Row] = {}
    for row in sorted(tables.model_events, key=lambda row: row["happened_at"]):
        first.setdefault(row["event_id"], row)
    return list(first.values())


def results(tables: Tables) -> list[Row]:
    """Return a row for each file name, content and model: the last upload, with the last label by a person."""
    seen = {row["prediction_id"]: row for row in predictions_by_model(tables)}
    last_word: dict[tuple[str, str], Row] = {}
    for row in sorted(tables.labels, key=lambda row: row["label_id"], reverse=True):
        if (of := seen.get(row["prediction_id"])) is not None:
            picture = of["image"]["sha256"], of["model"]["name"]
            before = last_word.get(picture)
            if before is None or row["labelled_at"] >= before["labelled_at"]:
                last_word[picture] = row
    groups = _grouped(
        latest_predictions(tables), lambda row: (row["image"]["name"], row["image"]["sha256"], row["model"]["name"])
    )
    lines = []
    for (name, sha256, model), rows in groups.items():
        last = max(row["uploaded_at"] for row in rows)
        row = min((row for row in rows if row["uploaded_at"] == last), key=lambda row: row["prediction_id"])
        word = last_word.get((sha256, model), {})
        lines.append(
            {column: row[column] for column in ("label", "score", "needs_review")}
            | {column: row[column] for column in ("uploaded_on", "uploaded_at", "prediction_id")}
            | {"name": name, "sha256": sha256, "archive_uri": row["image"]["archive_uri"]}
            | {"model_name": model, "model_version": row["model"]["version"]}
            | {"final_label": word.get("label", row["label"])}
            | {"labelled_by": word.get("labelled_by"), "labelled_at": word.get("labelled_at")}
        )
    return lines


def latency_by_revision(tables: Tables) -> list[Row]:
    """Return a row for each service, revision and source. Quantiles are occurring values, by the nearest rank."""
    counted = [row for row in calls(tables) if not row["is_probe"]]
    groups = _grouped(counted, lambda row: (row["service"], row["revision"], row["source"]))
    return [
        {"service": service, "revision": revision, "source": source, "calls": len(rows)}
        | {"cold_starts": sum(row["is_cold_start"] for row in rows)}
        | {f"p{percent}_ms": _nearest_rank([row["total_ms"] for row in rows], percent) for percent in (50, 95, 99)}
        | {f"mean_{step}_ms": _mean(row[f"{step}_ms"] for row in rows) for step in ("decode", "classify")}
        for (service, revision, source), rows in groups.items()
    ]


REFERENCE: dict[str, Callable[[Tables], list[Row]]] = {
    view.__name__: view
    for view in (
        audit_queue,
        calls,
        daily_label_counts,
        latency_by_revision,
        latest_predictions,
        model_history,
        predictions_by_model,
        rejected_uploads,
        results,
        review_queue,
    )
}
"""References by the view's name."""

_OF_A_CALL = (
    *("source", "event_id", "trace", "caller", "service", "revision", "instance", "is_cold_start", "received_at"),
    *("received_bytes", "batch_id", "is_probe"),
)
_TIMES = ("read_ms", "decode_ms", "classify_ms", "archive_ms", "total_ms")


def _of_the_call(row: Row) -> Row:
    call = row["call"]
    return (
        {name: row[name] for name in ("uploaded_on", "recorded_at")}
        | {name: call[name] for name in _OF_A_CALL}
        | {name: call["times"][name] for name in _TIMES}
    )


def _that_count(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if not (row["call"]["is_shadow"] or row["call"]["is_probe"])]


def _newest(rows: Iterable[Row], key: Callable[[Row], Hashable]) -> Iterable[Row]:
    """Return the row of each key that was recorded last; of several the first."""
    newest: dict[Hashable, Row] = {}
    for row in rows:
        if (before := newest.get(key(row))) is None or row["recorded_at"] > before["recorded_at"]:
            newest[key(row)] = row
    return newest.values()


def _grouped(rows: Iterable[Row], key: Callable[[Row], tuple[Any, ...]]) -> dict[tuple[Any, ...], list[Row]]:
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _nearest_rank(values: list[float], percent: int) -> float:
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]
