"""Reach and print the verdict of a release, and refuse a worse challenger."""

from __future__ import annotations

import sys
import time

from shared.cli.options import remarks
from shared.cli.release_options import Releases, comparison_query
from shared.cli.release_report import print_verdict, verdict_json
from shared.cli.terminal import say_json
from shared.release.criteria import Criteria, Finding, Verdict, judge
from shared.release.metrics import Comparison, ComparisonQuery, compare
from shared.release.revisions import Standing


def reach_verdict(
    releases: Releases,
    query: ComparisonQuery,
    standings: list[Standing],
    criteria: Criteria,
    wait: int,
    every: float,
    *,
    as_json: bool = False,
) -> Verdict:
    """Compare until there is enough evidence or ``wait`` seconds have passed; print, record and return the verdict."""
    deadline = time.monotonic() + wait
    while True:
        comparison: Comparison = compare(releases.deployment.warehouse, query)
        verdict = judge(comparison, criteria)
        if verdict.finding is not Finding.UNKNOWN or time.monotonic() >= deadline:
            break
        time.sleep(every)
    document = verdict_json(query, comparison, verdict)
    if as_json:
        say_json(document, indent=2)
    else:
        print_verdict(query, comparison, verdict)
    releases.record.checked(query, standings, document)
    return verdict


def refuse_worse_challenger(releases: Releases, days: int, criteria: Criteria) -> None:
    """Record the verdict, and exit with its code if the evidence shows that the challenger is worse."""
    standings = releases.standings()
    if not any(standing.challenger for standing in standings):
        return  # promote reports it
    query = comparison_query(standings, (), (), None, days)
    comparison = compare(releases.deployment.warehouse, query)
    verdict = judge(comparison, criteria)
    releases.record.checked(query, standings, verdict_json(query, comparison, verdict))
    if verdict.finding is Finding.WORSE:
        print_verdict(query, comparison, verdict)
        remarks.print(
            "Not promoted. bucketlens release rollback ends the trial; --anyway promotes the challenger nevertheless."
        )
        sys.exit(verdict.exit_code)
