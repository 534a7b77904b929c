"""``bucketlens release``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import click

from shared.cli.options import console, remarks
from shared.cli.release_options import (
    Percents,
    Releases,
    criteria_options,
    patience_options,
    question_of,
    releases_options,
)
from shared.cli.release_report import print_standings, standing_json, what_to_commit
from shared.cli.release_verdict import reach_verdict, refuse_what_is_worse
from shared.cli.terminal import say_json
from shared.errors import BadRequest, BucketlensError, Transient
from shared.local.releases.platform import LocalPlatform
from shared.release.criteria import Criteria, Finding, Verdict
from shared.release.errors import NothingToRelease, RevisionFailed
from shared.release.revisions import Change
from shared.release.rollout import begin, promote, roll_back

UNREACHABLE = 4


@click.group("release", short_help="Try out a revision, and promote it or roll it back.")
def command() -> None:
    """Let a new model or image take over step by step, on the local cloud, or with --project on Cloud Run.

    The champion serves, a challenger is on trial. Where traffic goes is all that is kept of a release, so each step
    can be repeated, and one that breaks off leaves the champion serving.

    Exit codes: 0 done, or better or equal; 1 the challenger is worse, or does not start; 2 it cannot be carried out as
    typed; 3 not enough evidence yet; 4 the platform or the warehouse did not answer.

    \b
    Example:
      bucketlens release canary --bundle roses_v2/ --percent 10
      bucketlens release check --wait 600 && bucketlens release promote || bucketlens release rollback
    """


@command.command("status")
@releases_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def status_(releases: Releases, as_json: bool) -> None:
    """Show each service's revisions, their roles and their traffic.

    \b
    Example:
      bucketlens release status
      bucketlens release status --project my-project --region europe-west1 --json
    """
    with _told():
        standings = releases.standings()
    if as_json:
        services = [standing_json(standing) for standing in standings]
        say_json({"services": services, "https": _front(releases)}, indent=2)
        return
    print_standings(standings)
    if front := _front(releases):
        console.print(f"HTTPS traffic is split at {front}", highlight=False)


@command.command("canary")
@releases_options
@click.option("--bundle", help="The model: a bundle that ships in the image, or a folder.")
@click.option("--image", help="The container image, by digest; Cloud Run only.")
@click.option(
    "--percent", "percents", type=Percents(), default="10", show_default=True, help="10, or 10,50,100 with checks."
)
@click.option("--shadow", is_flag=True, help="No traffic: classify the pictures that the champion has archived.")
@criteria_options
@patience_options
def canary(
    releases: Releases,
    bundle: str | None,
    image: str | None,
    percents: tuple[int, ...],
    shadow: bool,
    criteria: Criteria,
    wait: int,
    every: float,
) -> None:
    """Put a revision on trial with a share of the traffic.

    With several shares each is checked before the next: a challenger that is worse is rolled back, and where evidence
    lacks after --wait seconds it stays with the share that it has; 100 at the end promotes it. Without --bundle and
    --image it is the revision on trial, or else the newest one.

    \b
    Example:
      bucketlens release canary --bundle roses_v2/ --percent 10,50,100 --wait 3600
      bucketlens release canary --shadow --bundle roses_v2/
    """
    with _told():
        change = releases.change(image, bundle)
        if shadow:
            _shadow(releases, change)
            return
        for percent in percents:
            if percent == 100 and len(percents) > 1:
                print_standings(promote(releases.platform, releases.services))
                return
            step_began = datetime.now(UTC)
            print_standings(begin(releases.platform, releases.services, change, percent))
            if len(percents) > 1:
                asked = replace(question_of(releases.standings(), (), (), None, 7), since=step_began)
                _go_on(releases, percent, reach_verdict(releases, asked, criteria, wait, every, as_json=False))


@command.command("check")
@releases_options
@click.option("--champion", multiple=True, help="A revision, if not the one that serves.")
@click.option("--challenger", multiple=True, help="A revision, if not the one on trial.")
@click.option("--shadow", metavar="RUN", help="A shadow's run instead of a challenger.")
@click.option("--days", type=click.IntRange(1), default=7, show_default=True, help="Only uploads of so many days.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@criteria_options
@patience_options
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
    """Compare the challenger with the champion, by SQL over their rows, and say which is better.

    Exit codes: 0 better or equal; 1 worse; 2 nothing can be compared as typed; 3 not enough evidence yet; 4 the
    platform or the warehouse did not answer.

    \b
    Example:
      bucketlens release check --wait 600 --min-images 200
      bucketlens release check --shadow classify-backlog-5c132420
    """
    with _told():
        standings = [] if champion and (challenger or shadow) else releases.standings()
        asked = question_of(standings, champion, challenger, shadow, days)
        sys.exit(reach_verdict(releases, asked, criteria, wait, every, as_json=as_json).exit_code)


@command.command("promote")
@releases_options
@click.option("--anyway", is_flag=True, help="Also where the evidence says that it is worse.")
@click.option("--days", type=click.IntRange(1), default=7, show_default=True, help="Only uploads of so many days.")
@criteria_options
def promote_(releases: Releases, anyway: bool, days: int, criteria: Criteria) -> None:
    """Give the challenger all traffic; the champion stays at hand for a rollback.

    A challenger that `release check` would call worse is refused. Where evidence lacks it is promoted. With --project
    the line to write into the environment's .tfvars file is printed: Terraform's next apply would take the model back.

    Exit codes: 0 promoted; 1 it is worse, and nothing was changed; 2 nothing is on trial; 4 the platform or the
    warehouse did not answer.

    \b
    Example:
      bucketlens release promote
      bucketlens release promote --anyway
    """
    with _told():
        if not anyway:
            refuse_what_is_worse(releases, days, criteria)
        standings = promote(releases.platform, releases.services)
        print_standings(standings)
        if not releases.places.cloud:
            remarks.print(what_to_commit(standings), markup=False, highlight=False, soft_wrap=True)


@command.command("rollback")
@releases_options
def rollback(releases: Releases) -> None:
    """Give all traffic back to the champion at once; after a promotion, to whoever served before it.

    \b
    Example:
      bucketlens release rollback
    """
    with _told():
        _roll_back(releases)


def _go_on(releases: Releases, percent: int, verdict: Verdict) -> None:
    """After a step of several: end where it is not good."""
    if verdict.finding is Finding.WORSE:
        _roll_back(releases)
    elif verdict.finding is Finding.UNKNOWN:
        remarks.print(f"The challenger keeps {percent} %; go on with: bucketlens release canary --percent …")
    if verdict.exit_code:
        sys.exit(verdict.exit_code)


def _roll_back(releases: Releases) -> None:
    try:
        standings = roll_back(releases.platform, releases.services)
    except NothingToRelease as error:  # a second rollback in a script is no failure
        console.print(f"{error}", highlight=False)
        standings = releases.standings()
    for standing in standings:
        share = standing.percent_of(standing.champion)
        console.print(f"{standing.service}: {standing.champion} serves {share} %", highlight=False)


def _shadow(releases: Releases, change: Change) -> None:
    run = releases.platform.shadow(change)
    console.print(f"The shadow has seen the archive. Next: bucketlens release check --shadow {run}", highlight=False)


def _front(releases: Releases) -> str | None:
    return releases.platform.front_url if isinstance(releases.platform, LocalPlatform) else None


@contextmanager
def _told() -> Iterator[None]:
    """Turn what goes wrong into a sentence and an exit code."""
    try:
        yield
    except RevisionFailed as error:
        remarks.print(str(error), style="red", markup=False, soft_wrap=True)
        sys.exit(1)
    except Transient as error:
        remarks.print(str(error), style="red", markup=False, soft_wrap=True)
        sys.exit(UNREACHABLE)
    except (BadRequest, BucketlensError) as error:
        raise click.UsageError(str(error)) from error
