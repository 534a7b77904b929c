"""Record the steps of a release in ``model_events``: who gave which model traffic, on which evidence."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from shared.cli.event_record import EventRecord
from shared.cli.options import Deployment
from shared.release.metrics import ComparisonQuery
from shared.release.release_events import ReleaseEvents, on_trial, promotions, withdrawals
from shared.release.revisions import Change, Standing
from shared.release.served_models import ServedModels

MAX_PAIRS = 100
"""The pairs of labels that are recorded, most frequent first: a thousand labels could have a million pairs."""


class ReleaseRecord:
    """The record of a release's steps.

    Args:
        deployment: the deployment whose services are released.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._record = EventRecord(deployment)

    def canary(self, standings: Sequence[Standing], percent: int) -> None:
        """Record that challengers were created, and that they were given a share of the traffic, 0 to 100."""
        replacements = on_trial(standings)
        self._record.write(
            lambda: [*self._events.configured(replacements), *self._events.canary(replacements, percent)]
        )

    def shadowed(self, run: str, change: Change, standings: Sequence[Standing]) -> None:
        """Record that a shadow has classified the archive."""
        champions = [revision for standing in standings if (revision := standing.find(standing.champion))]
        self._record.write(lambda: self._events.shadowed(run, change, champions))

    def checked(self, query: ComparisonQuery, standings: Sequence[Standing], verdict: dict[str, Any]) -> None:
        """Record a verdict with its figures."""
        shown = {**verdict, "pairs": verdict["pairs"][:MAX_PAIRS]}
        self._record.write(lambda: self._events.checked(query.champion, query.challenger, standings, shown))

    def promoted(self, standings: Sequence[Standing], *, anyway: bool) -> None:
        """Record that challengers were given all traffic."""
        self._record.write(lambda: self._events.promoted(promotions(standings), anyway=anyway))

    def rolled_back(self, before: Sequence[Standing], after: Sequence[Standing]) -> None:
        """Record that challengers, or revisions that were promoted, were withdrawn."""
        self._record.write(lambda: self._events.rolled_back(withdrawals(before, after)))

    @cached_property
    def _events(self) -> ReleaseEvents:
        has_images = self._deployment.cloud is None
        models = ServedModels(self._deployment.bundles, self._record.warehouse, has_images=has_images)
        return ReleaseEvents(models, self._record.actor)
