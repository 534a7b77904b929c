"""Metrics of champion and challenger, from rows in a warehouse in memory."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.release.metrics import Comparison, ComparisonQuery, LabelPair, compare
from shared.types import Call, Classification, Correction, Failure, ImageFacts, ModelFacts, Prediction, Source, Times
from tests.memory.warehouse import MemoryWarehouse

TODAY = datetime(2026, 6, 15, 12, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
MODEL = ModelFacts("flowers", "1", "0" * 64, "tflite")
FACTS = ImageFacts(1000, "image/jpeg", "0" * 64, format="jpeg", width_px=64, height_px=64)


@dataclass
class Services:
    """Rows of a champion and a challenger, whose revisions nobody else has."""

    warehouse: MemoryWarehouse
    mark: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    @property
    def champion(self) -> str:
        return f"champion-{self.mark}"

    @property
    def challenger(self) -> str:
        return f"challenger-{self.mark}"

    def predict(
        self,
        revision: str,
        label: str = "roses",
        score: float = 0.8,
        *,
        picture: str | None = None,
        days_ago: int = 0,
        total_ms: float = 10.0,
        is_cold_start: bool = False,
    ) -> str:
        """Record a prediction of a new upload, and return its id."""
        prediction_id, upload_id = uuid.uuid4().hex, uuid.uuid4().hex
        archive_uri = f"gs://archive/{self.mark}/{picture or upload_id}"
        uploaded_at = TODAY - timedelta(days=days_ago)
        call = Call(Source.EVENT, uploaded_at, revision=revision, is_cold_start=is_cold_start)
        said, image = Classification(label, score, (), False), FACTS
        times = Times(total_ms=total_ms)
        self.warehouse.append(
            Prediction(prediction_id, upload_id, uploaded_at, said, image, archive_uri, MODEL, call, times)
        )
        return prediction_id

    def reject(self, revision: str) -> None:
        """Record a rejected upload."""
        call, image = (
            Call(Source.EVENT, TODAY, revision=revision),
            replace(FACTS, bucket="uploads", name="a.txt", generation=1),
        )
        self.warehouse.append(
            Failure(uuid.uuid4().hex, TODAY, "not_an_image", "", image, None, call, Times(total_ms=5.0))
        )

    def correct(self, prediction_id: str, label: str) -> None:
        """Record a person's label of a prediction's picture."""
        self.warehouse.append(Correction(uuid.uuid4().hex, prediction_id, label, None, TODAY))

    def compared(self, *, days: int = 7, since: datetime | None = LONG_AGO, is_shadow: bool = False) -> Comparison:
        query = ComparisonQuery((self.champion,), (self.challenger,), days, since, is_shadow)
        return compare(self.warehouse, query, TODAY.date())


@pytest.fixture
def services(memory_warehouse: MemoryWarehouse) -> Services:
    return Services(memory_warehouse)


def test_metrics_of_each_side_are_those_of_its_own_revisions(services: Services) -> None:
    for score in (0.6, 0.8):
        services.predict(services.champion, score=score, total_ms=20.0)
    services.predict(services.challenger, score=0.5, total_ms=30.0)
    services.reject(services.challenger)
    services.predict("a-revision-of-neither")
    found = services.compared()
    assert (found.champion.images, found.challenger.images) == (2, 2)
    assert (found.champion.rejected, found.challenger.rejected) == (0, 1)
    assert (found.champion.scored, found.challenger.scored) == (2, 1)
    assert found.champion.mean_score == pytest.approx(0.7)
    assert found.challenger.mean_score == pytest.approx(0.5)
    assert found.champion.deviation == pytest.approx(0.02**0.5)
    assert (found.champion.p50_ms, found.champion.p95_ms, found.champion.p99_ms) == (20.0, 20.0, 20.0)
    assert not found.is_shadow


def test_metrics_of_a_side_without_rows_are_zero_or_none(services: Services) -> None:
    services.predict(services.champion)
    found = services.compared().challenger
    assert (found.images, found.rejected, found.cold_starts, found.scored, found.judged, found.corrected) == (0,) * 6
    assert (found.p50_ms, found.p95_ms, found.p99_ms, found.mean_score, found.deviation) == (None,) * 5


def test_cold_starts_are_counted_and_not_timed(services: Services) -> None:
    services.predict(services.champion, total_ms=10.0)
    services.predict(services.champion, total_ms=9000.0, is_cold_start=True)
    found = services.compared().champion
    assert (found.images, found.cold_starts, found.p99_ms) == (2, 1, 10.0)


@pytest.mark.parametrize(("days", "counted"), [(1, 1), (2, 2), (3, 3), (7, 3)])
def test_days_are_counted_with_today_included(services: Services, days: int, counted: int) -> None:
    for days_ago in range(3):
        services.predict(services.champion, days_ago=days_ago)
    assert services.compared(days=days).champion.images == counted


def test_rows_count_from_the_given_time(services: Services) -> None:
    services.predict(services.champion)
    assert services.compared(since=datetime.now(UTC) + timedelta(hours=1)).champion.images == 0
    assert services.compared(since=datetime.now(UTC) - timedelta(hours=1)).champion.images == 1


def test_rows_count_from_the_challengers_first_one_so_that_both_had_the_same_traffic(services: Services) -> None:
    services.predict(services.champion)
    services.predict(services.challenger)
    services.predict(services.champion)
    found = services.compared(since=None)
    assert (found.champion.images, found.champion.scored, found.challenger.images) == (1, 1, 1)


def test_all_rows_of_the_days_count_while_the_challenger_has_none(services: Services) -> None:
    services.predict(services.champion)
    assert services.compared(since=None).champion.images == 1


def test_all_of_the_champions_rows_count_for_a_shadow(services: Services) -> None:
    """It classifies pictures from before it."""
    services.predict(services.champion)
    services.predict(services.challenger)
    services.predict(services.champion)
    found = services.compared(since=None, is_shadow=True)
    assert (found.champion.images, found.challenger.images, found.is_shadow) == (2, 1, True)


def test_pairs_of_labels_are_those_of_pictures_that_both_saw_most_frequent_first(services: Services) -> None:
    for picture, champion, challenger in (
        ("a", "roses", "tulips"),
        ("b", "roses", "roses"),
        ("c", "roses", "roses"),
    ):
        services.predict(services.champion, champion, picture=picture)
        services.predict(services.challenger, challenger, picture=picture)
    services.predict(services.champion, "daisies", picture="seen by one only")
    found = services.compared()
    assert found.pairs == (LabelPair("roses", "roses", 2), LabelPair("roses", "tulips", 1))
    assert (found.shared, found.agreed) == (3, 2)


def test_label_of_a_person_is_the_truth_for_both_sides(services: Services) -> None:
    labelled = services.predict(services.champion, "roses", picture="a")
    services.predict(services.challenger, "tulips", picture="a")
    services.predict(services.challenger, "tulips", picture="b")
    services.correct(labelled, "tulips")
    found = services.compared()
    assert (found.champion.judged, found.champion.corrected) == (1, 1)
    assert (found.challenger.judged, found.challenger.corrected) == (1, 0)


def test_query_compares_seven_days_and_no_shadow_unless_it_is_asked_to(services: Services) -> None:
    for days_ago in (6, 7):
        services.predict(services.champion, days_ago=days_ago)
    query = ComparisonQuery((services.champion,), (services.challenger,), since=LONG_AGO)
    found = compare(services.warehouse, query, TODAY.date())
    assert (found.champion.images, found.is_shadow) == (1, False)
