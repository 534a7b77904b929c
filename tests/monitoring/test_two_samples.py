"""Each test of two samples: its p-value is the exact one, it rarely alarms for nothing, and it finds what differs."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import combinations, pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from shared.monitoring.kolmogorov_smirnov import kolmogorov_smirnov
from shared.monitoring.label_shift import label_shift, total_variation
from shared.monitoring.mean_discrepancy import MOST_ROWS, mean_discrepancy
from shared.monitoring.two_samples import DRAWS, drawn_p_value
from shared.monitoring.unfamiliar_share import unfamiliar_share
from tests.properties import FEW

NUMBERS = arrays(np.float64, st.integers(1, 30), elements=st.floats(-5, 5, width=16))
COUNTS = st.dictionaries(st.sampled_from("abcde"), st.integers(1, 40), min_size=1)


def distance_of(sample: set[int], n: int, m: int) -> Fraction:
    """Return the distance of the distribution functions where a sample has some of the ranks of n + m numbers."""
    below = [sum(rank <= last for rank in sample) for last in range(n + m)]
    return max(abs(Fraction(ours, n) - Fraction(last + 1 - ours, m)) for last, ours in enumerate(below))


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 5), (4, 4), (4, 6), (6, 3)])
def test_kolmogorov_smirnov_p_values_count_every_division_of_the_pooled_numbers(n: int, m: int) -> None:
    divisions = [set(sample) for sample in combinations(range(n + m), n)]
    distances = [distance_of(sample, n, m) for sample in divisions]
    for sample, distance in zip(divisions, distances, strict=True):
        ours = np.array([rank for rank in range(n + m) if rank in sample], np.float64)
        theirs = np.array([rank for rank in range(n + m) if rank not in sample], np.float64)
        result = kolmogorov_smirnov(ours, theirs)
        assert result.statistic == pytest.approx(float(distance))
        assert result.p_value == pytest.approx(sum(other >= distance for other in distances) / len(divisions))


def test_kolmogorov_smirnov_finds_the_largest_distance_of_the_distribution_functions() -> None:
    result = kolmogorov_smirnov(np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 4.0, 5.0]))
    assert result.statistic == pytest.approx(1 / 2)
    assert kolmogorov_smirnov(np.zeros(100), np.ones(100)).statistic == 1
    assert kolmogorov_smirnov(np.zeros(100), np.ones(100)).p_value <= 1e-10


def test_kolmogorov_smirnov_rarely_alarms_without_a_difference() -> None:
    random = np.random.default_rng(1)
    p_values = [kolmogorov_smirnov(*random.normal(size=(2, 100))).p_value for _ in range(1000)]
    assert sum(p <= 0.01 for p in p_values) / 1000 <= 0.0163  # 0.01 and twice its standard error
    assert sum(p <= 0.1 for p in p_values) / 1000 <= 0.119


def test_kolmogorov_smirnov_alarms_less_rather_than_more_on_equal_values() -> None:
    random = np.random.default_rng(2)
    p_values = [kolmogorov_smirnov(*random.integers(0, 4, size=(2, 100)) * 1.0).p_value for _ in range(500)]
    assert sum(p <= 0.05 for p in p_values) / 500 <= 0.05


@FEW
@given(NUMBERS, NUMBERS)
def test_kolmogorov_smirnov_ignores_order_and_which_sample_comes_first(
    sample: np.ndarray, reference: np.ndarray
) -> None:
    result = kolmogorov_smirnov(sample, reference)
    assert kolmogorov_smirnov(sample[::-1], np.sort(reference)) == result
    assert kolmogorov_smirnov(reference, sample) == result
    assert 0 <= result.statistic <= 1
    assert 0 < result.p_value <= 1
    assert kolmogorov_smirnov(sample, sample).p_value == 1


@pytest.mark.parametrize("values", [[], [0.5, float("nan")], [float("inf")]])
def test_kolmogorov_smirnov_refuses_samples_that_are_empty_or_not_finite(values: list[float]) -> None:
    with pytest.raises(ValueError, match=f"The reference has {len(values)} numbers, expected one or more, all of them"):
        kolmogorov_smirnov(np.ones(5), np.array(values))


def test_mean_discrepancy_rarely_alarms_without_a_difference() -> None:
    random = np.random.default_rng(3)
    p_values = [mean_discrepancy(*random.normal(size=(2, 30, 4))).p_value for _ in range(80)]
    assert sum(p <= 0.05 for p in p_values) / 80 <= 0.099  # 0.05 and twice its standard error
    assert 0.4 < np.mean(p_values) < 0.6


@pytest.mark.parametrize(
    "change", [lambda rows: rows + 0.5, lambda rows: rows * 1.7, lambda rows: np.where(rows > 1, 4, rows)]
)
def test_mean_discrepancy_finds_another_mean_spread_or_tail(change: object) -> None:
    random = np.random.default_rng(4)
    sample, reference = random.normal(size=(100, 8)), random.normal(size=(250, 8))
    assert mean_discrepancy(change(sample), reference).p_value <= 0.001  # type: ignore[operator]


def test_mean_discrepancy_finds_a_change_along_a_direction_of_little_spread() -> None:
    """As in embeddings, of which the first directions vary most and the others hold what drifts."""
    random = np.random.default_rng(5)
    scales = np.array([50.0, 20.0, 5.0, 1.0])
    sample, reference = random.normal(size=(100, 4)) * scales, random.normal(size=(250, 4)) * scales
    sample[:, 3] += 1
    assert mean_discrepancy(sample, reference).p_value <= 0.001


def test_mean_discrepancy_of_few_rows_counts_all_divisions() -> None:
    """With four rows against four, 70 divisions exist; the two extreme ones are as far apart as the observed one."""
    near, far = np.arange(4.0)[:, np.newaxis], np.arange(100.0, 104.0)[:, np.newaxis]
    assert mean_discrepancy(near, far).p_value == pytest.approx(2 / 70, abs=0.01)
    assert len(list(combinations(range(8), 4))) == 70


def test_mean_discrepancy_gives_the_same_rows_the_same_result_in_any_order() -> None:
    random = np.random.default_rng(6)
    sample, reference = random.normal(size=(MOST_ROWS + 50, 3)), random.normal(size=(60, 3))
    result = mean_discrepancy(sample, reference)
    shuffled = mean_discrepancy(random.permutation(sample), random.permutation(reference))
    assert shuffled.p_value == result.p_value
    assert shuffled.statistic == pytest.approx(result.statistic)


def test_mean_discrepancy_of_a_thousand_rows_stays_within_its_memory() -> None:
    """Windows of 1,000 by 32 against a reference of 2,500: the rows are bounded, so the kernel is."""
    random = np.random.default_rng(7)
    result = mean_discrepancy(random.normal(size=(1000, 32)), random.normal(size=(2500, 32)))
    assert result.p_value > 0.01


def test_mean_discrepancy_of_equal_rows_is_no_difference() -> None:
    assert mean_discrepancy(np.ones((20, 3)), np.ones((30, 3))).p_value == 1


def test_mean_discrepancy_refuses_samples_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"shapes \(5, 3\) and \(5, 4\), expected"):
        mean_discrepancy(np.ones((5, 3)), np.ones((5, 4)))
    with pytest.raises(ValueError, match=r"shapes \(1, 3\) and \(5, 3\), expected"):
        mean_discrepancy(np.ones((1, 3)), np.ones((5, 3)))
    with pytest.raises(ValueError, match="not finite"):
        mean_discrepancy(np.full((5, 3), np.nan), np.ones((5, 3)))


def test_label_shift_has_the_chi_square_of_the_table() -> None:
    """Of 2 x 2 pictures: 100 (20 * 10 - 30 * 40)² / (50 * 50 * 60 * 40) by the usual short form."""
    result = label_shift({"a": 20, "b": 30}, {"a": 40, "b": 10})
    assert result.statistic == pytest.approx(100 * (20 * 10 - 30 * 40) ** 2 / (50 * 50 * 60 * 40))
    assert result.p_value <= 0.001


def test_label_shift_p_value_of_two_labels_is_that_of_fishers_tables() -> None:
    """Two of three pictures against none of five: by hand, 3 of 28 tables are as far from the expected one."""
    tables = {hits: comb(2, hits) * comb(6, 3 - hits) / comb(8, 3) for hits in range(3)}
    expected = 3 * 2 / 8
    extreme = sum(chance for hits, chance in tables.items() if abs(hits - expected) >= 2 - expected)
    result = label_shift({"a": 2, "b": 1}, {"b": 5})
    assert result.p_value == pytest.approx(extreme, abs=0.02)


def test_label_shift_rarely_alarms_on_labels_that_are_rare() -> None:
    """Of 20 labels most have one or two expected pictures, where the usual chi-square does not hold."""
    random = np.random.default_rng(8)
    shares = np.array([0.81] + [0.01] * 19)
    p_values = [
        label_shift(*(Counter(random.choice(20, size, p=shares).astype(str)) for size in (60, 150))).p_value
        for _ in range(150)
    ]
    assert sum(p <= 0.05 for p in p_values) / 150 <= 0.086


def test_label_shift_finds_a_label_that_is_new_or_missing() -> None:
    reference = {"a": 100, "b": 100}
    assert label_shift({"a": 45, "b": 45, "c": 10}, reference).p_value <= 0.001
    assert label_shift({"a": 90}, reference).p_value <= 0.001


@FEW
@given(COUNTS, COUNTS)
def test_label_shift_ignores_the_order_of_labels_and_labels_without_pictures(
    counts: dict[str, int], reference: dict[str, int]
) -> None:
    result = label_shift(counts, reference)
    reordered = dict(sorted(reference.items(), reverse=True)) | {"zebra": 0}
    assert label_shift(dict(reversed(counts.items())), reordered) == result
    assert 0 < result.p_value <= 1
    assert 0 <= total_variation(counts, reference) <= 1
    assert label_shift(counts, counts).p_value == 1
    assert total_variation(counts, counts) == 0


@pytest.mark.parametrize(("counts", "reference"), [({}, {"a": 1}), ({"a": 1}, {"a": 0}), ({"a": -1, "b": 2}, {"b": 1})])
def test_label_shift_refuses_counts_without_pictures(counts: dict[str, int], reference: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected one or more of each"):
        label_shift(counts, reference)


def test_unfamiliar_share_is_exact_where_the_threshold_is_read_off_a_reference() -> None:
    """Pictures in random order are drawn, and those above the third largest of the reference counted."""
    random = np.random.default_rng(9)
    above = []
    for _ in range(4000):
        novelty, reference = random.uniform(size=40), random.uniform(size=60)
        above.append(int((novelty > np.sort(reference)[-3]).sum()))
    for count in (2, 4, 6):
        expected = float(np.mean(np.array(above) >= count))
        assert unfamiliar_share(count, 40, 2, 60).p_value == pytest.approx(expected, abs=0.02)


def test_unfamiliar_share_of_a_large_reference_is_the_binomial_test() -> None:
    binomial = sum(comb(200, count) * 0.01**count * 0.99 ** (200 - count) for count in range(7, 201))
    assert unfamiliar_share(7, 200, 9_999, 1_000_000).p_value == pytest.approx(binomial, rel=0.01)


def test_unfamiliar_share_finds_5_percent_of_strange_pictures_among_200() -> None:
    assert unfamiliar_share(11, 200, 25, 2569).p_value < 1e-4
    assert unfamiliar_share(2, 200, 25, 2569).p_value > 0.3


@FEW
@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_unfamiliar_share_falls_with_each_further_picture(of: int, reference_of: int, data: st.DataObject) -> None:
    reference_above = data.draw(st.integers(0, reference_of - 1))
    p_values = [unfamiliar_share(above, of, reference_above, reference_of).p_value for above in range(of + 1)]
    assert p_values[0] == 1
    assert all(later < earlier for earlier, later in pairwise(p_values))
    assert p_values[-1] > 0


@pytest.mark.parametrize("counts", [(-1, 5, 0, 5), (6, 5, 0, 5), (0, 0, 0, 5), (1, 5, 5, 5), (1, 5, 0, 0)])
def test_unfamiliar_share_refuses_counts_out_of_range(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="above the threshold"):
        unfamiliar_share(*counts)


def test_drawn_p_values_are_never_zero() -> None:
    assert (drawn_p_value(0), drawn_p_value(DRAWS)) == (1 / (DRAWS + 1), 1)
