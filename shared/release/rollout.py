"""The steps of a release over several services. Each can be repeated, and a step that breaks off harms nobody.

The champion serves until traffic is moved, a challenger gets none before it is ready on every service, and where
everything is follows from the services alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shared.release.errors import NothingToRelease
from shared.release.ports import Platform
from shared.release.revisions import Change, Standing, Traffic
from shared.release.traffic import on_trial, promoted, rolled_back


def begin(platform: Platform, services: Sequence[str], change: Change, percent: int) -> list[Standing]:
    """Put a change on trial with a share of the traffic, or change the share of what is on trial.

    Args:
        platform: runs the services.
        services: by name.
        change: what is tried out; without any, what is on trial already, or else the newest revision.
        percent: the share, 0 to 100.

    Raises:
        NothingToRelease: the change serves already, or something else is on trial.
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
    """Give the champions all traffic; where a promotion is over, whoever served before it.

    Services among them that are not in a release are left as they are.

    Raises:
        NothingToRelease: none of them is.
    """
    standings = [platform.standing(service) for service in services]
    released = [one for one in standings if one.challenger or one.previous]
    if not released:
        rolled_back(standings[0].traffic)
    # A half-finished promotion: what is still on trial goes first, whatever was promoted follows.
    return [_move(platform, one, rolled_back(one.traffic)) if one in released else one for one in standings]


def _challenger(platform: Platform, service: str, change: Change) -> str:
    """Return a challenger that is ready, made if need be."""
    standing = platform.standing(service)
    on_trial_now = standing.find(standing.challenger) if standing.challenger else None
    if on_trial_now is None:
        challenger = platform.deploy(service, change)
        on_trial(standing.traffic, challenger, 0)  # refuses what serves already
        return challenger
    if not change.is_in(on_trial_now):
        raise NothingToRelease(
            f"{on_trial_now.name} is on trial on {service}, and has not {change}; first: bucketlens release rollback"
        )
    return on_trial_now.name


def _move_all(platform: Platform, services: Sequence[str], step: Callable[[Traffic], Traffic]) -> list[Standing]:
    """Work out every service's traffic before any is moved."""
    standings = [platform.standing(service) for service in services]
    wanted = [step(standing.traffic) for standing in standings]
    return [_move(platform, standing, traffic) for standing, traffic in zip(standings, wanted, strict=True)]


def _move(platform: Platform, standing: Standing, traffic: Traffic) -> Standing:
    return standing if standing.traffic == traffic else platform.set_traffic(standing, traffic)
