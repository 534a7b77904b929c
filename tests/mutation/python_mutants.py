"""The mutants of a Python file: cosmic-ray's operators (those of ``CHOSEN``) and our own.

Only in the environment that has cosmic-ray: see ``environment``.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

from tests.mutation.mutant import Mutant, difference, sample
from tests.mutation.operators import OURS
from tests.mutation.structure import digest_of, unit_at

CHOSEN = (
    *(f"core/ReplaceBinaryOperator_{pair}" for pair in ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul")),
    *(f"core/ReplaceBinaryOperator_{pair}" for pair in ("Mod_Mul", "Pow_Mul", "RShift_LShift", "LShift_RShift")),
    *(f"core/ReplaceBinaryOperator_{pair}" for pair in ("BitOr_BitAnd", "BitAnd_BitOr", "BitXor_BitAnd")),
    *(f"core/ReplaceComparisonOperator_{pair}" for pair in ("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")),
    *(f"core/ReplaceComparisonOperator_{pair}" for pair in ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Lt_Gt", "Gt_Lt")),
    *(f"core/ReplaceUnaryOperator_{pair}" for pair in ("USub_UAdd", "Delete_Not", "Delete_Invert")),
    *(f"core/{name}" for name in ("AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr")),
    *(f"core/{name}" for name in ("ReplaceOrWithAnd", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak")),
    *(f"core/{name}" for name in ("NumberReplacer", "RemoveDecorator", "ZeroIterationForLoop")),
    *OURS,
)
"""One wrong operator for each right one, since the others are noticed by the same tests."""

TYPES = ("annassign", "tfpdef")
"""Nodes of which the part behind the colon is a type."""


UNPACKS = ("argument", "dictorsetmaker", "star_expr", "parameters", "param", "arglist")


@dataclass(frozen=True, slots=True)
class _Place:
    operator: str
    occurrence: int
    definition: str
    unit: str
    nth: int

    @property
    def key(self) -> str:
        return f"{self.operator} {self.unit} {self.nth}"


def python_mutants(path: str, source: str, size: int | None = None) -> tuple[list[Mutant], int]:
    """Return mutants of a file's text: all, or ``size`` of them, always the same; and how many there are."""
    places = list(_places(source))
    chosen = [places[one] for one in sample([f"{path} {place.key}" for place in places], size)]
    found = []
    for place in chosen:
        mutated = mutate_code(source, _operator(place.operator)(), place.occurrence)
        found.append(difference(path, place.definition, place.operator, place.unit, place.nth, source, mutated))
    return found, len(places)


def _places(source: str) -> Iterator[_Place]:
    nodes = list(ast_nodes(get_ast(source)))
    types = {id(node) for node in nodes if _is_type(node)}
    tree, units, counts = ast.parse(source), dict[int, str](), Counter[tuple[str, str]]()
    for name in CHOSEN:
        operator, occurrence = _operator(name)(), -1
        for node in nodes:
            for index, (start, _) in enumerate(operator.mutation_positions(node)):
                occurrence += 1
                if id(node) in types or _is_needless(name, node, index):
                    continue
                if start[0] not in units:
                    units[start[0]] = digest_of(unit_at(tree, start[0]))
                unit = units[start[0]]
                yield _Place(name, occurrence, _definition(node), unit, counts[name, unit])
                counts[name, unit] += 1


def _operator(name: str) -> Any:
    return OURS.get(name) or get_operator(name)


def _definition(node: Any) -> str:
    """Return the qualified name of the function or class around a node."""
    names: list[str] = []
    while node is not None:
        if node.type in ("funcdef", "classdef"):
            names.append(node.name.value)
        node = node.parent
    return ".".join(reversed(names))


def _is_type(node: Any) -> bool:
    """Whether a node is in an annotation, which nobody looks at when the code runs."""
    while node.parent is not None:
        parent = node.parent
        if parent.type in TYPES and parent.children[1 if parent.type == "annassign" else 2] is node:
            return True
        if parent.type == "funcdef" and parent.annotation is node:
            return True
        node = parent
    return False


def _is_needless(operator: str, node: Any, index: int) -> bool:
    """Whether a mutant shows nothing, or nothing that another does not show."""
    if operator == "core/NumberReplacer" and index > 0:
        return True  # one more, or one less: one of them is enough
    if _is_in_sentence(node):
        return True  # what is put into a text for people, and how: cut to so many characters, sorted, joined
    if _is_dataclass(node):
        return True  # without its decorator it cannot be made, and nothing tries to change what is frozen
    if operator.startswith("core/ReplaceBinaryOperator") and node.parent.type in UNPACKS:
        return True  # `*` and `**` of arguments: no operator
    if node.type == "if_stmt" and node.children[1].get_code().strip() == "TYPE_CHECKING":
        return True  # names of types, at which nobody looks when the code runs
    return operator == "core/AddNot" and node.type != "test" and node.children[1].type in ("not_test", "namedexpr_test")


def _is_in_sentence(node: Any) -> bool:
    while node is not None and node.type != "fstring":
        node = node.parent
    return node is not None and any(part.type == "fstring_string" and " " in part.value for part in node.children)


def _is_dataclass(node: Any) -> bool:
    while node is not None and node.type != "decorator":
        node = node.parent
    return node is not None and "dataclass" in node.get_code()
