"""Tests that rows of a warehouse become a verdict: each verdict, each window that cannot be judged, and the event."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shared.monitoring.judge as judge_module
from shared.bundles.bundle import Bundle
from shared.emulators.bigquery.engine.store import Store
from shared.emulators.bigquery.start.schemas import create_dataset
from shared.errors import BadRequest
from shared.http.protocols import feedback
from shared.local.cloud import DATASET, PROJECT
from shared.logs import log
from shared.monitoring.history_rows import NONE_OF_THESE
from shared.monitoring.judge import Judgement, judge, record_verdict, verdict_event
from shared.monitoring.log_line import log_verdict
from shared.monitoring.thresholds import VerdictThresholds
from shared.monitoring.verdict import State
from shared.monitoring.window import Pictures
from shared.release.model_events import Event
from tests.memory.warehouse import MemoryWarehouse
from tests.monitoring.drawn import DIMENSIONS, LABELS, SINCE, drawn_pictures
from tests.monitoring.drawn_rows import NOON, UNTIL, drawn_bundle, write_labels, write_rows

ALL = VerdictThresholds(audit_share=1.0)
"""Every upload is of the audit sample, so that a test need not write a hundred for one of them."""

PICTURES = 60


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MemoryWarehouse]:
    """A warehouse; the model of each test has its own name in it."""
    made = MemoryWarehouse(tmp_path_factory.mktemp("warehouse"))
    yield made
    made.close()


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return drawn_bundle(tmp_path)


def usual(n: int = PICTURES, **changes: Any) -> Pictures:
    return drawn_pictures(np.random.default_rng(7), n, **changes)


def judged(warehouse: MemoryWarehouse, bundle: Bundle, **options: Any) -> Judgement:
    return judge(warehouse, bundle, SINCE, UNTIL, **({"thresholds": ALL} | options))


def state_and_why(judgement: Judgement) -> tuple[State, str]:
    return judgement.verdict.state, judgement.verdict.why


def label_all(warehouse: MemoryWarehouse, ids: list[str], pictures: Pictures, wrong: int = 0) -> None:
    """Label pictures as the model did, the first ones with another label."""
    right = dict(zip(ids, pictures.labels, strict=True))
    write_labels(warehouse, right | dict.fromkeys(ids[:wrong], "orchids"))


def test_pictures_like_those_of_the_profile_are_steady(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    write_rows(warehouse, bundle, usual())
    judgement = judged(warehouse, bundle)
    assert state_and_why(judgement) == (State.STEADY, "No drift in 9 tests.")
    assert (judgement.rows, judgement.is_sampled) == (PICTURES, False)
    assert judgement.unfamiliar_share == pytest.approx(0, abs=0.05)


def test_brighter_pictures_that_are_labelled_right_are_drifting(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    pictures = usual(brightness=3)
    label_all(warehouse, write_rows(warehouse, bundle, pictures), pictures)
    assert state_and_why(judged(warehouse, bundle)) == (
        State.DRIFTING,
        "Drift in brightness, harmless so far: the audited accuracy is above the floor.",
    )


def test_pictures_that_people_label_otherwise_are_harmed(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    pictures = usual()
    label_all(warehouse, write_rows(warehouse, bundle, pictures), pictures, wrong=30)
    judgement = judged(warehouse, bundle)
    assert state_and_why(judgement) == (State.HARMED, "The audited accuracy is below the floor.")
    assert judgement.verdict.audit.unknown_labels == (("orchids", 30),)
    assert judgement.verdict.exit_code == 1


def test_pictures_with_lower_scores_are_harmed(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    write_rows(warehouse, bundle, usual(mean_score=0.6, embedding=2))
    state, why = state_and_why(judged(warehouse, bundle))
    assert state is State.HARMED
    assert why.startswith("The estimated accuracy is below the floor, with drift in embeddings")


def test_window_without_rows_is_unknown(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    judgement = judged(warehouse, bundle)
    assert judgement.verdict.state is State.UNKNOWN
    assert judgement.verdict.why.startswith("There are no rows from 2026-11-20 00:00 to 2026-11-27 00:00; ")
    assert (judgement.rows, judgement.unfamiliar_share, judgement.audit.sample) == (0, None, 0)


def test_window_of_an_empty_warehouse_is_unknown(tmp_path: Path, bundle: Bundle) -> None:
    empty = MemoryWarehouse(tmp_path / "empty")
    try:
        assert judged(empty, bundle).verdict.state is State.UNKNOWN
    finally:
        empty.close()


class WithoutTables(MemoryWarehouse):
    """A warehouse whose dataset is there and has neither tables nor views."""

    def __init__(self, folder: Path) -> None:
        self._store = Store(folder, PROJECT)
        create_dataset(self._store, DATASET)


def test_warehouse_without_tables_is_refused_with_a_sentence(tmp_path: Path, bundle: Bundle) -> None:
    without_tables = WithoutTables(tmp_path / "without")
    try:
        with pytest.raises(BadRequest, match=r"Table local:bucketlens\.latest_predictions"):
            judged(without_tables, bundle)
    finally:
        without_tables.close()


def test_window_with_too_few_pictures_is_unknown(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    write_rows(warehouse, bundle, usual(49))
    state, why = state_and_why(judged(warehouse, bundle))
    assert (state, why) == (
        State.UNKNOWN,
        "There are 49 rows from 2026-11-20 00:00 to 2026-11-27 00:00, and 50 are needed; choose a longer window.",
    )


def test_rows_without_signals_are_unknown(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    write_rows(warehouse, bundle, usual(), has_signals=False)
    judgement = judged(warehouse, bundle)
    assert state_and_why(judgement) == (
        State.UNKNOWN,
        "Labels are given as often as in the reference, and nothing else could be tested.",
    )
    untested = [item.words for item in judgement.verdict.evidence if item.subject == "not tested"]
    assert "novelty: known of no pictures of the window, expected 50 or more." in untested
    assert len(untested) == 8
    assert judgement.unfamiliar_share is None


def test_rows_of_which_half_have_signals_are_tested_with_those(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    write_rows(warehouse, bundle, usual(), has_signals=False)
    write_rows(warehouse, bundle, usual(), NOON + timedelta(days=1))
    judgement = judged(warehouse, bundle)
    assert judgement.verdict.drift is not None
    assert (judgement.rows, len(judgement.verdict.drift.tests)) == (2 * PICTURES, 9)


def test_rows_without_embeddings_leave_out_their_test(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    write_rows(warehouse, bundle, replace(usual(), embeddings=np.empty((PICTURES, 0))))
    judgement = judged(warehouse, bundle)
    assert judgement.verdict.state is State.STEADY
    assert [item.words.split(":")[0] for item in judgement.verdict.evidence if item.subject == "not tested"] == [
        "embeddings"
    ]


def test_window_before_its_model_is_unknown(warehouse: MemoryWarehouse, tmp_path: Path) -> None:
    later = drawn_bundle(tmp_path, made_at=UNTIL)
    write_rows(warehouse, later, usual())
    state, why = state_and_why(judged(warehouse, later))
    assert state is State.UNKNOWN
    assert why.endswith("was made at 2026-11-27 00:00. Choose a later window.")


def test_bundle_without_a_profile_is_unknown(warehouse: MemoryWarehouse, tmp_path: Path) -> None:
    bare = drawn_bundle(tmp_path, has_profile=False)
    write_rows(warehouse, bare, usual())
    judgement = judged(warehouse, bare)
    assert judgement.verdict.state is State.UNKNOWN
    assert "has no profile to compare with" in judgement.verdict.why
    assert judgement.reference is None


def test_window_with_two_versions_is_unknown_unless_one_is_chosen(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    write_rows(warehouse, bundle, usual())
    older = replace(bundle, manifest=replace(bundle.manifest, version="1"), digest="a" * 64)
    write_rows(warehouse, older, usual(10), NOON + timedelta(days=1))
    name = bundle.manifest.name
    state, why = state_and_why(judged(warehouse, bundle))
    assert state is State.UNKNOWN
    assert why.startswith(f"The window has rows of 2 models: {name} 2 (60), {name} 1 (10).")
    chosen = judged(warehouse, bundle, only_version=True)
    assert chosen.verdict.state is State.STEADY
    assert [rows for model, rows in chosen.other_models if model.name == name] == [10]


def test_rows_of_another_bundle_of_the_version_are_unknown(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    write_rows(warehouse, replace(bundle, digest="b" * 64), usual())
    assert "take the reference from the bundle that gave the labels" in judged(warehouse, bundle).verdict.why


@pytest.mark.parametrize(
    "left_out", [{"call": {"is_shadow": True}}, {"call": {"is_probe": True}}, {"image": {"generated_by": "painter"}}]
)
def test_shadows_probes_and_generated_pictures_are_left_out(
    warehouse: MemoryWarehouse, bundle: Bundle, left_out: dict[str, Any]
) -> None:
    pictures = usual()
    write_rows(warehouse, bundle, usual())
    odd = usual(embedding=5, brightness=5, mean_score=0.4)
    label_all(warehouse, write_rows(warehouse, bundle, odd, NOON + timedelta(days=1), **left_out), odd, PICTURES)
    judgement = judged(warehouse, bundle)
    assert (judgement.verdict.state, judgement.rows) == (State.STEADY, len(pictures))
    assert (judgement.audit.sample, judgement.audit.labelled) == (len(pictures), 0)


def test_row_that_was_written_twice_counts_once(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    for _ in range(2):
        write_rows(warehouse, bundle, usual())
    assert judged(warehouse, bundle).rows == PICTURES


def test_period_includes_its_begin_and_not_its_end(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    for at in (SINCE - timedelta(microseconds=1), SINCE, UNTIL - timedelta(microseconds=1), UNTIL):
        write_rows(warehouse, bundle, usual(1), at)
    assert judged(warehouse, bundle).rows == 2


def test_sample_is_uniform_and_the_same_again(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    ids = write_rows(warehouse, bundle, usual())
    first, second = (judged(warehouse, bundle, pictures=50).window.pictures for _ in range(2))
    assert len(first) == 50
    assert first.labels == second.labels
    assert np.array_equal(first.statistics, second.statistics)
    by_id = [index for _, index in sorted((id_, index) for index, id_ in enumerate(ids))][:50]
    assert first.labels == tuple(usual().labels[index] for index in by_id)
    assert judged(warehouse, bundle, pictures=50).is_sampled


def test_latest_pictures_make_a_window_of_their_own(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    write_rows(warehouse, bundle, usual(brightness=9))
    write_rows(warehouse, bundle, usual(), NOON + timedelta(days=1))
    judgement = judged(warehouse, bundle, latest=PICTURES)
    assert (judgement.verdict.state, judgement.rows) == (State.STEADY, PICTURES)
    assert judgement.window.since == NOON + timedelta(days=1)
    assert judged(warehouse, bundle, latest=1000).rows == 2 * PICTURES


def test_audit_reaches_back_further_than_the_window(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    pictures = usual()
    label_all(warehouse, write_rows(warehouse, bundle, pictures, SINCE - timedelta(days=10)), pictures)
    write_rows(warehouse, bundle, usual())
    judgement = judged(warehouse, bundle)
    assert (judgement.rows, judgement.audit.sample, judgement.audit.labelled) == (PICTURES, 2 * PICTURES, PICTURES)


def test_audit_sample_is_the_share_of_ids_below_its_bound(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    pictures = usual(200)
    label_all(warehouse, write_rows(warehouse, bundle, pictures), pictures)
    judgement = judged(warehouse, bundle, thresholds=VerdictThresholds(audit_share=0.25))
    assert 30 <= judgement.audit.sample == judgement.audit.labelled <= 70


def test_labels_of_the_review_queue_alone_are_no_audit(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    """The model is wrong about half of the hard pictures, which are a tenth, and right about all others."""
    hard, others = usual(20), usual(90)
    hard_ids = write_rows(warehouse, bundle, hard, needs_review=True)
    label_all(warehouse, hard_ids, hard, wrong=10)
    day = timedelta(days=1)
    sure, waiting = (write_rows(warehouse, bundle, others, NOON + days) for days in (day, 2 * day))
    judgement = judged(warehouse, bundle)
    assert (judgement.audit.labelled, len(judgement.audit.pictures)) == (20, 0)
    label_all(warehouse, sure, others)
    assert len(judged(warehouse, bundle).audit.pictures) == 100
    label_all(warehouse, waiting, others)
    accuracy = judged(warehouse, bundle).verdict.audit.accuracy
    assert accuracy is not None
    assert (accuracy.of, accuracy.value) == (200, 0.95)


def test_audit_counts_the_latest_label_of_a_picture(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    pictures = usual()
    ids = write_rows(warehouse, bundle, pictures)
    write_labels(warehouse, dict(zip(ids, pictures.labels, strict=True)), NOON + timedelta(days=2))
    write_labels(warehouse, dict.fromkeys(ids, "orchids"), NOON + timedelta(days=1))
    accuracy = judged(warehouse, bundle).verdict.audit.accuracy
    assert accuracy is not None
    assert (accuracy.of, accuracy.value) == (PICTURES, 1)


def test_audit_has_the_score_of_each_label_in_the_bundles_order(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    pictures = usual(1)
    [prediction_id] = write_rows(warehouse, bundle, pictures)
    write_labels(warehouse, {prediction_id: LABELS[1]})
    audited = judged(warehouse, bundle).audit.pictures
    column = LABELS.index(pictures.labels[0])
    assert audited.candidates[0, column] == pytest.approx(pictures.scores[0])
    assert audited.candidates.sum() == pytest.approx(1)
    assert audited.truths == (LABELS[1],)


def recorded(warehouse: MemoryWarehouse, bundle: Bundle) -> list[dict[str, Any]]:
    return warehouse.query(
        "SELECT * FROM model_history WHERE model.digest IN UNNEST(@digest)", digest=[bundle.digest]
    ).rows


def test_verdict_is_one_event_however_often_it_is_recorded(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    write_rows(warehouse, bundle, usual())
    for hour in range(3):
        record_verdict(judged(warehouse, bundle), warehouse, actor="ana", at=UNTIL + timedelta(hours=hour))
    [row] = recorded(warehouse, bundle)
    assert (row["event"], row["actor"], row["happened_at"]) == ("verdict", "ana", UNTIL)
    evidence = json.loads(row["evidence"])
    assert (evidence["state"], evidence["since"], evidence["until"]) == (
        "steady",
        "2026-11-20T00:00:00.000000+00:00",
        "2026-11-27T00:00:00.000000+00:00",
    )


def test_another_verdict_on_the_window_is_another_event(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    pictures = usual()
    ids = write_rows(warehouse, bundle, pictures)
    steady = judged(warehouse, bundle)
    label_all(warehouse, ids, pictures, wrong=50)
    harmed = judged(warehouse, bundle)
    assert len({verdict_event(each, None, UNTIL).event_id for each in (steady, harmed)}) == 2


def test_event_of_a_verdict_on_nothing_is_json(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    event = verdict_event(judged(warehouse, bundle), None, UNTIL)
    assert event.event is Event.VERDICT
    json.dumps(event.evidence, allow_nan=False)


def test_retraining_is_proposed_after_two_harmed_windows(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    for days in (0, 7):
        pictures = usual()
        ids = write_rows(warehouse, bundle, pictures, NOON + timedelta(days=days))
        write_labels(warehouse, dict.fromkeys(ids, LABELS[0]), NOON + timedelta(days=days))
        judgement = judge(warehouse, bundle, *_shifted(days), thresholds=ALL)
        assert judgement.proposal.is_proposed is (days == 7)
        record_verdict(judgement, warehouse, actor=None, at=_shifted(days)[1])
    assert judgement.proposal.reasons == ("The model is harmed in 2 windows in a row; the threshold is 2.",)


def _shifted(days: int) -> tuple[datetime, datetime]:
    return SINCE + timedelta(days=days), UNTIL + timedelta(days=days)


def test_history_counts_pictures_with_labels_since_the_training(warehouse: MemoryWarehouse, bundle: Bundle) -> None:
    pictures = usual(12)
    ids = write_rows(warehouse, bundle, pictures)
    write_labels(warehouse, {**dict.fromkeys(ids[:3], "orchids"), ids[3]: NONE_OF_THESE, ids[4]: LABELS[0]})
    write_labels(warehouse, dict.fromkeys(ids[:3], "orchids"), NOON + timedelta(days=2))
    write_labels(warehouse, {ids[5]: LABELS[0]}, SINCE - timedelta(days=60))
    history = judged(warehouse, bundle).history
    assert (history.new_labels, dict(history.unknown_labels)) == (4, {"orchids": 3})
    assert history.training_pictures == 0


def test_label_of_a_picture_without_a_right_label_is_that_of_the_feedback() -> None:
    assert NONE_OF_THESE == feedback.NONE_OF_THESE


def test_history_ignores_verdicts_on_later_windows_and_of_another_form(
    warehouse: MemoryWarehouse, bundle: Bundle
) -> None:
    judgement = judged(warehouse, bundle)
    event = verdict_event(judgement, None, UNTIL)
    for number, evidence in enumerate(({"state": "of the future"}, {"since": "x"}, {}, None)):
        warehouse.append_row(
            "model_events",
            f"{number}",
            {
                "event_id": f"{event.event_id}-{number}",
                "happened_on": "2026-11-27",
                "happened_at": UNTIL.isoformat(),
                "event": "verdict",
                "model": {"name": "x", "version": "1", "digest": bundle.digest},
                "evidence": None if evidence is None else json.dumps({**event.evidence, **evidence}),
            },
        )
    record_verdict(judge(warehouse, bundle, *_shifted(7)), warehouse, actor=None, at=UNTIL)
    assert [window.until for window in judged(warehouse, bundle).history.windows] == [UNTIL, UNTIL]


def test_log_line_of_a_verdict_has_the_fields_of_alerts(
    warehouse: MemoryWarehouse, bundle: Bundle, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "propagate", False)
    monkeypatch.setattr(log, "handlers", [caplog.handler])
    pictures = usual(novel=6)
    label_all(warehouse, write_rows(warehouse, bundle, pictures), pictures, wrong=30)
    with caplog.at_level(logging.INFO, log.name):
        log_verdict(judged(warehouse, bundle))
    [record] = caplog.records
    fields: dict[str, Any] = record.fields  # type: ignore[attr-defined]
    assert record.levelname == "ERROR"
    assert (fields["verdict"], fields["audited"], fields["audited_accuracy"]) == ("harmed", PICTURES, 0.5)
    assert fields["unfamiliar_share"] == 0.1
    json.dumps(fields, allow_nan=False)


def test_embeddings_of_another_size_than_the_profiles_are_not_compared(
    warehouse: MemoryWarehouse, bundle: Bundle
) -> None:
    write_rows(warehouse, bundle, replace(usual(), embeddings=np.ones((PICTURES, DIMENSIONS + 1))))
    judgement = judged(warehouse, bundle)
    assert judgement.verdict.drift is not None
    assert "embeddings" not in [test.subject for test in judgement.verdict.drift.tests]


def test_event_of_a_model_with_many_labels_has_no_confusion_matrix(
    warehouse: MemoryWarehouse, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = usual(1)
    label_all(warehouse, write_rows(warehouse, bundle, pictures), pictures)
    judgement = judged(warehouse, bundle)
    assert verdict_event(judgement, None, UNTIL).evidence["audit"]["confusion"] != []
    monkeypatch.setattr(judge_module, "MOST_CONFUSED", len(LABELS))
    assert verdict_event(judgement, None, UNTIL).evidence["audit"]["confusion"] == []
    assert judgement.as_json()["audit"]["confusion"] != []
