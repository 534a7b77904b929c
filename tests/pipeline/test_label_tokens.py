"""A prediction's token opens that prediction's label to who has it, and no other's."""

from __future__ import annotations

import pytest

from shared.pipeline.label_tokens import TOKEN_CHARACTERS, LabelTokens

ONE, OTHER = "a" * 64, "b" * 64
NEW, OLD = "n" * 32, "o" * 32


def test_a_token_has_32_characters_and_is_of_its_prediction_only() -> None:
    tokens = LabelTokens((NEW,))
    token = tokens.token_of(ONE)
    assert token is not None
    assert len(token) == TOKEN_CHARACTERS == 32
    assert token != tokens.token_of(OTHER)
    assert tokens.is_of(token, ONE)
    assert not tokens.is_of(token, OTHER)


def test_tokens_are_signed_with_the_first_key_and_those_of_every_key_hold() -> None:
    before, after = LabelTokens((OLD,)), LabelTokens((NEW, OLD))
    assert after.token_of(ONE) == LabelTokens((NEW,)).token_of(ONE) != before.token_of(ONE)
    assert after.is_of(before.token_of(ONE), ONE)
    assert after.is_of(after.token_of(ONE), ONE)
    assert not before.is_of(after.token_of(ONE), ONE)


@pytest.mark.parametrize("given", [None, 1, "", "é", "0" * 32, "0" * 31])
def test_what_is_no_token_opens_nothing(given: object) -> None:
    assert LabelTokens((NEW,)).is_of(given, ONE) is False


def test_without_keys_there_are_no_tokens() -> None:
    tokens = LabelTokens(())
    assert tokens.token_of(ONE) is None
    assert not tokens
    assert not tokens.is_of("0" * 32, ONE)
