"""The bundle whose rows are judged: the one that serves, or another that is named."""

from __future__ import annotations

from dataclasses import dataclass

import click

from shared.bundles.bundle import Bundle
from shared.bundles.references import references_from
from shared.cli.options import Deployment
from shared.cli.release_options import Releases
from shared.errors import UnknownModel

SERVICE = "classify-upload"


@dataclass(frozen=True, slots=True)
class MonitoredBundle:
    """A bundle, and whether its version was named."""

    bundle: Bundle
    is_version: bool
    """Whether the model was named with a version, so that rows of other versions do not count."""


def monitored_bundle(
    deployment: Deployment, region: str | None, bundle: str | None, model: str | None
) -> MonitoredBundle:
    """Return the bundle whose rows are judged.

    Args:
        deployment: that serves it.
        region: of the services; needed in a project without ``bundle``.
        bundle: as in ``MODEL_BUNDLE``; None for what the service of uploads serves.
        model: as NAME or NAME@VERSION; None if only one model serves.

    Raises:
        click.UsageError: there is no such model, or there are several.
        Misconfigured: a bundle cannot be read.
        Transient: the platform does not answer.
    """
    try:
        references = references_from(bundle or _served(deployment, region))
    except ValueError as error:
        raise click.UsageError(f"--bundle is {bundle}, expected {error}.") from error
    index = deployment.bundles.index(references)
    if model is None and len(index.names) > 1:
        raise click.UsageError(f"{len(index.names)} models serve: {', '.join(index.names)}. Choose one with --model.")
    try:
        return MonitoredBundle(index.find(model), model is not None and model not in index)
    except UnknownModel as error:
        raise click.UsageError(f"{error} A version that no longer serves is given by --bundle.") from error


def _served(deployment: Deployment, region: str | None) -> str:
    if deployment.cloud is None and not region:
        raise click.UsageError("--project needs --region, where the services run, or --bundle.")
    return Releases(deployment, region, (SERVICE,)).champions_bundle(SERVICE)
