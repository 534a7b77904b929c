"""How the release commands reach a verdict, show it, and refuse what is worse."""

from __future__ import annotations

import sys
import time

from shared.cli.options import remarks
from shared.cli.release_options import Releases, question_of
from shared.cli.release_report import print_verdict, verdict_json
from shared.cli.terminal import say_json
from shared.release.criteria import Criteria, Finding, Verdict, judge
from shared.release.metrics import Comparison, ComparisonQuery, compare


def reach_verdict(
    releases: Releases, asked: ComparisonQuery, criteria: Criteria, wait: int, every: float, *, as_json: bool
) -> Verdict:
    """Ask until there is evidence, or ``wait`` seconds have passed, and show the verdict."""
    give_up_at = time.monotonic() + wait
    while True:
        found: Comparison = compare(releases.places.warehouse, asked)
        verdict = judge(found, criteria)
        if verdict.finding is not Finding.UNKNOWN or time.monotonic() >= give_up_at:
            break
        time.sleep(every)
    if as_json:
        say_json(verdict_json(asked, found, verdict), indent=2)
    else:
        print_verdict(asked, found, verdict)
    return verdict


def refuse_what_is_worse(releases: Releases, days: int, criteria: Criteria) -> None:
    """End with the verdict's exit code where the evidence says that what is on trial is worse."""
    standings = releases.standings()
    if not any(standing.challenger for standing in standings):
        return  # promote says so
    asked = question_of(standings, (), (), None, days)
    found = compare(releases.places.warehouse, asked)
    verdict = judge(found, criteria)
    if verdict.finding is Finding.WORSE:
        print_verdict(asked, found, verdict)
        remarks.print("Not promoted. bucketlens release rollback ends the trial; --anyway promotes it all the same.")
        sys.exit(verdict.exit_code)
