"""``bucketlens release``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import click

from shared.cli.options import console, exit_unreachable, remarks
from shared.cli.release_options import (
    Percents,
    Releases,
    comparison_query,
    criteria_options,
    releases_options,
    wait_options,
)
from shared.cli.release_report import print_standings, standing_json, what_to_commit
from shared.cli.release_verdict import reach_verdict, refuse_worse_challenger
from shared.cli.terminal import say_json
from shared.errors import BadRequest, BucketlensError, Transient
from shared.release.criteria import Criteria, Finding, Verdict
from shared.release.errors import NothingToRelease, RevisionFailed
from shared.release.revisions import Change, Standing
from shared.release.rollout import begin, promote, roll_back


@click.group("release", short_help="Try a new model or image, compare it, promote it or roll back.")
def command() -> None:
    """Release a new model or image step by step, on the local cloud, or with --project on Cloud Run.

    The champion serves; the challenger is on trial. The only state of a release is the traffic split, so every step
    can be repeated, and after an interrupted step the champion still serves.

    Exit codes: 0 done, or the challenger is better or equal; 1 the challenger is worse, or does not start; 2 the
    arguments are invalid; 3 not enough evidence yet; 4 the platform or the warehouse did not answer.

    \b
    Example:
      bucketlens release canary --bundle roses_v2/ --percent 10
      bucketlens release check --wait 600 && bucketlens release promote || bucketlens release rollback
    """


@command.command("status")
@releases_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def status_(releases: Releases, as_json: bool) -> None:
    """Show each service's revisions, their roles and their traffic.

    \b
    Example:
      bucketlens release status
      bucketlens release status --project my-project --region europe-west1 --json
    """
    with _errors_as_exit_codes():
        standings = releases.standings()
    if as_json:
        services = [standing_json(standing) for standing in standings]
        say_json({"services": services, "https": releases.front_url}, indent=2)
        return
    print_standings(standings)
    if front := releases.front_url:
        console.print(f"HTTPS traffic is split at {front}", highlight=False)


@command.command("canary")
@releases_options
@click.option("--bundle", help="The new model: a bundle of the image, or a folder.")
@click.option("--image", help="The new container image, by digest; only on Cloud Run.")
@click.option("--commit", help="The commit of the image's code, for its label and the record.")
@click.option(
    "--percent",
    "percents",
    type=Percents(),
    default="10",
    show_default=True,
    help="The share of traffic: 10, or 10,50,100 with a check after each.",
)
@click.option("--shadow", is_flag=True, help="Give the challenger no traffic; it classifies the archived pictures.")
@criteria_options
@wait_options
def canary(
    releases: Releases,
    bundle: str | None,
    image: str | None,
    commit: str | None,
    percents: tuple[int, ...],
    shadow: bool,
    criteria: Criteria,
    wait: int,
    every: float,
) -> None:
    """Start a trial: give a share of the traffic to a new revision.

    With several shares, each is checked before the next: a challenger that is worse is rolled back, and without enough
    evidence after --wait seconds it keeps its share; 100 at the end promotes it. Without --bundle and --image the
    challenger is the revision on trial, or else the newest one.

    \b
    Example:
      bucketlens release canary --bundle roses_v2/ --percent 10,50,100 --wait 3600
      bucketlens release canary --shadow --bundle roses_v2/
    """
    with _errors_as_exit_codes():
        change = releases.change(image, bundle, commit)
        if shadow:
            _shadow(releases, change)
            return
        for percent in percents:
            if percent == 100 and len(percents) > 1:
                _promote(releases, anyway=False)
                return
            step_began = datetime.now(UTC)
            standings = begin(releases.platform, releases.services, change, percent)
            print_standings(standings)
            releases.record.canary(standings, percent)
            if len(percents) > 1:
                query = replace(comparison_query(releases.standings(), (), (), None, 7), since=step_began)
                verdict = reach_verdict(releases, query, standings, criteria, wait, every)
                _continue_if_good(releases, percent, verdict)


@command.command("check")
@releases_options
@click.option("--champion", multiple=True, help="The champion to compare.  [default: the revision that serves]")
@click.option("--challenger", multiple=True, help="The challenger to compare.  [default: the revision on trial]")
@click.option("--shadow", metavar="RUN", help="Compare this run of a shadow instead of a challenger.")
@click.option("--days", type=click.IntRange(1), default=7, show_default=True, help="Compare uploads of this many days.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@criteria_options
@wait_options
def check(
    releases: Releases,
    champion: tuple[str, ...],
    challenger: tuple[str, ...],
    shadow: str | None,
    days: int,
    as_json: bool,
    criteria: Criteria,
    wait: int,
    every: float,
) -> None:
    """Compare the challenger with the champion by their rows, and print a verdict.

    Exit codes: 0 better or equal; 1 worse; 2 the arguments are invalid; 3 not enough evidence yet; 4 the platform or
    the warehouse did not answer.

    \b
    Example:
      bucketlens release check --wait 600 --min-images 200
      bucketlens release check --shadow classify-backlog-5c132420
    """
    with _errors_as_exit_codes():
        standings = [] if champion and (challenger or shadow) else releases.standings()
        query = comparison_query(standings, champion, challenger, shadow, days)
        sys.exit(reach_verdict(releases, query, standings, criteria, wait, every, as_json=as_json).exit_code)


@command.command("promote")
@releases_options
@click.option("--anyway", is_flag=True, help="Promote the challenger even if the evidence shows that it is worse.")
@click.option("--days", type=click.IntRange(1), default=7, show_default=True, help="Compare uploads of this many days.")
@criteria_options
def promote_(releases: Releases, anyway: bool, days: int, criteria: Criteria) -> None:
    """Give the challenger all traffic; the champion stays available for a rollback.

    A challenger that `release check` calls worse is refused; without enough evidence it is promoted. With --project the
    command prints the line for the environment's .tfvars file, because the next apply of Terraform would otherwise
    restore the old model.

    Exit codes: 0 promoted; 1 the challenger is worse, and nothing was changed; 2 no revision is on trial; 4 the
    platform or the warehouse did not answer.

    \b
    Example:
      bucketlens release promote
      bucketlens release promote --anyway
    """
    with _errors_as_exit_codes():
        if not anyway:
            refuse_worse_challenger(releases, days, criteria)
        standings = _promote(releases, anyway=anyway)
        if not releases.deployment.cloud:
            remarks.print(what_to_commit(standings), markup=False, highlight=False, soft_wrap=True)


@command.command("rollback")
@releases_options
def rollback(releases: Releases) -> None:
    """Return all traffic to the champion immediately; after a promotion, to the revision that served before.

    \b
    Example:
      bucketlens release rollback
    """
    with _errors_as_exit_codes():
        _roll_back(releases)


def _continue_if_good(releases: Releases, percent: int, verdict: Verdict) -> None:
    """Exit after a step unless the challenger is good."""
    if verdict.finding is Finding.WORSE:
        _roll_back(releases)
    elif verdict.finding is Finding.UNKNOWN:
        remarks.print(f"The challenger keeps {percent} %; continue with: bucketlens release canary --percent …")
    if verdict.exit_code:
        sys.exit(verdict.exit_code)


def _promote(releases: Releases, *, anyway: bool) -> list[Standing]:
    standings = promote(releases.platform, releases.services)
    print_standings(standings)
    releases.record.promoted(standings, anyway=anyway)
    return standings


def _roll_back(releases: Releases) -> None:
    before = releases.standings()
    try:
        standings = roll_back(releases.platform, releases.services)
    except NothingToRelease as error:  # a repeated rollback in a script must not fail
        console.print(f"{error}", highlight=False)
        standings = before
    for standing in standings:
        share = standing.percent_of(standing.champion)
        console.print(f"{standing.service}: {standing.champion} serves {share} %", highlight=False)
    releases.record.rolled_back(before, standings)


def _shadow(releases: Releases, change: Change) -> None:
    standings = releases.standings()
    run = releases.platform.shadow(change)
    releases.record.shadowed(run, change, standings)
    console.print(
        f"The shadow has classified the archive; next: bucketlens release check --shadow {run}", highlight=False
    )


@contextmanager
def _errors_as_exit_codes() -> Iterator[None]:
    """Print errors as a sentence and exit with their code."""
    try:
        yield
    except RevisionFailed as error:
        remarks.print(str(error), style="red", markup=False, soft_wrap=True)
        sys.exit(1)
    except Transient as error:
        exit_unreachable(error)
    except (BadRequest, BucketlensError) as error:
        raise click.UsageError(str(error)) from error
