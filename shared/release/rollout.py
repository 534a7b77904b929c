"""The steps of a release over several services; each can be repeated, and an interrupted step does no harm.

The champion serves until traffic is moved, a challenger gets none before it is ready on every service, and the state
of a release is read from the services alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shared.release.errors import NothingToRelease
from shared.release.ports import Platform
from shared.release.revisions import Change, Standing, Traffic
from shared.release.traffic import on_trial, promoted, rolled_back


def begin(platform: Platform, services: Sequence[str], change: Change, percent: int) -> list[Standing]:
    """Put a change on trial with a share of the traffic, or change the share of the current trial.

    Args:
        platform: the platform that runs the services.
        services: names of the services.
        change: the change on trial; if empty, the current trial, or else the newest revision.
        percent: the challenger's share, 0 to 100.

    Raises:
        NothingToRelease: the change serves already, or another change is on trial.
        RevisionFailed: the change does not start; no traffic was moved.
    """
    challengers = [_challenger(platform, service, change) for service in services]
    moved = []
    for service, challenger in zip(services, challengers, strict=True):
        standing = platform.standing(service)
        moved.append(_move(platform, standing, on_trial(standing.traffic, challenger, percent)))
    return moved


def promote(platform: Platform, services: Sequence[str]) -> list[Standing]:
    """Give the challengers all traffic.

    Raises:
        NothingToRelease: nothing is on trial; no traffic was moved.
    """
    return _move_all(platform, services, promoted)


def roll_back(platform: Platform, services: Sequence[str]) -> list[Standing]:
    """Give the champions all traffic; after a promotion, the revisions that served before it.

    Services that are not in a release are left as they are.

    Raises:
        NothingToRelease: no service is in a release.
    """
    standings = [platform.standing(service) for service in services]
    released = [standing for standing in standings if standing.challenger or standing.previous]
    if not released:
        rolled_back(standings[0].traffic)
    # A promotion may be half finished: some services are still on trial, others are promoted.
    return [
        _move(platform, standing, rolled_back(standing.traffic)) if standing in released else standing
        for standing in standings
    ]


def _challenger(platform: Platform, service: str, change: Change) -> str:
    """Return a challenger that is ready, and deploy it if there is none."""
    standing = platform.standing(service)
    on_trial_now = standing.find(standing.challenger) if standing.challenger else None
    if on_trial_now is None:
        challenger = platform.deploy(service, change)
        on_trial(standing.traffic, challenger, 0)  # raises if the champion has the change already
        return challenger
    if not change.is_in(on_trial_now):
        raise NothingToRelease(
            f"{on_trial_now.name} is on trial on {service}, without {change}; first run: bucketlens release rollback"
        )
    return on_trial_now.name


def _move_all(platform: Platform, services: Sequence[str], step: Callable[[Traffic], Traffic]) -> list[Standing]:
    """Compute every service's new traffic before any is moved."""
    standings = [platform.standing(service) for service in services]
    new_traffic = [step(standing.traffic) for standing in standings]
    return [_move(platform, standing, traffic) for standing, traffic in zip(standings, new_traffic, strict=True)]


def _move(platform: Platform, standing: Standing, traffic: Traffic) -> Standing:
    return standing if standing.traffic == traffic else platform.set_traffic(standing, traffic)
