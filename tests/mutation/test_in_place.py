"""A mutated function takes the place of the imported one, wherever that is in use, or nothing changes at all."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.mutation.in_place import NotInPlace, replace_functions

SOURCE = """
from functools import cache


def limit():
    return 3


@cache
def most(count, of=3):
    return min(count, of)


def counter(start):
    def count():
        return start + 1

    return count


class Box:
    sides = 4

    @property
    def half(self):
        return self.sides // 2

    def all(self):
        return [side + 1 for side in range(self.sides)]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "box.py"
    file.write_text(SOURCE, "utf-8")
    return file


@pytest.fixture
def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("made_up_box", path)
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.mark.parametrize(
    ("before", "after", "call", "found"),
    [
        ("return 3", "return 4", lambda box: box.limit(), 4),
        ("min(count, of)", "max(count, of)", lambda box: box.most(2), 3),  # within a decorator's cache
        ("start + 1", "start - 1", lambda box: box.counter(5)(), 4),
        ("// 2", "* 2", lambda box: box.Box().half, 8),
        ("side + 1", "side - 1", lambda box: box.Box().all(), [-1, 0, 1, 2]),
    ],
)
def test_function_that_was_imported_does_what_the_mutant_says(
    before: str, after: str, call: Any, found: Any, path: Path, module: ModuleType
) -> None:
    taken = module.limit  # as another module has it that imported the name
    assert replace_functions(path, SOURCE, SOURCE.replace(before, after)) == 1
    assert call(module) == found
    assert taken() == module.limit()


def test_function_that_a_decorator_made_at_import_does_what_the_mutant_says(path: Path, module: ModuleType) -> None:
    made = module.counter(5)
    assert replace_functions(path, SOURCE, SOURCE.replace("start + 1", "start - 1")) == 2
    assert (made(), module.counter(5)()) == (4, 4)


def test_function_that_was_made_and_would_use_other_names_cannot_be_replaced(path: Path, module: ModuleType) -> None:
    made = module.counter(5)
    with pytest.raises(NotInPlace):
        replace_functions(path, SOURCE, SOURCE.replace("return start + 1", "return 1"))
    assert made() == module.counter(5)() == 6


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("sides = 4", "sides = 5"),
        ("of=3", "of=4"),
        ("@cache\n", ""),
        ("    @property\n", ""),
        ("return 3", "return ("),
    ],
)
def test_what_runs_at_import_cannot_be_put_in_place(before: str, after: str, path: Path, module: ModuleType) -> None:
    with pytest.raises(NotInPlace):
        replace_functions(path, SOURCE, SOURCE.replace(before, after))
    assert module.limit() == 3


def test_functions_of_another_file_stay(path: Path, module: ModuleType) -> None:
    assert replace_functions(path.with_name("other.py"), SOURCE, SOURCE.replace("return 3", "return 4")) == 0
    assert module.limit() == 3
