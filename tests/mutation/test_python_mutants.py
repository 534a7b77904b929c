"""The mutants of Python code, in the environment that has cosmic-ray."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.environments import Recipe, environment
from tests.mutation.chapters import ROOT

SOURCE = """
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import json


@dataclass(frozen=True)
class Box:
    sides: int | None = 4

    @property
    def is_full(self) -> bool:
        if not self.sides or self.sides >= 3:
            raise ValueError(f"full of {sorted(self.sides)[:40]}")
        self.sides += 1
        try:
            self.notify_all(*(), **{**{}})
        except (json.JSONDecodeError, OSError):
            pass
        return min(self.sides, 5) not in (1, 2)
"""

EXPECTED = {
    ("core/NumberReplacer", "sides: int | None = 5"),
    ("core/RemoveDecorator", "def is_full(self) -> bool:"),
    ("core/ReplaceOrWithAnd", "if not self.sides and self.sides >= 3:"),
    ("core/ReplaceComparisonOperator_GtE_Gt", "if not self.sides or self.sides > 3:"),
    ("core/ReplaceUnaryOperator_Delete_Not", "if self.sides or self.sides >= 3:"),
    ("ours/DropRaise", "pass"),
    ("ours/DropAugmented", "pass"),
    ("ours/DropCall", "pass"),
    ("ours/Confuse", "self.notify(*(), **{**{}})"),
    ("ours/OtherException", "except (GeneratorExit, OSError):"),
    ("ours/OtherException", "except (json.JSONDecodeError, GeneratorExit):"),
    ("ours/Confuse", "return max(self.sides, 5) not in (1, 2)"),
    ("ours/Membership", "return min(self.sides, 5) in (1, 2)"),
    ("ours/ReturnNone", "return None"),
}
SCRIPT = """
import json, sys
from tests.mutation.python_mutants import python_mutants
source = json.load(sys.stdin)
found, total = python_mutants("box.py", source)
some, _ = python_mutants("box.py", source, 4)
assert {mutant.id for mutant in some} < {mutant.id for mutant in found} and len(some) == 4 and len(found) == total
for mutant in found:
    compile(mutant.edit.applied_to(source), "box.py", "exec")
print(json.dumps([[mutant.operator, mutant.after, mutant.place, mutant.id] for mutant in found]))
"""


@pytest.fixture(scope="module")
def mutants() -> list[list[str]]:
    made = environment(Recipe(ROOT / "tests" / "mutation" / "cosmic_ray.txt"))
    variables = {**made.variables, "PYTHONPATH": str(ROOT)}
    command = [str(made.python), "-c", SCRIPT]
    done = subprocess.run(
        command, input=json.dumps(SOURCE), env=variables, cwd=ROOT, capture_output=True, text=True, check=True
    )
    found: list[list[str]] = json.loads(done.stdout)
    return found


def test_there_is_a_mutant_for_each_kind_of_mistake(mutants: list[list[str]]) -> None:
    assert {(operator, after) for operator, after, *_ in mutants} >= EXPECTED


def test_types_are_not_mutated_and_dataclasses_stay_dataclasses(mutants: list[list[str]]) -> None:
    assert not any("int & None" in after or operator.endswith("BitOr_BitAnd") for operator, after, *_ in mutants)
    assert not any(operator == "core/RemoveDecorator" and place != "Box" for operator, _, place, _ in mutants)


def test_what_is_put_into_a_sentence_and_what_only_types_need_is_not_mutated(mutants: list[list[str]]) -> None:
    assert not any("[: 41]" in after or "not TYPE_CHECKING" in after for _, after, *_ in mutants)


def test_a_mutant_says_its_place_and_has_an_id_of_its_own(mutants: list[list[str]]) -> None:
    assert {place for *_, place, _ in mutants} <= {"Box", "Box.is_full"}
    assert len({one for *_, one in mutants}) == len(mutants)
