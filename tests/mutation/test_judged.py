"""The list of mutants that change nothing: each entry has its reason, and speaks of code that is there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutation.chapters import CHAPTERS, ROOT
from tests.mutation.judged import Judged, judged, judgement_of
from tests.mutation.mutant import Mutant, difference
from tests.mutation.sql_mutants import rewritten

ENTRY = '[[mutant]]\npath = "a.py"\nplace = "f"\nbefore = "n < 1"\nafter = "n <= 1"\nreason = "n is never 1"\n'


def one_line(text: str) -> str:
    return " ".join(text.split())


def code_of(entry: Judged) -> str:
    """Return the code of an entry's function or class; of a module or view all of it."""
    text = (ROOT / entry.path).read_text("utf-8")
    if entry.path.endswith(".sql"):
        return rewritten(text)
    node: ast.AST = ast.parse(text)
    for name in filter(None, entry.place.split(".")):
        inner = [one for one in ast.walk(node) if getattr(one, "name", None) == name and one is not node]
        assert inner, f"{entry.path} has no {entry.place}"
        node = inner[0]
    if not entry.place:
        return text
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno])


def test_judged_entries_name_existing_code_and_a_reason() -> None:
    paths = {path for chapter in CHAPTERS for path in chapter.files()}
    for entry in judged():
        assert entry.path in paths
        assert entry.before in one_line(code_of(entry)), f"{entry}: the code has changed; judge it again, or remove it"
        assert len(entry.reason.split()) > 3, entry
        assert entry.before not in entry.after, entry


def test_judged_entries_are_unique() -> None:
    found = [(one.path, one.place, one.before, after) for one in judged() for after in one.after or ("",)]
    assert len(found) == len(set(found))


def mutant(after: str, before: str = "n < 1", path: str = "a.py", place: str = "f") -> Mutant:
    return difference(path, place, "core/AddNot", "unit", 0, f"{before}\n", f"{after}\n")


def test_judged_entry_applies_to_its_mutant_only(tmp_path: Path) -> None:
    (tmp_path / "list.toml").write_text(ENTRY, "utf-8")
    entries = judged(tmp_path / "list.toml")
    assert judgement_of(mutant("n <= 1"), entries) == entries[0]
    for other in (mutant("n > 1"), mutant("n <= 1", path="b.py"), mutant("n <= 1", place="g"), mutant("n <= 1", "m")):
        assert judgement_of(other, entries) is None


def test_judged_entry_without_after_applies_to_every_mutant_of_its_line(tmp_path: Path) -> None:
    (tmp_path / "list.toml").write_text(ENTRY.replace('after = "n <= 1"\n', ""), "utf-8")
    entries = judged(tmp_path / "list.toml")
    assert judgement_of(mutant("n > 1"), entries)
    assert judgement_of(mutant("n <= 1"), entries)


@pytest.mark.parametrize(
    ("before", "after"), [('reason = "n is never 1"\n', ""), ("reason", "why"), ('"n is never 1"', '""')]
)
def test_judged_entry_without_a_reason_is_refused(before: str, after: str, tmp_path: Path) -> None:
    (tmp_path / "list.toml").write_text(ENTRY.replace(before, after), "utf-8")
    with pytest.raises(ValueError, match="entry 1"):
        judged(tmp_path / "list.toml")
