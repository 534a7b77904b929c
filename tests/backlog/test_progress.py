"""A sweep's progress: every thread's outcomes are counted and told, and a summary is of one moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from shared.backlog.progress import SweepProgress


def test_outcomes_of_many_threads_are_all_counted_and_told() -> None:
    told: list[str] = []
    progress = SweepProgress(told.append)
    outcomes = ["predicted", "rejected", "predicted"] * 500
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(progress.count, outcomes))
    assert progress.summary(None).outcomes == {"predicted": 1000, "rejected": 500}
    assert sorted(told) == sorted(outcomes)


def test_summary_stays_as_it_was_while_the_sweep_goes_on() -> None:
    progress = SweepProgress(lambda _: None)
    progress.count("predicted")
    before = progress.summary(oldest_upload_s=3.0)
    progress.count("postponed")
    progress.cut_short()
    assert (before.outcomes, before.is_cut_short, before.oldest_upload_s) == ({"predicted": 1}, False, 3.0)
    assert (progress.summary(None).exit_code, progress.is_cut_short) == (1, True)
