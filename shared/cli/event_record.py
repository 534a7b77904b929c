"""Record what commands do to models in ``model_events``; a command never fails for its record."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import psutil

from shared.adapters.bigquery import BigQuery, translate_errors
from shared.cli.options import Deployment, remarks
from shared.errors import BucketlensError
from shared.release.model_events import ModelEvent, record

DEADLINE_S = 10
"""The longest wait for a record. What it records is done by then, so nothing but the command's end waits for it."""

WARNING: dict[str, Any] = {"style": "yellow", "markup": False, "soft_wrap": True}
HOW_TO = "Who may append to that table: docs/release.md, under The record."


class EventRecord:
    """The record of one command.

    Args:
        deployment: the deployment whose warehouse has the table.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    @cached_property
    def warehouse(self) -> BigQuery:
        """The warehouse, with a shorter deadline than for a command's own queries."""
        deployment = self._deployment
        endpoint = deployment.cloud.url("warehouse") if deployment.cloud else None
        with translate_errors("connecting to BigQuery"):  # there may be no credentials, and the act needed none
            return BigQuery(deployment.project, deployment.dataset, DEADLINE_S, endpoint=endpoint)

    @cached_property
    def actor(self) -> str | None:
        """The identity that acts: the account of the credentials, or the user of this machine; None if unknown."""
        if self._deployment.cloud:
            return str(psutil.Process().username())
        from shared.adapters.google_rest import GoogleRest

        try:
            return GoogleRest(self._deployment.project, DEADLINE_S).account()
        except BucketlensError:
            return None

    def write(self, events: Callable[[], Iterable[ModelEvent]]) -> None:
        """Append events. Where one cannot be appended, print a warning and leave out the rest: the act itself is done.

        A command that failed after it moved traffic would make scripts repeat or undo what has succeeded.
        """
        try:
            for event in events():
                record(event, self.warehouse)
        except (BucketlensError, ValueError) as error:
            remarks.print(f"! Done, but not recorded in model_events: {error} {HOW_TO}", **WARNING)
