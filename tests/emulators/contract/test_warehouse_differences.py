"""The listed differences of warehouses belong to existing tests, and docs/ has the same table."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulators.contract import test_documented_behaviour, test_view_contract, test_warehouse_contract
from tests.emulators.contract.difference import OURS, Difference
from tests.emulators.contract.warehouse_differences import ASKED, DOCUMENTED, differences_table

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "bigquery-differences.md"


def rules_of(*modules: object) -> set[str]:
    names = [name for module in modules for name in vars(module) if name.startswith("test_")]
    return {name.removeprefix("test_").replace("_", " ") for name in names}


@pytest.mark.parametrize(("mark", "differences"), [("asked", ASKED), ("documented", DOCUMENTED)])
def test_document_tables_are_those_of_the_code(mark: str, differences: tuple[Difference, ...]) -> None:
    table = f"<!-- {mark} -->\n{differences_table(differences)}\n<!-- /{mark} -->"
    assert table in DOCUMENT.read_text("utf-8"), "run: make docs"


def test_difference_belongs_to_a_rule_that_a_test_states() -> None:
    queries = {name.replace("_", " ") for name in test_documented_behaviour.QUERIES}
    assert {difference.rule for difference in ASKED} <= rules_of(test_warehouse_contract, test_view_contract)
    assert {difference.rule for difference in DOCUMENTED} <= rules_of(test_documented_behaviour) | queries


def test_rule_is_listed_once_with_its_source() -> None:
    rules = [difference.rule for difference in (*ASKED, *DOCUMENTED)]
    assert len(rules) == len(set(rules))
    assert all(difference.link.startswith("https://cloud.google.com/") for difference in (*ASKED, *DOCUMENTED))
    assert all(
        difference.ours or difference.bqemulator or difference.local_bigquery for difference in (*ASKED, *DOCUMENTED)
    )


def test_local_warehouse_has_no_difference_in_the_contract() -> None:
    assert [difference.rule for difference in ASKED if difference.cell(OURS)] == []
