"""How far the weights move towards the linear probe is chosen by what can be told apart."""

from __future__ import annotations

from shared.training.mix import Mix, chosen_mix


def test_a_clearly_lower_loss_is_chosen() -> None:
    trials = [Mix(1.0, 0.94, 0.168), Mix(0.7, 0.95, 0.135), Mix(0.4, 0.95, 0.120)]
    assert chosen_mix(trials).share == 0.4


def test_of_losses_that_cannot_be_told_apart_the_most_fine_tuned_is_chosen() -> None:
    trials = [Mix(1.0, 0.94, 0.168), Mix(0.5, 0.95, 0.1304), Mix(0.4, 0.95, 0.1300)]
    assert chosen_mix(trials).share == 0.5


def test_a_network_that_is_best_alone_is_left_alone() -> None:
    assert chosen_mix([Mix(1.0, 0.94, 0.10), Mix(0.5, 0.95, 0.11)]).share == 1.0
