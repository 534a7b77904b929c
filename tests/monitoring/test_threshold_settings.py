"""Tests that thresholds are read from variables, each fault with a sentence."""

from __future__ import annotations

from dataclasses import fields

import pytest

from shared.errors import Misconfigured
from shared.monitoring.threshold_settings import KINDS, thresholds_from, variable_of
from shared.monitoring.thresholds import RetrainingThresholds, VerdictThresholds
from shared.settings import monitor_variables


def test_thresholds_without_variables_are_the_defaults() -> None:
    assert thresholds_from({}) == (VerdictThresholds(), RetrainingThresholds())
    assert thresholds_from({"MONITOR_FALSE_ALARMS": "", "FALSE_ALARMS": "x"})[0] == VerdictThresholds()


def test_thresholds_are_read_from_their_variables() -> None:
    variables = {"MONITOR_FALSE_ALARMS": "0.05", "MONITOR_ACCURACY_FLOOR": "0.9", "MONITOR_MIN_NEW_LABELS": "50"}
    verdict, retraining = thresholds_from(variables | {"MONITOR_MIN_DAYS_BETWEEN": "30"})
    assert verdict == VerdictThresholds(false_alarms=0.05, accuracy_floor=0.9)
    assert retraining == RetrainingThresholds(min_new_labels=50, min_days_between=30.0)


def test_threshold_names_are_different_variables() -> None:
    names = [variable_of(threshold) for kind in KINDS for threshold in fields(kind)]
    assert len(names) == len({*names}) == 12


@pytest.mark.parametrize("value", ["0", "-0.1", "1.01", "nan", "inf", "x", "1e-400"])
def test_threshold_that_is_a_share_is_above_0_and_at_most_1(value: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        thresholds_from({"MONITOR_FALSE_ALARMS": value})
    assert refused.value.faults == (f"MONITOR_FALSE_ALARMS is {value!r}, expected a number above 0 and at most 1",)


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "٣", " 7"])
def test_threshold_that_is_a_count_is_a_whole_number(value: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        thresholds_from({"MONITOR_MIN_PICTURES": value})
    assert refused.value.faults == (f"MONITOR_MIN_PICTURES is {value!r}, expected a whole number above 0",)


def test_threshold_faults_are_named_together() -> None:
    with pytest.raises(Misconfigured) as refused:
        thresholds_from(
            {"MONITOR_MIN_PICTURES": "few", "MONITOR_HARMED_WINDOWS": "0", "MONITOR_MIN_DAYS_BETWEEN": "-1"}
        )
    assert len(refused.value.faults) == 3
    assert refused.value.faults[2] == "MONITOR_MIN_DAYS_BETWEEN is '-1', expected a number above 0"


def test_thresholds_of_this_process_are_those_of_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITOR_MIN_AUDITED", "40")
    assert thresholds_from(monitor_variables())[0].min_audited == 40
