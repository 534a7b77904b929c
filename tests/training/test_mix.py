"""The share of fine-tuned weights in the mix is chosen by loss, and a tie goes to the larger share."""

from __future__ import annotations

from shared.training.mix import Mix, choose_mix


def test_mix_with_a_clearly_lower_loss_is_chosen() -> None:
    trials = [Mix(1.0, 0.94, 0.168), Mix(0.7, 0.95, 0.135), Mix(0.4, 0.95, 0.120)]
    assert choose_mix(trials).share == 0.4


def test_mix_of_tied_losses_is_the_most_fine_tuned() -> None:
    trials = [Mix(1.0, 0.94, 0.168), Mix(0.5, 0.95, 0.1304), Mix(0.4, 0.95, 0.1300)]
    assert choose_mix(trials).share == 0.5


def test_mix_leaves_a_network_that_is_best_unmixed() -> None:
    assert choose_mix([Mix(1.0, 0.94, 0.10), Mix(0.5, 0.95, 0.11)]).share == 1.0
