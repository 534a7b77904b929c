"""A run's state survives a kill, and is not confused with that of another run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shared.errors import Misconfigured
from shared.training.state import FILE, Epoch, State, chosen_epoch, load_state, save_state


def _epoch(number: int, accuracy: float) -> Epoch:
    return Epoch(number, 0.5, 0.9, 0.3, accuracy, 0.02, 1.0)


def test_state_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    weights = {"network": [np.arange(3.0), np.array(7)], "best": [np.ones((2, 2), np.float32)]}
    state = State([_epoch(1, 0.3)], weights)

    save_state(tmp_path, state, {"seed": 1})
    loaded = load_state(tmp_path, {"seed": 1})

    assert loaded.history == state.history
    assert {part: [value.tolist() for value in values] for part, values in loaded.weights.items()} == {
        part: [value.tolist() for value in values] for part, values in weights.items()
    }


def test_state_keeps_the_order_of_more_than_ten_arrays(tmp_path: Path) -> None:
    save_state(tmp_path, State([_epoch(1, 0.3)], {"network": [np.array(n) for n in range(120)]}), {})

    assert [int(value) for value in load_state(tmp_path, {}).weights["network"]] == list(range(120))


def test_state_is_new_where_none_was_saved(tmp_path: Path) -> None:
    assert load_state(tmp_path, {}).history == []


def test_state_of_a_run_with_other_options_is_refused(tmp_path: Path) -> None:
    save_state(tmp_path, State([_epoch(1, 0.3)], {}), {"seed": 1, "epochs": 10})

    with pytest.raises(Misconfigured, match="epochs was 10 then and is 12 now") as refused:
        load_state(tmp_path, {"seed": 2, "epochs": 12})
    assert len(refused.value.faults) == 2


def test_state_survives_a_kill_while_saving(tmp_path: Path) -> None:
    save_state(tmp_path, State([_epoch(1, 0.3)], {}), {})
    (tmp_path / f"{FILE}.new").write_bytes(b"half a fi")

    assert len(load_state(tmp_path, {}).history) == 1


def test_chosen_epoch_is_the_last_within_one_standard_error() -> None:
    state = State([_epoch(1, 0.80), _epoch(2, 0.95), _epoch(3, 0.94), _epoch(4, 0.92)])

    assert (chosen_epoch(state.history).number, state.stale_epochs) == (3, 1)
