"""Judge the models that are served: each verdict is recorded, and gets a log line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from shared.bundles.bundle import Bundle
from shared.errors import InvalidBundle
from shared.logs import log
from shared.monitoring.judge import Judgement, judge, record_verdict
from shared.monitoring.last_label import days_since_label
from shared.monitoring.log_line import log_verdict
from shared.monitoring.threshold_settings import thresholds_from
from shared.ports import Warehouse
from shared.release.model_events import RowWriter

WINDOW_DAYS = 7
"""Days of a window. A week has every weekday once, and 50 pictures also where few are uploaded."""


class JudgingWarehouse(Warehouse, RowWriter, Protocol):
    """A warehouse that answers queries, and takes the event of a verdict."""


def judge_models(
    bundles: Iterable[Bundle],
    warehouse: JudgingWarehouse,
    now: datetime,
    *,
    actor: str | None,
    environment: Mapping[str, str],
) -> list[Judgement]:
    """Judge the last days of each bundle's model, by itself: rows of its other versions do not count.

    The window ends with the last full hour. So a run that is repeated within the hour judges the same rows, its events
    have the same ids, and nothing is counted twice.

    Args:
        bundles: that are served.
        warehouse: where the rows are; takes the events.
        now: aware.
        actor: the identity of the service that judges; None where it is not known.
        environment: has the thresholds that differ from the defaults.

    Returns:
        The judgements in the order of the bundles, without a bundle whose profile cannot be read: its log line is an
        error.

    Raises:
        Misconfigured: a threshold is malformed.
        WarehouseUnavailable: no answer within the deadline; the models judged so far are recorded.
        BadRequest: the tables and views are not there, or have other columns.
    """
    thresholds, retraining = thresholds_from(environment)
    until = now.replace(minute=0, second=0, microsecond=0)
    unlabelled_days = days_since_label(warehouse, now)
    judgements = []
    for bundle in bundles:
        since = until - timedelta(days=WINDOW_DAYS)
        try:
            judgement = judge(
                warehouse, bundle, since, until, only_version=True, thresholds=thresholds, retraining=retraining
            )
        except InvalidBundle as error:
            log.error(f"not judged: {bundle.manifest.name} {bundle.manifest.version}: {error}")
            continue
        record_verdict(judgement, warehouse, actor=actor, at=now)
        log_verdict(judgement, unlabelled_days)
        judgements.append(judgement)
    return judgements
