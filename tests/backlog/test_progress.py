"""The progress of a sweep counts and reports outcomes of all threads; a summary is a snapshot."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from shared.backlog.progress import SweepProgress


def test_progress_counts_and_reports_the_outcomes_of_many_threads() -> None:
    reported: list[str] = []
    progress = SweepProgress(reported.append)
    outcomes = ["predicted", "rejected", "predicted"] * 500
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(progress.count, outcomes))
    assert progress.summary(None).outcomes == {"predicted": 1000, "rejected": 500}
    assert sorted(reported) == sorted(outcomes)


def test_summary_does_not_change_while_the_sweep_continues() -> None:
    progress = SweepProgress(lambda _: None)
    progress.count("predicted")
    before = progress.summary(oldest_upload_s=3.0)
    progress.count("postponed")
    progress.cut_short()
    assert (before.outcomes, before.is_cut_short, before.oldest_upload_s) == ({"predicted": 1}, False, 3.0)
    assert (progress.summary(None).exit_code, progress.is_cut_short) == (1, True)
