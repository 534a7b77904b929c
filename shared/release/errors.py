"""What can go wrong in a release; each message is a sentence for whoever typed the command."""

from __future__ import annotations

from shared.errors import BucketlensError, Transient


class NothingToRelease(BucketlensError):
    """The services are not in a state in which this step makes sense; nothing was changed."""


class RevisionFailed(BucketlensError):
    """A new revision does not start; it got no traffic."""


class TrafficMoved(BucketlensError):
    """Somebody else changed the service meanwhile; nothing was changed."""


class ReleaseRefused(BucketlensError):
    """The platform refuses, and would again: no such service, no permission, a malformed image."""


class PlatformUnavailable(Transient):
    """The platform did not answer in time, or nobody knows what became of the call."""
