"""Tests that each test has one tier, by rule; and that the first tier needs nothing."""

from __future__ import annotations

import ast
import contextlib
import functools
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tiers.guard import NeedsMore, guarded
from tests.tiers.module_imports import loads_tensorflow
from tests.tiers.needs import Need, needs_of_code
from tests.tiers.plugin import TIERS
from tests.tiers.rules import BY_FILE, BY_FOLDER, TESTS, NoRule, Tier, rule_for


def test_tiers_have_every_collected_test_exactly_once(request: pytest.FixtureRequest) -> None:
    tiers = request.config.stash[TIERS]
    assert request.node.nodeid in tiers
    wrong = {test: marked for test, marked in tiers.items() if len(marked) != 1 or not set(marked) <= set(Tier)}
    assert wrong == {}


def test_tier_rules_cover_every_test_file_and_none_is_unused() -> None:
    for file in TESTS.rglob("test_*.py"):
        assert rule_for(file) in Tier
    assert [folder for folder in BY_FOLDER if not (TESTS / folder).is_dir()] == []
    assert [file for file in BY_FILE if not (TESTS / file).is_file()] == []


def test_tier_rules_refuse_a_folder_without_a_rule_with_advice() -> None:
    with pytest.raises(NoRule, match=r"add 'new_folder' to BY_FOLDER in tests/tiers/rules\.py"):
        rule_for(TESTS / "new_folder" / "test_it.py")


def test_tier_rule_of_a_folder_applies_to_folders_inside_it() -> None:
    assert rule_for(TESTS / "training" / "inner" / "test_it.py") is BY_FOLDER["training"]


def _starts_a_process() -> int:
    return subprocess.run(["true"], check=True).returncode


def _calls_a_helper() -> int:
    return _starts_a_process()


def _imports_when_it_runs() -> None:
    import tensorflow

    tensorflow.constant(1)


class _Server:
    @functools.cached_property
    def port(self) -> int:
        with socket.socket() as probe:
            return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("code", "needs"),
    [
        (_starts_a_process, {Need.PROCESS}),
        (_calls_a_helper, {Need.PROCESS}),
        (functools.partial(_calls_a_helper), {Need.PROCESS}),
        (lambda: [_calls_a_helper() for _ in range(2)], {Need.PROCESS}),
        (lambda: _Server().port, {Need.PROCESS}),
        (_imports_when_it_runs, {Need.TENSORFLOW}),
        (lambda: Path("a"), set()),
    ],
    ids=["directly", "by a helper", "by a partial", "in an inner scope", "by a property", "import", "nothing"],
)
def test_tier_needs_of_a_test_are_read_from_its_code(code: Callable[[], object], needs: set[Need]) -> None:
    assert needs_of_code(code) == needs


@pytest.mark.parametrize(
    ("source", "loads"),
    [
        ("import keras", True),
        ('import pytest\npytest.importorskip("tensorflow")', True),
        ("try:\n    import tensorflow as tf\nexcept ImportError:\n    tf = None", True),
        ("from shared.adapters.runtimes.saved_model import open_model", False),
        ("def late():\n    import tensorflow", False),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import tensorflow", False),
        ("from shared.training import mix", True),
    ],
)
def test_tier_needs_of_a_file_are_read_from_its_imports(tmp_path: Path, source: str, loads: bool) -> None:
    (tmp_path / "test_it.py").write_text(source)
    assert loads_tensorflow(tmp_path / "test_it.py") is loads


def _binds() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))


def _imports_again() -> None:
    sys.audit("import", "keras.activations", None, None, None, None)  # what Python does for one that is not loaded yet


@pytest.mark.parametrize(
    "act", [_starts_a_process, _binds, pytest.param(_imports_again, marks=pytest.mark.needs("tensorflow"))]
)
def test_guard_fails_a_test_that_does_more_even_if_it_swallows_the_error(
    act: Callable[[], object],
) -> None:
    guard = pytest.raises(NeedsMore, match="cannot be in the tier `check`")
    with guard, guarded("this test"), contextlib.suppress(NeedsMore):
        act()


def test_guard_ends_with_its_test() -> None:
    with guarded("this test"):
        Path("a").exists()
    _binds()


def test_modules_import_nothing_from_test_modules() -> None:
    """Check imports: what two test files share belongs in a module of helpers, or their fixtures mix."""
    imports = [
        f"{file.relative_to(TESTS)}:{node.lineno} imports {node.module}"
        for file in sorted(TESTS.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[2].startswith("test_")
    ]
    assert imports == [], "move what is shared into a module whose name does not begin with test_"
