"""Tests that earlier findings stay fixed, and that a short search with fixed seeds finds nothing new."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.system.fuzz import inputs, seeds
from tests.system.fuzz.inputs import CORPUS
from tests.system.fuzz.search import search_round
from tests.system.fuzz.targets import TARGETS, RuleBroken, Target, answer_request

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

EXAMPLES = {"decode": 150, "strip": 80, "event": 100, "manifest": 60, "request": 100}
FILES = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


def test_fuzz_targets_each_have_a_corpus() -> None:
    assert {path.parent.name for path in FILES} == set(TARGETS) == set(EXAMPLES)


@pytest.mark.parametrize("name", TARGETS)
def test_fuzz_corpus_breaks_no_rule(name: str) -> None:
    for path in FILES:
        if path.parent.name == name:
            TARGETS[name].run(path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_fuzz_search_of_fixed_seed_finds_nothing(name: str) -> None:
    finding = search_round(TARGETS[name], number=20261121, examples=EXAMPLES[name])
    assert finding is None, finding.why


def test_fuzz_corpus_has_inputs_that_are_accepted() -> None:
    """Guard the search: if the seeds were refused at the first byte, edits of them would find nothing."""
    statuses = {name: answer_request(content) for target, name, content in seeds.seeds() if target == "request"}
    assert {name for name, status in statuses.items() if status == 200} >= {
        "infer-bytes", "infer-pixels", "infer-binary", "serving-row", "serving-column", "serving-pixels", "kserve",
        "bigquery", "label", "raw", "form", "page",
    }  # fmt: skip
    assert statuses["uri"] == 404


def test_fuzz_finds_a_broken_rule_and_keeps_a_reduced_input(tmp_path: Path) -> None:
    def breaks_on_zero_bytes(content: bytes) -> None:
        if b"\0" in content:
            raise RuleBroken("zero")

    finding = search_round(replace(TARGETS["event"], run=breaks_on_zero_bytes), number=1, examples=400)
    assert finding is not None
    assert b"\0" in finding.content
    assert "RuleBroken: zero" in finding.why
    kept = finding.keep(tmp_path)
    assert kept.read_bytes() == finding.content
    assert kept.parent == tmp_path / "event"


def test_fuzz_round_is_reproducible_by_its_number() -> None:
    seen: list[list[bytes]] = [[], []]
    for run in seen:
        search_round(Target("event", "json", lambda _: None), number=5, examples=30, note=run.append)
    assert seen[0] == seen[1]
    assert len(set(seen[0])) > 10


def test_fuzz_edits_keep_most_of_a_file() -> None:
    seen: list[bytes] = []
    search_round(Target("decode", "bytes", lambda _: None), number=5, examples=160, note=seen.append)
    claimed = [content for content in seen if content[:2] in {seed[:2] for seed in inputs.corpus("decode")}]
    assert len(claimed) > 40


def test_fuzz_changes_documents_as_json() -> None:
    seen: list[bytes] = []
    search_round(Target("manifest", "json", lambda _: None), number=5, examples=320, note=seen.append)
    documents = [content for content in seen if is_json(content)]
    assert len(documents) > 20


def is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True
