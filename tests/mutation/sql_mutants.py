"""The mutants of a view, made in SQLGlot's syntax tree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import sqlglot
from sqlglot import exp

from tests.mutation.mutant import Mutant, difference, sample
from tests.mutation.tree import digest

Change = Callable[[exp.Expr], object]

OTHER_COMPARISON: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.NEQ,
    exp.NEQ: exp.EQ,
    exp.LT: exp.LTE,
    exp.LTE: exp.LT,
    exp.GT: exp.GTE,
    exp.GTE: exp.GT,
    exp.And: exp.Or,
    exp.Or: exp.And,
    exp.Avg: exp.Max,
}


@dataclass(frozen=True, slots=True)
class _Change:
    operator: str
    node: int
    """The number of the node that changes, in the order of the walk."""
    change: Change


def sql_mutants(path: str, source: str, size: int | None = None) -> tuple[list[Mutant], int]:
    """Return mutants of a view's text: all, or ``size`` of them, always the same; and how many there are.

    Below the comments that it begins with, the text is written anew by SQLGlot; ``rewritten`` does that and no more.
    """
    head, tree = _parsed(source)
    plain = rewritten(source)
    changes = list(_changes(tree))
    found, counts = [], Counter[str]()
    for change in changes:
        copy = tree.copy()
        node = list(copy.walk())[change.node]
        line = _line_of(node)
        change.change(node)
        mutated = head + _text(copy)
        if mutated == plain:
            continue
        seen = f"{change.operator} {mutated}"
        if not counts[seen]:
            found.append((_described(path, change.operator, plain, mutated, line), mutated))
        counts[seen] += 1
    unit, numbers = digest(_text(tree)), Counter[str]()
    mutants = []
    for mutant, mutated in found:
        mutants.append(_whole(mutant, source, mutated, unit, numbers[mutant.operator]))
        numbers[mutant.operator] += 1
    chosen = sample([mutant.id for mutant in mutants], size)
    return [mutants[one] for one in chosen], len(mutants)


def rewritten(source: str) -> str:
    """Return a view's text as SQLGlot writes it, unchanged in what it means."""
    head, tree = _parsed(source)
    return head + _text(tree)


def _parsed(source: str) -> tuple[str, exp.Expr]:
    lines = source.splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    blank = "\n" * first  # so that the tree knows the lines of the file
    tree = sqlglot.parse_one(blank + "".join(lines[first:]), read="bigquery")
    return "".join(lines[:first]), tree


def _text(tree: exp.Expr) -> str:
    return tree.sql("bigquery", pretty=True) + "\n"


def _line_of(node: exp.Expr) -> int:
    """Return the line of the first name in a node, or of the first around it."""
    around: exp.Expr | None = node
    while around is not None:
        for name in around.find_all(exp.Identifier):
            if "line" in name.meta:
                return int(name.meta["line"])
        around = around.parent
    return 1


def _described(path: str, operator: str, plain: str, mutated: str, line: int) -> Mutant:
    found = difference(path, "", operator, "", 0, plain, mutated)
    return Mutant(path, line, "", operator, found.before, found.after, found.edit)


def _whole(mutant: Mutant, source: str, mutated: str, unit: str, nth: int) -> Mutant:
    """Return it with an edit of the file's own text, which is replaced as a whole."""
    edit = type(mutant.edit)(0, len(source), mutated)
    return Mutant(mutant.path, mutant.line, "", mutant.operator, mutant.before, mutant.after, edit, unit, nth)


def _changes(tree: exp.Expr) -> Iterator[_Change]:
    for number, node in enumerate(tree.walk()):
        for operator, change in _of(node):
            yield _Change(operator, number, change)


def _of(node: exp.Expr) -> Iterator[tuple[str, Change]]:
    """Yield what may go wrong with a node."""
    if type(node) in OTHER_COMPARISON:
        yield f"sql/{type(node).__name__}", _other
    match node:
        case exp.Is():
            yield "sql/is", lambda node: node.replace(exp.Not(this=node.copy()))
        case exp.Not():
            yield "sql/not", lambda node: node.replace(node.this.copy())
        case exp.Ordered():
            yield "sql/direction", lambda node: node.set("desc", not node.args.get("desc"))
        case exp.Order() if len(node.expressions) > 1:
            yield "sql/order", lambda node: node.set("expressions", node.expressions[:-1])
        case exp.Literal():
            yield "sql/constant", _other_constant
        case exp.Distinct():
            yield "sql/distinct", lambda node: node.parent.set("distinct", None) if node.parent else None
        case exp.Coalesce():
            yield "sql/coalesce", lambda node: node.replace(node.expressions[0].copy())
        case exp.CountIf():
            yield "sql/countif", lambda node: node.replace(exp.Count(this=exp.Star()))
        case exp.Join():
            yield "sql/join", _other_join
        case exp.Window() if len(node.args.get("partition_by") or ()) > 1:
            for index in range(len(node.args["partition_by"])):
                yield "sql/partition", partial(_drop_partition, index=index)
        case exp.SetOperation():
            yield "sql/union", lambda node: node.set("distinct", not node.args.get("distinct"))
            for index in range(len(node.expression.selects) - 1):
                yield "sql/swap", partial(_swap, index=index)
        case exp.Select():
            yield from _of_select(node)


def _of_select(node: exp.Select) -> Iterator[tuple[str, Change]]:
    for part in ("where", "qualify"):
        if node.args.get(part):
            yield f"sql/{part}", partial(_drop_part, part=part)
    for index in range(len(node.selects) - 1):
        yield "sql/neighbour", partial(_take_the_next, index=index)


def _other(node: exp.Expr) -> None:
    node.replace(OTHER_COMPARISON[type(node)](**dict(node.args.items())))


def _other_constant(node: exp.Expr) -> None:
    text = str(node.this)
    node.set("this", f"{text}!" if node.args.get("is_string") else str(int(text) + 1))


def _other_join(node: exp.Expr) -> None:
    is_left = node.args.get("side") == "LEFT"
    node.set("side", None if is_left else "LEFT")
    node.set("kind", "INNER" if is_left else None)


def _drop_partition(node: exp.Expr, index: int) -> None:
    node.args["partition_by"].pop(index)


def _drop_part(node: exp.Expr, part: str) -> None:
    node.set(part, None)


def _swap(node: exp.Expr, index: int) -> None:
    """Swap two columns of the second half of a UNION."""
    columns = node.args["expression"].args["expressions"]
    columns[index], columns[index + 1] = columns[index + 1], columns[index]


def _take_the_next(node: exp.Expr, index: int) -> None:
    """Take the next column's value under this column's name."""
    columns = node.args["expressions"]
    value = columns[index + 1].unalias().copy()
    columns[index] = exp.alias_(value, columns[index].alias_or_name)
