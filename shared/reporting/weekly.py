"""Write the weekly reports of the models that are served into a bucket."""

from __future__ import annotations

from datetime import datetime

from shared.bundles.model_index import ModelIndex
from shared.errors import Misconfigured
from shared.logs import log
from shared.ports import ObjectStore
from shared.reporting.period import Period
from shared.reporting.periodic import ReportWarehouse, WrittenReport, write_periodic_report

DAYS = 30
"""Days of a weekly report: each shows the last weeks too, so that a change is seen next to what came before it."""


def write_weekly_reports(
    models: ModelIndex,
    warehouse: ReportWarehouse,
    store: ObjectStore,
    bucket: str,
    now: datetime,
    *,
    actor: str | None,
) -> list[WrittenReport]:
    """Write a report for each model that is served, of its stable version, and a log line for each.

    Args:
        models: that are served.
        warehouse: where the rows are; takes the events.
        store: holds the archive and the bucket.
        bucket: takes the reports; empty if the deployment has none.
        now: aware.
        actor: the identity of the service that writes them; None where it is not known.

    Raises:
        Misconfigured: there is no bucket.
        InvalidBundle: a bundle's profile cannot be read.
        StorageUnavailable, WarehouseUnavailable: no answer within the deadline; run it again.
        BadRequest: the tables and views are not there, or have other columns.
    """
    if not bucket:
        raise Misconfigured("the environment", ["REPORT_BUCKET is not set (the bucket of weekly reports)"])
    reports = []
    for name in models.names:
        bundle = models.find(name)
        report = write_periodic_report(
            warehouse,
            store,
            bucket,
            Period.of_days(DAYS, now),
            bundle,
            made_at=now,
            actor=actor,
            model_name=bundle.manifest.name,
        )
        uri = f"gs://{report.html.bucket}/{report.html.name}"
        log.info(f"wrote {uri}", extra={"fields": {"outcome": "reported", "model": name, "uri": uri}})
        reports.append(report)
    return reports
