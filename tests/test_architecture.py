"""The design's rules on who may import what, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.imports import OF_THE_EDGES, is_in, loaded_by

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for folder in ("shared", "functions") for path in (ROOT / folder).rglob("*.py"))
EDGES = ("shared.adapters", "shared.local", "shared.training", "shared.importing")
NOT_SERVED = ("shared.local", "shared.training", "shared.importing", "shared.cli", "shared.operations")
"""What a deployed function never loads; the command line may use all of it."""

EMPTY_NAMES = ("utils", "util", "helpers", "helper", "manager", "common", "base", "misc")
READERS_OF_THE_ENVIRONMENT = ("shared/settings.py", "functions/gunicorn.conf.py")


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, also inside functions and for type checkers only."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively; write the whole name"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reads_of_the_environment(path: Path) -> Iterator[int]:
    """Yield the lines that read the environment; setting a variable for a library is no reading."""
    tree = ast.parse(path.read_text("utf-8"))
    written = {
        node.value
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr == "setdefault")
        or (isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store))
    }
    for node in ast.walk(tree):
        is_environ = isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv", "getenvb")
        if is_environ and node not in written and ast.unparse(node).startswith("os."):
            yield node.lineno
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (node.lineno for alias in node.names if "env" in alias.name)


def importing(packages: tuple[str, ...], *, outside_of: tuple[str, ...]) -> list[str]:
    """Say which modules outside of some packages import something of others."""
    return [
        f"{name_of(path)} imports {module}"
        for path in SOURCES
        if not is_in(name_of(path), outside_of)
        for module in imports_of(path)
        if is_in(module, packages)
    ]


def test_the_sources_are_found() -> None:
    """Guards the tests below: were there none, they would all pass."""
    names = {name_of(path) for path in SOURCES}
    assert names >= {"shared", "shared.pipeline.pipeline", "shared.adapters.gcs", "functions.classify_upload.main"}
    assert "google.cloud" in set(imports_of(ROOT / "shared" / "adapters" / "gcs.py"))


def test_only_the_edges_import_what_belongs_to_them() -> None:
    assert importing(OF_THE_EDGES, outside_of=EDGES) == []


def test_serving_never_imports_the_laptops_cloud_training_or_the_command_line() -> None:
    assert importing(NOT_SERVED, outside_of=NOT_SERVED) == []


def test_only_the_wiring_chooses_adapters() -> None:
    assert importing(("shared.adapters",), outside_of=(*NOT_SERVED, "shared.adapters", "shared.wiring")) == []


def test_only_the_settings_read_the_environment() -> None:
    places = [
        f"{name_of(path)}, line {line}"
        for path in SOURCES
        if path.relative_to(ROOT).as_posix() not in READERS_OF_THE_ENVIRONMENT
        for line in reads_of_the_environment(path)
    ]
    assert places == []


def test_reading_the_environment_is_recognised() -> None:
    for reader in READERS_OF_THE_ENVIRONMENT:
        assert list(reads_of_the_environment(ROOT / reader))


def test_the_library_itself_imports_nothing() -> None:
    tree = ast.parse((ROOT / "shared" / "__init__.py").read_text("utf-8"))
    assert [type(node) for node in tree.body] == [ast.Expr]  # the docstring


def test_every_module_is_named_after_its_job() -> None:
    words = {name_of(path): set(name_of(path).replace(".", "_").split("_")) for path in SOURCES}
    assert [name for name, parts in words.items() if parts & set(EMPTY_NAMES)] == []


def test_every_module_says_what_it_is_for() -> None:
    assert [name_of(path) for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text("utf-8")))] == []


def test_every_module_can_be_read_at_one_sitting() -> None:
    assert [name_of(path) for path in SOURCES if len(path.read_text("utf-8").splitlines()) > 260] == []


@pytest.mark.parametrize("path", sorted((ROOT / "functions").glob("*/main.py")), ids=name_of)
def test_a_function_is_when_called_do_this(path: Path) -> None:
    """One folder a function, named as its entry point; logic belongs into shared."""
    tree = ast.parse(path.read_text("utf-8"))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert path.parent.name in functions
    assert len(path.read_text("utf-8").splitlines()) <= 60


def test_the_story_loads_no_client_no_framework_and_no_runtime() -> None:
    steps = ("pipeline", "receive", "record", "archive", "backlog", "sweep", "replay")
    story = f"import {', '.join(f'shared.{step}' for step in steps)}"
    assert "PIL.Image" in loaded_by(story, ("PIL",))
    assert loaded_by(story, (*OF_THE_EDGES, "flask", "werkzeug", "requests", "functions_framework")) == []


def test_a_functions_process_loads_its_clients_only_when_the_pipeline_is_built() -> None:
    """functions-framework forks after the import, and the start is short."""
    assert (
        loaded_by("import shared.service, shared.http.responses, shared.http.inputs, shared.wiring", OF_THE_EDGES) == []
    )


def test_the_command_lines_help_waits_for_nothing_heavy() -> None:
    assert loaded_by("import shared.cli", (*OF_THE_EDGES, "numpy", "PIL", "rich")) == []
