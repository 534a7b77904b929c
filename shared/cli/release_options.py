"""Options that the release commands share: the services, the change, the criteria, the wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property, wraps
from itertools import pairwise
from typing import Any

import click

from shared.bundles.references import BundleReference, references_from
from shared.cli.bundle_names import folder_of
from shared.cli.options import Deployment, deployment_options
from shared.cli.release_record import ReleaseRecord
from shared.errors import Misconfigured
from shared.local.releases.platform import LocalPlatform, absolute_references
from shared.release.challenger import challenger_bundles
from shared.release.criteria import Criteria
from shared.release.errors import ReleaseRefused
from shared.release.metrics import ComparisonQuery
from shared.release.ports import Platform
from shared.release.revisions import Change, Standing
from shared.settings import DEFAULT_BUNDLE

SERVICES = ("classify-upload", "classify-request")


@dataclass(frozen=True)
class Releases:
    """A deployment whose services are released."""

    deployment: Deployment
    region: str | None
    services: tuple[str, ...]

    @cached_property
    def platform(self) -> Platform:
        """The local cloud or Cloud Run, whose client is imported only if used, because that takes seconds."""
        if self.deployment.cloud:
            return LocalPlatform(self.deployment.cloud)
        from shared.adapters.cloud_run import CloudRun

        return CloudRun(self.deployment.project, str(self.region))

    @cached_property
    def record(self) -> ReleaseRecord:
        """The record of the release's steps."""
        return ReleaseRecord(self.deployment)

    @property
    def front_url(self) -> str | None:
        """The URL at which the local cloud splits HTTPS traffic; None on Cloud Run, and before the first release."""
        return self.platform.front_url if isinstance(self.platform, LocalPlatform) else None

    def standings(self) -> list[Standing]:
        """Return the current state of the services."""
        return [self.platform.standing(service) for service in self.services]

    def change(self, image: str | None, bundle: str | None, commit: str | None = None) -> Change:
        """Return the change to release: the champion's models, with ``bundle`` in place of those of its names.

        On the local cloud a bundle is known by its absolute folder.

        Raises:
            ReleaseRefused: the champion serves no model of that name, or the name cannot be determined.
            click.UsageError: there is no such bundle.
        """
        if not bundle:
            return Change(image, None, commit)
        if self.deployment.cloud:
            absolute = absolute_references(bundle)
            for reference in references_from(bundle):
                if not reference.is_in_a_bucket:
                    folder_of(reference.location)
            bundle = absolute
        changed = {
            challenger_bundles(self.champions_bundle(service), bundle, self._name_of) for service in self.services
        }
        if len(changed) > 1:
            raise ReleaseRefused(
                f"{' and '.join(self.services)} serve different models; release each on its own with --service."
            )
        return Change(image, changed.pop(), commit)

    def champions_bundle(self, service: str) -> str:
        """Return the champion's value of ``MODEL_BUNDLE``."""
        standing = self.platform.standing(service)
        champion = standing.find(standing.champion)
        return (champion.bundle if champion else None) or DEFAULT_BUNDLE

    def _name_of(self, reference: BundleReference) -> str:
        try:
            [(_, bundle)] = self.deployment.bundles.index([reference]).entries
        except Misconfigured as error:
            raise ReleaseRefused(
                f"{error} If it is served under a name of its own, say so: --bundle NAME={reference.location}"
            ) from error
        return bundle.manifest.name


class Percents(click.ParamType[tuple[int, ...]]):
    """Rising shares of traffic in percent, such as ``10`` or ``10,50,100``."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Return the shares; click calls this."""
        try:
            shares = tuple(int(share) for share in str(value).split(","))
        except ValueError:
            shares = ()
        is_rising = all(share < following for share, following in pairwise(shares))
        if not shares or not is_rising or not 0 <= shares[0] <= shares[-1] <= 100:
            self.fail(f"it is {value!r}, expected rising whole numbers from 0 to 100, such as 10 or 10,50,100", param)
        return shares


def releases_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the services to a command, which receives them as ``releases``."""

    @wraps(command)
    def with_releases(deployment: Deployment, region: str | None, service: tuple[str, ...], **options: Any) -> None:
        if not deployment.cloud and not region:
            raise click.UsageError("--project needs --region: the region of the services.")
        command(releases=Releases(deployment, region, service or SERVICES), **options)

    region = click.option("--region", help="The region of the services; required with --project.")
    service = click.option(
        "--service",
        multiple=True,
        help=f"Release only this service; may be repeated.  [default: {', '.join(SERVICES)}]",
    )
    return deployment_options(region(service(with_releases)))


def criteria_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each criterion to a command, which receives them as ``criteria``."""

    @wraps(command)
    def with_criteria(**options: Any) -> None:
        values = {criterion.name: options.pop(criterion.name) for criterion in fields(Criteria)}
        command(criteria=Criteria(**values), **options)

    decorated: Callable[..., None] = with_criteria
    for criterion in reversed(fields(Criteria)):
        kind = click.IntRange(0) if isinstance(criterion.default, int) else click.FloatRange(0)
        name = "--" + criterion.name.replace("_", "-")
        help_ = criterion.metadata["help"]
        decorated = click.option(name, type=kind, default=criterion.default, show_default=True, help=help_)(decorated)
    return decorated


def wait_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for how long and how often a check waits for evidence."""
    wait = click.option(
        "--wait", type=click.IntRange(0), default=0, show_default=True, help="Seconds to wait for enough evidence."
    )
    every = click.option(
        "--every", type=click.FloatRange(0.1), default=15.0, show_default=True, help="Seconds between two checks."
    )
    return wait(every(command))


def comparison_query(
    standings: list[Standing], champion: tuple[str, ...], challenger: tuple[str, ...], shadow: str | None, days: int
) -> ComparisonQuery:
    """Return the query that compares challenger and champion: as given, else on trial, else of the last promotion.

    Raises:
        click.UsageError: no revision is on trial, and none is given.
    """
    challenger = challenger or ((shadow,) if shadow else _challengers(standings))
    champion = champion or _champions(standings, has_trial=bool(shadow))
    if not challenger:
        raise click.UsageError("No revision is on trial; start with `bucketlens release canary`, or give --challenger.")
    return ComparisonQuery(champion, challenger, days, is_shadow=bool(shadow))


def _challengers(standings: list[Standing]) -> tuple[str, ...]:
    on_trial = tuple(standing.challenger for standing in standings if standing.challenger)
    return on_trial or tuple(standing.champion for standing in standings if standing.previous)


def _champions(standings: list[Standing], *, has_trial: bool) -> tuple[str, ...]:
    """Return the revisions that serve; after a promotion, those that served before it."""
    if has_trial or any(standing.challenger for standing in standings):
        return tuple(standing.champion for standing in standings)
    return tuple(standing.previous or standing.champion for standing in standings)
