"""Events of a release's steps: each model that takes the place of another, with the revisions in which it does.

A step that is repeated writes the same event again: its id is made of what it did, and not of when.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.release.model_events import Event, ModelEvent, event_id_of
from shared.release.revisions import Change, Revision, Standing
from shared.release.served_models import Served, ServedModel, ServedModels, changed_models


@dataclass(frozen=True, slots=True)
class Replacement:
    """A revision of a service, and the revision whose place it takes or took."""

    service: str
    revision: Revision
    replaced: Revision
    etag: str
    """The state of the service after the step."""

    def as_json(self) -> dict[str, Any]:
        """Return the names of both revisions, and what serves them."""
        return {
            "service": self.service,
            "revision": self.revision.name,
            "bundle": self.revision.bundle,
            "image": self.revision.image,
            "commit": self.revision.commit,
            "replaced": self.replaced.name,
        }


def on_trial(standings: Sequence[Standing]) -> list[Replacement]:
    """Return the challengers, each with its champion."""
    return [
        _replacement(standing, standing.challenger, standing.champion, standing.etag)
        for standing in standings
        if standing.challenger
    ]


def promotions(standings: Sequence[Standing]) -> list[Replacement]:
    """Return the revisions that were promoted, each with the one that served before, after the promotion."""
    return [
        _replacement(standing, standing.champion, standing.previous, standing.etag)
        for standing in standings
        if standing.previous
    ]


def withdrawals(before: Sequence[Standing], after: Sequence[Standing]) -> list[Replacement]:
    """Return the revisions that a rollback withdrew, each with the one that serves again."""
    return [
        _replacement(earlier, earlier.challenger or earlier.champion, later.champion, later.etag)
        for earlier, later in zip(before, after, strict=True)
        if earlier.traffic != later.traffic and (earlier.challenger or earlier.champion) != later.champion
    ]


@dataclass(frozen=True)
class ReleaseEvents:
    """Events of the steps of releases by one actor.

    Args:
        models: finds the models of revisions.
        actor: the identity of a person or of a service; None where it is not known.
    """

    models: ServedModels
    actor: str | None

    def configured(self, replacements: Sequence[Replacement]) -> list[ModelEvent]:
        """Return the events of revisions that were created without traffic, at the time of the last of them."""
        created = [replaced.revision.created_at for replaced in replacements if replaced.revision.created_at]
        at = max(created, default=datetime.now(UTC))
        return self._events(Event.CONFIGURED, replacements, {}, at, has_moved=False)

    def canary(self, replacements: Sequence[Replacement], percent: int) -> list[ModelEvent]:
        """Return the events of challengers that were given a share of the traffic, 0 to 100."""
        return self._events(Event.CANARY, replacements, {"percent": percent})

    def promoted(self, replacements: Sequence[Replacement], *, anyway: bool) -> list[ModelEvent]:
        """Return the events of challengers that were given all traffic, ``anyway`` where a bad verdict was ignored."""
        return self._events(Event.PROMOTED, replacements, {"percent": 100, "anyway": anyway})

    def rolled_back(self, replacements: Sequence[Replacement]) -> list[ModelEvent]:
        """Return the events of models that were withdrawn; the parent is the model that serves again."""
        return self._events(Event.ROLLED_BACK, replacements, {"percent": 0})

    def shadowed(self, run: str, change: Change, champions: Sequence[Revision]) -> list[ModelEvent]:
        """Return the events of a shadow's run, which is a test: the models of a change classified the archive."""
        champion = _together(self.models.of(revision) for revision in champions)
        shadow = self.models.of(Revision(run, change.image, change.bundle, is_ready=True))
        evidence = {"by": "shadow", "run": run, "bundle": change.bundle, "image": change.image}
        changed = changed_models(champion, shadow)
        return [self._event(Event.TESTED, served, parent, evidence, [run]) for served, parent in changed]

    def checked(
        self,
        champions: Sequence[str],
        challengers: Sequence[str],
        standings: Sequence[Standing],
        verdict: Mapping[str, Any],
    ) -> list[ModelEvent]:
        """Return the events of a verdict. A check that is repeated and has the same figures is the same event.

        Args:
            champions: names of revisions.
            challengers: names of revisions, or of a shadow's runs.
            standings: the current state of the services, if it was read.
            verdict: the verdict with its figures, ready for JSON.
        """
        changed = changed_models(self._of_names(champions, standings), self._of_names(challengers, standings))
        return [self._event(Event.CHECKED, served, parent, verdict, [verdict]) for served, parent in changed]

    def _of_names(self, names: Sequence[str], standings: Sequence[Standing]) -> Served:
        known = [standing.find(name) for standing in standings for name in names]
        revisions = [revision for revision in known if revision]
        return (
            _together(self.models.of(revision) for revision in revisions) if revisions else self.models.in_rows(names)
        )

    def _events(
        self,
        event: Event,
        replacements: Sequence[Replacement],
        evidence: Mapping[str, Any],
        at: datetime | None = None,
        *,
        has_moved: bool = True,
    ) -> list[ModelEvent]:
        """Return an event for each changed model, with the revisions of all services that change to it."""
        by_change: dict[tuple[ServedModel | None, str | None], list[Replacement]] = {}
        for replacement in replacements:
            before, after = self.models.of(replacement.replaced), self.models.of(replacement.revision)
            for change in changed_models(before, after):
                by_change.setdefault(change, []).append(replacement)
        return [
            self._event(
                event,
                served,
                parent,
                {**evidence, "services": [replacement.as_json() for replacement in changed]},
                [_identity(replacement, has_moved=has_moved) for replacement in changed],
                at,
                None if parent else changed[0].revision.commit,
            )
            for (served, parent), changed in by_change.items()
        ]

    def _event(
        self,
        event: Event,
        served: ServedModel | None,
        parent: str | None,
        evidence: Mapping[str, Any],
        identity: list[Any],
        at: datetime | None = None,
        commit: str | None = None,
    ) -> ModelEvent:
        """Return an event; ``commit`` is that of the image, which counts where the model itself did not change."""
        digest = served.model.digest if served else None
        return ModelEvent(
            event_id=event_id_of(event, digest, parent, *identity),
            happened_at=at or datetime.now(UTC),
            event=event,
            actor=self.actor,
            model=served.model if served else None,
            parent_digest=parent,
            dataset_fingerprint=served.dataset_fingerprint if served else None,
            code_commit=commit or (served.code_commit if served else None),
            evidence=evidence,
        )


def _identity(replacement: Replacement, *, has_moved: bool) -> list[str | None]:
    """Return what makes a step the same one when it is repeated.

    A service's state changes whenever its traffic does, so a repeated step that moves nothing finds the same state.
    """
    created_at = replacement.revision.created_at
    created = created_at.isoformat() if created_at else None
    return [replacement.service, replacement.revision.name, created, replacement.etag if has_moved else None]


def _replacement(standing: Standing, revision: str, replaced: str | None, etag: str) -> Replacement:
    return Replacement(standing.service, _revision(standing, revision), _revision(standing, str(replaced)), etag)


def _revision(standing: Standing, name: str) -> Revision:
    """Return a revision, of which only the name is known if it is older than those that were read."""
    return standing.find(name) or Revision(name, None, None, is_ready=True)


def _together(parts: Iterable[Served]) -> Served:
    """Return the models of several revisions; those of the first where two serve a name."""
    models: dict[str, ServedModel] = {}
    for part in parts:
        models = {**part, **models}
    return models
