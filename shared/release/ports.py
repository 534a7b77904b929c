"""The port of a release: the platform that runs the services."""

from __future__ import annotations

from typing import Protocol

from shared.release.revisions import Change, Standing, Traffic


class Platform(Protocol):
    """Services, their revisions and their traffic: Cloud Run, or the local cloud.

    Every call raises ``PlatformUnavailable`` where no response came, and ``ReleaseRefused`` where it was refused.
    """

    def standing(self, service: str) -> Standing:
        """Return the current state of a service."""

    def deploy(self, service: str, change: Change) -> str:
        """Create a revision with a change and without traffic, wait until it is ready, and return its name.

        Idempotent: if the newest revision has the change already, its name is returned.

        Raises:
            RevisionFailed: the revision does not start; the traffic is as before.
        """

    def set_traffic(self, standing: Standing, traffic: Traffic) -> Standing:
        """Set the traffic of a service, and return its new state.

        Raises:
            TrafficMoved: the service is no longer in the state ``standing``; nothing was changed.
        """

    def shadow(self, change: Change) -> str:
        """Classify the champion's archived pictures with a change, as shadows, and return the run's name.

        The run has ended on return. Pictures that a run with this change has classified before are left out.

        Raises:
            RevisionFailed: the run failed.
        """
