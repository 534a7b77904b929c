"""The page of a verdict has its evidence, a plot of each tested distribution, the accuracy and the proposal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.monitoring.drift import Drift
from shared.monitoring.judge import Judgement, judge
from shared.monitoring.retraining_proposal import Proposal
from shared.monitoring.verdict import State
from shared.monitoring.window import Pictures, without_signals
from shared.reporting.document import Plot
from shared.reporting.verdict_page import verdict_document, verdict_page
from tests.memory.warehouse import MemoryWarehouse
from tests.monitoring.drawn import SINCE, drawn_pictures
from tests.monitoring.drawn_rows import UNTIL, drawn_bundle, write_rows
from tests.reporting.hostile_texts import HOSTILE
from tests.reporting.page_elements import elements_of


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MemoryWarehouse]:
    warehouse = MemoryWarehouse(tmp_path_factory.mktemp("warehouse"))
    yield warehouse
    warehouse.close()


def judgement(warehouse: MemoryWarehouse, folder: Path, pictures: Pictures | None, **bundle: Any) -> Judgement:
    judged = drawn_bundle(folder, **bundle)
    if pictures is not None:
        write_rows(warehouse, judged, pictures)
    return judge(warehouse, judged, SINCE, UNTIL)


def plots(judged: Judgement) -> list[str]:
    return [
        block.title
        for section in verdict_document(judged).sections
        for block in section.blocks
        if isinstance(block, Plot)
    ]


def drawn(**changes: Any) -> Pictures:
    return drawn_pictures(np.random.default_rng(1), 120, **changes)


def test_page_of_a_steady_window_has_a_plot_of_each_distribution(warehouse: MemoryWarehouse, tmp_path: Path) -> None:
    judged = judgement(warehouse, tmp_path, drawn())
    assert judged.verdict.state is State.STEADY
    assert plots(judged) == [
        "Estimates and audit against the floor",
        *(
            f"{name}: no drift"
            for name in (
                "Brightness",
                "Contrast",
                "Sharpness",
                "Saturation",
                "Colourfulness",
                "Aspect",
                "Labels",
                "Novelty",
            )
        ),
    ]
    page = verdict_page(judged)
    assert "<strong>Steady.</strong> No drift in 9 tests." in page
    assert "p is corrected by Holm" in page
    assert page == verdict_page(judged)


def test_page_of_a_drifting_window_names_what_drifted(warehouse: MemoryWarehouse, tmp_path: Path) -> None:
    judged = judgement(warehouse, tmp_path, drawn(brightness=3.0))
    assert judged.verdict.state is State.DRIFTING
    assert "Brightness: drift" in plots(judged)
    assert "Drifting, harmless so far." in verdict_page(judged)


def test_page_of_a_harmed_window_shows_accuracy_against_the_floor(warehouse: MemoryWarehouse, tmp_path: Path) -> None:
    judged = judgement(warehouse, tmp_path, drawn(brightness=3.0, mean_score=0.6))
    assert judged.verdict.state is State.HARMED
    page = verdict_page(judged)
    assert "Harmed." in page
    assert f"floor, {100 * (judged.verdict.floor or 0):.1f} %" in page


@pytest.mark.parametrize(
    ("pictures", "bundle"),
    [
        (None, {}),
        (None, {"has_profile": False}),
        (drawn(), {"has_profile": False}),
        (without_signals(["roses"] * 3, [0.9] * 3), {}),
        (without_signals(["roses"] * 80, [0.9] * 80), {}),
    ],
)
def test_page_of_a_window_that_cannot_be_judged_has_the_reason(
    warehouse: MemoryWarehouse, tmp_path: Path, pictures: Pictures | None, bundle: dict[str, Any]
) -> None:
    judged = judgement(warehouse, tmp_path, pictures, **bundle)
    page = verdict_page(judged)
    assert judged.verdict.why[:40] in page
    assert page.endswith("</html>")


@pytest.mark.parametrize(
    ("proposal", "words"),
    [
        (Proposal(False, ()), "No threshold of a retraining is reached."),
        (Proposal(True, ("There are 300 new labels.",)), "A retraining is proposed."),
        (Proposal(False, ("There are 300 new labels.",), "It is too early."), "Not proposed, although"),
    ],
)
def test_page_has_the_proposal(warehouse: MemoryWarehouse, tmp_path: Path, proposal: Proposal, words: str) -> None:
    judged = replace(judgement(warehouse, tmp_path, None), proposal=proposal)
    page = verdict_page(judged)
    assert words in page
    assert all(reason in page for reason in proposal.reasons)


def test_page_of_hostile_texts_has_no_elements_of_theirs(warehouse: MemoryWarehouse, tmp_path: Path) -> None:
    usual = judgement(warehouse, tmp_path, drawn())
    drift = usual.verdict.drift
    assert drift is not None
    for text in HOSTILE:
        hostile = replace(
            usual,
            model=replace(usual.model, name=text, version=text),
            proposal=Proposal(False, (text,), text),
            other_models=((replace(usual.model, name=text), 3),),
            verdict=replace(
                usual.verdict,
                why=text,
                evidence=tuple(replace(item, words=text) for item in usual.verdict.evidence),
                drift=Drift((), (text,)),
            ),
        )
        elements = elements_of(verdict_page(hostile))
        assert not {"script", "img", "iframe", "link"} & set(elements.tags)
        assert [name for _, name, _ in elements.attributes if name.startswith("on")] == []
