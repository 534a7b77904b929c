"""Where traffic goes at each step of a release. Pure: traffic in, traffic out."""

from __future__ import annotations

from shared.release.errors import NothingToRelease
from shared.release.revisions import CHALLENGER, PREVIOUS, Target, Traffic, champion_of, tagged


def on_trial(traffic: Traffic, challenger: str, percent: int) -> Traffic:
    """Give a challenger its share, and the champion the rest.

    Args:
        traffic: as it is.
        challenger: a revision; it may be on trial already, with another share.
        percent: the share, 0 to 100.
    """
    champion = champion_of(traffic)
    if challenger == champion:
        raise NothingToRelease(f"{challenger} serves already; there is nothing to try out.")
    return Target(champion, 100 - percent), Target(challenger, percent, CHALLENGER)


def promoted(traffic: Traffic) -> Traffic:
    """Give the challenger everything; the champion stays at hand. Again: the same.

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
    """Give everything to the champion; where none is on trial, to whoever served before the last promotion.

    Raises:
        NothingToRelease: there is nothing to return to.
    """
    if tagged(traffic, CHALLENGER) is not None:
        return (Target(champion_of(traffic), 100),)
    before = tagged(traffic, PREVIOUS)
    if before is None:
        raise NothingToRelease("No revision is on trial, and none was promoted: there is nothing to roll back.")
    return (Target(before, 100),)
