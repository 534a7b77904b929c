"""What happened since a model was trained, by BigQuery SQL: its verdicts and the labels that people gave."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.bundles.bundle import Bundle
from shared.monitoring.reference import made_at
from shared.monitoring.retraining_proposal import JudgedWindow, ModelHistory
from shared.monitoring.verdict import State
from shared.ports import Warehouse

NONE_OF_THESE = "none_of_these"
"""The label of a person who knows that no label of the model is right: nothing can be trained with it."""

DAYS_BEFORE = 90
"""Days after its upload until which a picture may be labelled and count as a new label."""

MOST_DAYS = 365
"""Verdicts of so many days count, and labels where it is not known when the model was trained."""

VERDICTS = """
SELECT
  JSON_VALUE(evidence, '$.since') AS since, JSON_VALUE(evidence, '$.until') AS until,
  JSON_VALUE(evidence, '$.state') AS state
FROM model_events
WHERE happened_on >= DATE '{first}' AND event = 'verdict' AND model.digest IN UNNEST(@digest)
QUALIFY ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY happened_at) = 1
ORDER BY happened_at DESC, event_id
"""
"""The table, and not the view ``model_history``: a filter on the day would not reach below the view's window, and the
evidence of a year of hourly verdicts is read by each of them."""

LABELS = """
SELECT judged.label AS label, COUNT(DISTINCT predictions.image.sha256) AS pictures
FROM predictions_by_model AS predictions
JOIN (
  SELECT prediction_id, label
  FROM labels
  WHERE labelled_on >= DATE '{trained}' AND labelled_at >= CAST(@trained_at[OFFSET(0)] AS TIMESTAMP)
  QUALIFY ROW_NUMBER() OVER (PARTITION BY prediction_id ORDER BY labelled_at DESC, label_id) = 1
) AS judged
  ON judged.prediction_id = predictions.prediction_id
WHERE predictions.uploaded_on >= DATE '{uploaded}'
  AND predictions.model.name IN UNNEST(@model)
  AND predictions.call.is_probe IS NOT TRUE AND predictions.image.generated_by IS NULL
GROUP BY judged.label
"""


def history_of(warehouse: Warehouse, bundle: Bundle, now: datetime) -> ModelHistory:
    """Return the history of a bundle's model. A picture that is labelled several times is one new label.

    Args:
        warehouse: where the rows are.
        bundle: of the model.
        now: aware; verdicts on later windows do not count.

    Raises:
        WarehouseUnavailable: no answer within the deadline.
        BadRequest: the tables and views are not there, or have other columns.
    """
    manifest, trained_at = bundle.manifest, made_at(bundle)
    since = (trained_at or now - timedelta(days=MOST_DAYS)).astimezone(UTC)
    sql = LABELS.format(trained=since.date(), uploaded=since.date() - timedelta(days=DAYS_BEFORE))
    rows = warehouse.query(sql, model=[manifest.name], trained_at=[since.isoformat()]).rows
    pictures = {row["label"]: row["pictures"] for row in rows if row["label"] != NONE_OF_THESE}
    first = (now - timedelta(days=MOST_DAYS)).astimezone(UTC).date()
    verdicts = warehouse.query(VERDICTS.format(first=first), digest=[bundle.digest]).rows
    windows = filter(None, map(_judged_window, verdicts))
    return ModelHistory(
        trained_at=trained_at,
        training_pictures=_training_pictures(manifest.lineage),
        windows=tuple(window for window in windows if window.until <= now),
        new_labels=sum(pictures.values()),
        unknown_labels={label: count for label, count in pictures.items() if label not in manifest.labels},
    )


def _judged_window(row: Mapping[str, Any]) -> JudgedWindow | None:
    """Return a window from an event; None for an event that another release wrote in another form."""
    try:
        since, until = (datetime.fromisoformat(str(row[name])) for name in ("since", "until"))
        return JudgedWindow(since, until, State(row["state"])) if since.tzinfo and until.tzinfo else None
    except ValueError:
        return None


def _training_pictures(lineage: Mapping[str, Any]) -> int:
    data = lineage.get("data")
    count = data.get("training") if isinstance(data, Mapping) else None
    return count if isinstance(count, int) else 0
