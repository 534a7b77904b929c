"""Kinds of mistakes that people make and cosmic-ray does not know, as operators of cosmic-ray's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import parso
from cosmic_ray.operators.operator import Operator
from parso.python.tree import Keyword

Positions = Iterator[tuple[tuple[int, int], tuple[int, int]]]


class DropCall(Operator):  # type: ignore[misc]
    """Leave out a statement that only calls something, so its effect is missing."""

    def mutation_positions(self, node: Any) -> Positions:
        """See ``Operator``."""
        if node.type in ("atom_expr", "power") and node.parent.type == "simple_stmt" and _is_call(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """See ``Operator``."""
        return _in_place_of(node, "pass")

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        """See ``Operator``."""
        return ()


class DropAugmented(Operator):  # type: ignore[misc]
    """Leave out ``+=`` and its like, so a counter stands still."""

    def mutation_positions(self, node: Any) -> Positions:
        """See ``Operator``."""
        if node.type == "expr_stmt" and node.children[1].type == "operator" and node.children[1].value[:-1]:
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """See ``Operator``."""
        return _in_place_of(node, "pass")

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        """See ``Operator``."""
        return ()


class DropRaise(Operator):  # type: ignore[misc]
    """Leave out a ``raise``."""

    def mutation_positions(self, node: Any) -> Positions:
        """See ``Operator``."""
        if node.type == "raise_stmt" or (node.type == "keyword" and node.value == "raise" and _is_statement(node)):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """See ``Operator``."""
        return _in_place_of(node, "pass")

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        """See ``Operator``."""
        return ()


class Membership(Operator):  # type: ignore[misc]
    """Write ``in`` for ``not in``, and the other way round."""

    def mutation_positions(self, node: Any) -> Positions:
        """See ``Operator``."""
        if node.type == "comparison":
            for sign in _membership(node):
                yield sign.start_pos, sign.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """See ``Operator``."""
        sign = _membership(node)[index]
        other = " in" if sign.get_code().split() == ["not", "in"] else " not in"
        node.children[node.children.index(sign)] = parso.parse(other)
        return node

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        """See ``Operator``."""
        return ()


class OtherException(Operator):  # type: ignore[misc]
    """Catch another exception than the one that may be raised; cosmic-ray's own operator knows no dotted names."""

    def mutation_positions(self, node: Any) -> Positions:
        """See ``Operator``."""
        if node.type == "except_clause":
            for kind in _kinds(node):
                yield kind.start_pos, kind.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """See ``Operator``."""
        kind = _kinds(node)[index]
        around = kind.parent.children
        around[around.index(kind)] = _in_place_of(kind, "GeneratorExit")
        return node

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        """See ``Operator``."""
        return ()


class ReturnNone(Operator):  # type: ignore[misc]
    """Return None in place of a value."""

    def mutation_positions(self, node: Any) -> Positions:
        """See ``Operator``."""
        if node.type == "return_stmt" and node.children[1].get_code().strip() != "None":
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """See ``Operator``."""
        return _in_place_of(node, "return None")

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        """See ``Operator``."""
        return ()


class Confuse(Operator):  # type: ignore[misc]
    """Take a name that is easily confused: ``max`` for ``min``, ``notify`` for ``notify_all``."""

    PAIRS = (
        ("min", "max"),
        ("any", "all"),
        ("ceil", "floor"),
        ("notify_all", "notify"),
        ("startswith", "endswith"),
        ("removeprefix", "removesuffix"),
        ("lstrip", "rstrip"),
        ("repeat", "tile"),
        ("width", "height"),
        ("partition", "rpartition"),
        ("split", "rsplit"),
        ("popleft", "pop"),
        ("maximum", "minimum"),
        ("argmax", "argmin"),
        ("find", "rfind"),
    )
    OTHER = {name: other for pair in PAIRS for name, other in (pair, pair[::-1])} | {"pop": "pop"}

    def mutation_positions(self, node: Any) -> Positions:
        """See ``Operator``."""
        is_name = node.type == "name" and node.parent.type not in ("param", "funcdef", "import_from", "import_name")
        if is_name and self.OTHER.get(node.value, node.value) != node.value and not _is_keyword(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """See ``Operator``."""
        node.value = self.OTHER[node.value]
        return node

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        """See ``Operator``."""
        return ()


def _in_place_of(node: Any, text: str) -> Keyword:
    first = node.get_first_leaf()
    return Keyword(text, first.start_pos, first.prefix)


def _is_call(node: Any) -> bool:
    last = node.children[-1]
    return bool(last.type == "trailer" and last.children[0].value == "(")


def _kinds(clause: Any) -> list[Any]:
    """Return the exceptions that a clause catches."""
    kinds = clause.children[1]
    if kinds.type != "atom":
        return [kinds]
    inner = kinds.children[1]
    return inner.children[::2] if inner.type == "testlist_comp" else [inner]


def _is_statement(node: Any) -> bool:
    return bool(node.parent.type == "simple_stmt")


def _membership(node: Any) -> list[Any]:
    return [sign for sign in node.children[1::2] if sign.get_code().split() in (["in"], ["not", "in"])]


def _is_keyword(node: Any) -> bool:
    """Return whether it is the name of an argument: ``height=…``."""
    return node.parent.type == "argument" and node.parent.children[0] is node


OURS = {
    f"ours/{kind.__name__}": kind
    for kind in (DropCall, DropAugmented, DropRaise, OtherException, ReturnNone, Membership, Confuse)
}
