"""Traffic at each step of a release: pure functions from traffic to traffic."""

from __future__ import annotations

from shared.release.errors import NothingToRelease
from shared.release.revisions import CHALLENGER, PREVIOUS, Target, Traffic, champion_of, tagged


def on_trial(traffic: Traffic, challenger: str, percent: int) -> Traffic:
    """Give a challenger its share, and the champion the rest.

    Args:
        traffic: the current traffic.
        challenger: a revision; it may be on trial already, with another share.
        percent: the share, 0 to 100.
    """
    champion = champion_of(traffic)
    if challenger == champion:
        raise NothingToRelease(f"{challenger} serves already; there is nothing to release.")
    return Target(champion, 100 - percent), Target(challenger, percent, CHALLENGER)


def promoted(traffic: Traffic) -> Traffic:
    """Give the challenger all traffic and keep the champion for a rollback; idempotent.

    Raises:
        NothingToRelease: no revision is on trial, and none was just promoted.
    """
    challenger = tagged(traffic, CHALLENGER)
    if challenger is not None:
        return Target(challenger, 100), Target(champion_of(traffic), 0, PREVIOUS)
    if tagged(traffic, PREVIOUS) is not None:
        return traffic
    raise NothingToRelease("No revision is on trial; start with: bucketlens release canary")


def rolled_back(traffic: Traffic) -> Traffic:
    """Give the champion all traffic; without a trial, the revision that served before the last promotion.

    Raises:
        NothingToRelease: there is nothing to return to.
    """
    if tagged(traffic, CHALLENGER) is not None:
        return (Target(champion_of(traffic), 100),)
    before = tagged(traffic, PREVIOUS)
    if before is None:
        raise NothingToRelease("No revision is on trial and none was promoted, so there is nothing to roll back.")
    return (Target(before, 100),)
