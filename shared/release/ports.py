"""What a release needs of the platform that runs the services, in its own words."""

from __future__ import annotations

from typing import Protocol

from shared.release.revisions import Change, Standing, Traffic


class Platform(Protocol):
    """Services, their revisions and their traffic: Cloud Run, or the local cloud.

    Every call raises ``PlatformUnavailable`` where no answer came, and ``ReleaseRefused`` where it was refused.
    """

    def standing(self, service: str) -> Standing:
        """Return a service as it is now."""

    def deploy(self, service: str, change: Change) -> str:
        """Make a revision that has a change, without traffic, wait until it is ready, and return its name.

        Idempotent: where the newest revision has the change already, that one is returned.

        Raises:
            RevisionFailed: it does not start; all traffic is where it was.
        """

    def set_traffic(self, standing: Standing, traffic: Traffic) -> Standing:
        """Send traffic somewhere else, and return the service as it is then.

        Raises:
            TrafficMoved: the service is no longer as ``standing`` says; nothing was changed.
        """

    def shadow(self, change: Change) -> str:
        """Let the champion's archived pictures be classified with a change, as shadows; returns the run's name.

        On return it has ended. Pictures that a run with this change has seen already are left out.

        Raises:
            RevisionFailed: the run did not end well.
        """
