"""Errors of a release; each message is a sentence for the user of the command."""

from __future__ import annotations

from shared.errors import BucketlensError, Transient


class NothingToRelease(BucketlensError):
    """The services are not in a state in which this step makes sense; nothing was changed."""


class RevisionFailed(BucketlensError):
    """A new revision does not start; it got no traffic."""


class TrafficMoved(BucketlensError):
    """Another process or person changed the service meanwhile; this step changed nothing."""


class ReleaseRefused(BucketlensError):
    """The platform refuses, and would again: no such service, no permission, a malformed image."""


class PlatformUnavailable(Transient):
    """The platform did not answer in time, or the outcome of the call is unknown."""
