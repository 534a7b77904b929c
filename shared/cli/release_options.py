"""What the release commands share: which services, where they run, what is tried out, and what is asked of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property, wraps
from itertools import pairwise
from typing import Any

import click

from shared.bundles.references import BundleReference, references_from
from shared.bundles.resolve import BundleSource
from shared.cli.bundle_names import folder_of
from shared.cli.options import Places, places_options
from shared.errors import Misconfigured
from shared.local.releases.platform import LARGEST_BYTES, LocalPlatform, with_whole_names
from shared.release.challenger import challenger_bundles
from shared.release.criteria import Criteria
from shared.release.errors import ReleaseRefused
from shared.release.metrics import ComparisonQuery
from shared.release.ports import Platform
from shared.release.revisions import Change, Standing
from shared.settings import DEFAULT_BUNDLE, own_models

SERVICES = ("classify-upload", "classify-request")


@dataclass(frozen=True)
class Releases:
    """A deployment whose services are released."""

    places: Places
    region: str | None
    services: tuple[str, ...]

    @cached_property
    def platform(self) -> Platform:
        """The local cloud, or Cloud Run; its client takes seconds to import, and is only where it is used."""
        if self.places.cloud:
            return LocalPlatform(self.places.cloud)
        from shared.adapters.cloud_run import CloudRun

        return CloudRun(self.places.project, str(self.region))

    def standings(self) -> list[Standing]:
        """Return the services as they are now."""
        return [self.platform.standing(service) for service in self.services]

    def change(self, image: str | None, bundle: str | None) -> Change:
        """Return what is to be tried out: the champion's models, of which ``bundle`` takes the places of its names.

        The local cloud knows a bundle by its whole folder.

        Raises:
            ReleaseRefused: the champion serves no model of that name, or a name cannot be found out.
            click.UsageError: no bundle is called so.
        """
        if not bundle:
            return Change(image, None)
        if self.places.cloud:
            whole = with_whole_names(bundle)
            for place in references_from(bundle):
                if not place.is_in_a_bucket:
                    folder_of(place.location)
            bundle = whole
        changed = {
            challenger_bundles(self._champions_bundle(service), bundle, self._name_of) for service in self.services
        }
        if len(changed) > 1:
            raise ReleaseRefused(
                f"{' and '.join(self.services)} serve different models; release one at a time with --service."
            )
        return Change(image, changed.pop())

    def _champions_bundle(self, service: str) -> str:
        standing = self.platform.standing(service)
        champion = standing.find(standing.champion)
        return (champion.bundle if champion else None) or DEFAULT_BUNDLE

    def _name_of(self, place: BundleReference) -> str:
        try:
            [(_, bundle)] = BundleSource(lambda: self.places.store, LARGEST_BYTES, own_models()).index([place]).entries
        except Misconfigured as error:
            raise ReleaseRefused(
                f"{error} If it is served under a name of its own, say so: --bundle NAME={place.location}"
            ) from error
        return bundle.manifest.name


class Percents(click.ParamType[tuple[int, ...]]):
    """``10`` or ``10,50,100``: shares of traffic, each larger than the one before."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Return the shares; what click asks of a type."""
        try:
            shares = tuple(int(share) for share in str(value).split(","))
        except ValueError:
            shares = ()
        is_rising = all(one < other for one, other in pairwise(shares))
        if not shares or not is_rising or not 0 <= shares[0] <= shares[-1] <= 100:
            self.fail(f"it is {value!r}, expected rising whole numbers from 0 to 100, such as 10 or 10,50,100", param)
        return shares


def releases_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add where the services are to a command, and hand it over as ``releases``."""

    @wraps(command)
    def with_releases(places: Places, region: str | None, service: tuple[str, ...], **options: Any) -> None:
        if not places.cloud and not region:
            raise click.UsageError("--project needs --region: where the services run.")
        command(releases=Releases(places, region, service or SERVICES), **options)

    region = click.option("--region", help="Of the services; with --project.")
    service = click.option(
        "--service", multiple=True, help=f"Only this service; may be repeated.  [default: {', '.join(SERVICES)}]"
    )
    return places_options(region(service(with_releases)))


def criteria_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each criterion to a command, and hand them over as ``criteria``."""

    @wraps(command)
    def with_criteria(**options: Any) -> None:
        asked = {one.name: options.pop(one.name) for one in fields(Criteria)}
        command(criteria=Criteria(**asked), **options)

    decorated: Callable[..., None] = with_criteria
    for one in reversed(fields(Criteria)):
        kind = click.IntRange(0) if isinstance(one.default, int) else click.FloatRange(0)
        name = "--" + one.name.replace("_", "-")
        decorated = click.option(name, type=kind, default=one.default, show_default=True, help=one.metadata["help"])(
            decorated
        )
    return decorated


def patience_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add how long a check waits for evidence."""
    wait = click.option("--wait", type=click.IntRange(0), default=0, show_default=True, help="Seconds for evidence.")
    every = click.option("--every", type=click.FloatRange(0.1), default=15.0, show_default=True, help="Seconds.")
    return wait(every(command))


def question_of(
    standings: list[Standing], champion: tuple[str, ...], challenger: tuple[str, ...], shadow: str | None, days: int
) -> ComparisonQuery:
    """Return what is compared with what: who is on trial with who serves, else the last promotion's two, or as named.

    Raises:
        click.UsageError: nothing is on trial, and nothing was named.
    """
    challenger = challenger or ((shadow,) if shadow else _challengers(standings))
    champion = champion or _champions(standings, has_trial=bool(shadow))
    if not challenger:
        raise click.UsageError("No revision is on trial; start with `bucketlens release canary`, or name --challenger.")
    return ComparisonQuery(champion, challenger, days, is_shadow=bool(shadow))


def _challengers(standings: list[Standing]) -> tuple[str, ...]:
    on_trial = tuple(one.challenger for one in standings if one.challenger)
    return on_trial or tuple(one.champion for one in standings if one.previous)


def _champions(standings: list[Standing], *, has_trial: bool) -> tuple[str, ...]:
    """Return who serves; after a promotion, who served before it."""
    if has_trial or any(one.challenger for one in standings):
        return tuple(one.champion for one in standings)
    return tuple(one.previous or one.champion for one in standings)
