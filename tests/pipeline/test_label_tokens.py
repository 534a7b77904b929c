"""A prediction's token allows its holder to label that prediction and no other."""

from __future__ import annotations

import pytest

from shared.pipeline.label_tokens import TOKEN_CHARACTERS, LabelTokens

ONE, OTHER = "a" * 64, "b" * 64
NEW, OLD = "n" * 32, "o" * 32


def test_label_token_is_valid_for_its_prediction_only() -> None:
    tokens = LabelTokens((NEW,))
    token = tokens.token_of(ONE)
    assert token is not None
    assert len(token) == TOKEN_CHARACTERS == 32
    assert token != tokens.token_of(OTHER)
    assert tokens.is_valid(token, ONE)
    assert not tokens.is_valid(token, OTHER)


def test_label_tokens_are_signed_by_the_first_key_and_verified_by_all() -> None:
    before, after = LabelTokens((OLD,)), LabelTokens((NEW, OLD))
    assert after.token_of(ONE) == LabelTokens((NEW,)).token_of(ONE) != before.token_of(ONE)
    assert after.is_valid(before.token_of(ONE), ONE)
    assert after.is_valid(after.token_of(ONE), ONE)
    assert not before.is_valid(after.token_of(ONE), ONE)


@pytest.mark.parametrize("token", [None, 1, "", "é", "0" * 32, "0" * 31])
def test_label_token_that_is_malformed_is_invalid(token: object) -> None:
    assert LabelTokens((NEW,)).is_valid(token, ONE) is False


def test_label_tokens_need_a_key() -> None:
    tokens = LabelTokens(())
    assert tokens.token_of(ONE) is None
    assert not tokens
    assert not tokens.is_valid("0" * 32, ONE)
