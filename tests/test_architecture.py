"""The design's rules on who may import what, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.imports import OF_THE_EDGES, SOURCES, imports_of, is_in, loaded_by, name_of

ROOT = Path(__file__).parents[1]

VOCABULARY = ("types", "errors", "caller", "logs", "ports", "settings", "wiring", "service")
"""What `ls shared/*.py` shows, besides the library's own docstring."""

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "types": (),
    "errors": (),
    "caller": (),
    "parsing": (),
    "images": ("types", "errors"),
    "logs": ("types",),
    "ports": ("types", "images"),
    "bundles": ("types", "errors", "parsing", "ports"),
    "release": ("errors", "ports", "bundles"),
    "settings": ("errors", "parsing", "bundles"),
    "signals": ("types", "errors"),
    "inference": ("types", "errors", "images", "logs", "ports", "bundles", "signals"),
    "pipeline": ("types", "errors", "images", "logs", "ports", "inference"),
    "adapters": ("types", "errors", "images", "logs", "ports", "bundles", "release", "pipeline"),
    "wiring": ("errors", "caller", "images", "ports", "bundles", "settings", "inference", "pipeline", "adapters"),
    "service": ("types", "caller", "images", "logs", "bundles", "settings", "pipeline", "wiring"),
    "http": ("types", "errors", "parsing", "images", "logs", "bundles", "settings", "inference", "pipeline", "service"),
    "backlog": ("types", "errors", "parsing", "logs", "ports", "settings", "pipeline", "service"),
    "training": ("types", "errors", "images", "bundles", "release", "signals", "inference", "adapters"),
    "importing": (
        *("types", "errors", "images", "ports", "bundles", "signals", "inference", "adapters", "wiring", "training"),
    ),
    "operations": (
        *("types", "errors", "caller", "parsing", "images", "ports", "release", "pipeline", "adapters", "backlog"),
    ),
    "monitoring": ("errors", "logs", "ports", "bundles", "release", "signals"),
    "reporting": (
        *("types", "errors", "parsing", "images", "logs", "ports", "bundles", "release", "operations", "monitoring"),
    ),
    "functions": (
        *("types", "errors", "logs", "settings", "pipeline", "wiring", "service", "http", "backlog", "monitoring"),
        "reporting",
    ),
    "emulators": (),
    "local": ("errors", "logs", "bundles", "release", "settings", "adapters", "backlog", "emulators"),
    "cli": (
        *("types", "errors", "parsing", "images", "logs", "bundles", "release", "settings", "inference", "pipeline"),
        *("adapters", "wiring", "service", "training", "importing", "backlog", "operations", "monitoring"),
        *("reporting", "local"),
    ),
}
"""Which chapter may import which: each only such as stand above it here."""

SERVED = ("parsing", "images", "bundles", "signals", "inference", "pipeline", "adapters", "http", "backlog")
"""The chapters that a deployed function has; functions/Dockerfile copies these and no others."""

EDGES = ("shared.adapters", "shared.emulators", "shared.local", "shared.training", "shared.importing")
NOT_SERVED = tuple(
    f"shared.{name}" for name in MAY_IMPORT if name not in (*SERVED, *VOCABULARY, "functions", "release")
)
"""What a function that serves never loads; the command line may use all of it."""

OPERATED = ("functions.monitor",)
"""Functions of another image than the one that serves: tests/system/image compares it with what they import."""

EMPTY_NAMES = ("utils", "util", "helpers", "helper", "manager", "common", "base", "misc")
READERS_OF_THE_ENVIRONMENT = ("shared/settings.py", "functions/gunicorn.conf.py")


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
        if not isinstance(node, ast.Attribute | ast.ImportFrom):
            continue
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


def test_sources_are_found() -> None:
    """Guards the tests below: were there none, they would all pass."""
    names = {name_of(path) for path in SOURCES}
    assert names >= {"shared", "shared.pipeline.pipeline", "shared.adapters.gcs", "functions.classify_upload.main"}
    assert "google.cloud" in set(imports_of(ROOT / "shared" / "adapters" / "gcs.py"))


def chapter_of(module: str) -> str | None:
    """Return the chapter that a module is of; None for the library itself and for what is not ours."""
    package, _, rest = module.partition(".")
    if package == "functions":
        return package
    return rest.split(".")[0] or None if package == "shared" else None


def test_chapters_are_those_of_the_table() -> None:
    folder = ROOT / "shared"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    assert modules == set(VOCABULARY)
    assert packages | modules | {"functions"} == set(MAY_IMPORT)


def test_chapters_import_only_what_the_table_allows() -> None:
    names = {name_of(path) for path in SOURCES}
    crossings = {
        (chapter_of(name_of(path)), chapter_of(module), name_of(path), module)
        for path in SOURCES
        for module in imports_of(path)
        if module in names and chapter_of(module) not in (None, chapter_of(name_of(path)))
    }
    assert [
        f"{importer} imports {module}"
        for chapter, other, importer, module in sorted(crossings)
        if chapter is not None and other not in MAY_IMPORT[chapter]
    ] == []
    unused = {(chapter, other) for chapter, others in MAY_IMPORT.items() for other in others}
    assert unused - {(chapter, other) for chapter, other, _, _ in crossings} == set()


def test_chapters_stand_above_those_that_import_them() -> None:
    order = list(MAY_IMPORT)
    assert [
        (name, other)
        for name, others in MAY_IMPORT.items()
        for other in others
        if order.index(other) > order.index(name)
    ] == []


def test_local_cloud_uses_only_the_loopback_servers_of_the_emulators() -> None:
    """It starts them as processes; nothing of them runs in a process of the product."""
    used = {module for path in SOURCES if is_in(name_of(path), ("shared.local",)) for module in imports_of(path)}
    emulators = {module for module in used if is_in(module, ("shared.emulators",))}
    assert [module for module in sorted(emulators) if not is_in(module, ("shared.emulators.loopback",))] == []


def test_image_has_only_the_served_chapters() -> None:
    lines = (ROOT / "functions" / "Dockerfile").read_text("utf-8").splitlines()
    stage = lines[lines.index("FROM base AS application") :]
    copied = [line.split()[1] for line in stage[: stage.index("")] if line.startswith("COPY shared/")]
    assert copied == ["shared/*.py", *(f"shared/{name}" for name in sorted(SERVED))]


def test_edges_alone_import_their_libraries() -> None:
    assert importing(OF_THE_EDGES, outside_of=EDGES) == []


def test_serving_never_imports_the_local_cloud_training_or_the_command_line() -> None:
    assert importing(NOT_SERVED, outside_of=(*NOT_SERVED, *OPERATED)) == []


def test_wiring_alone_chooses_adapters() -> None:
    assert importing(("shared.adapters",), outside_of=(*NOT_SERVED, "shared.adapters", "shared.wiring")) == []


def test_settings_alone_read_the_environment() -> None:
    places = [
        f"{name_of(path)}, line {line}"
        for path in SOURCES
        if path.relative_to(ROOT).as_posix() not in READERS_OF_THE_ENVIRONMENT
        for line in reads_of_the_environment(path)
    ]
    assert places == []


def test_environment_reads_are_recognised() -> None:
    for reader in READERS_OF_THE_ENVIRONMENT:
        assert list(reads_of_the_environment(ROOT / reader))


def test_library_itself_imports_nothing() -> None:
    tree = ast.parse((ROOT / "shared" / "__init__.py").read_text("utf-8"))
    assert [type(node) for node in tree.body] == [ast.Expr]  # the docstring


def test_module_names_are_their_jobs() -> None:
    words = {name_of(path): set(name_of(path).replace(".", "_").split("_")) for path in SOURCES}
    assert [name for name, parts in words.items() if parts & set(EMPTY_NAMES)] == []


def test_modules_have_a_docstring() -> None:
    assert [name_of(path) for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text("utf-8")))] == []


def test_modules_have_at_most_260_lines() -> None:
    assert [name_of(path) for path in SOURCES if len(path.read_text("utf-8").splitlines()) > 260] == []


@pytest.mark.parametrize("path", sorted((ROOT / "functions").glob("*/main.py")), ids=name_of)
def test_function_modules_are_short_and_have_the_name_of_their_entry_point(path: Path) -> None:
    """One folder a function, named as its entry point; logic belongs into shared."""
    tree = ast.parse(path.read_text("utf-8"))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert path.parent.name in functions
    assert len(path.read_text("utf-8").splitlines()) <= 60


def test_pipeline_loads_no_client_no_framework_and_no_runtime() -> None:
    steps = (
        *("pipeline.pipeline", "pipeline.receive", "pipeline.record", "pipeline.archive"),
        *("backlog.selection", "backlog.sweep", "operations.replay"),
    )
    story = f"import {', '.join(f'shared.{step}' for step in steps)}"
    assert "PIL.Image" in loaded_by(story, ("PIL",))
    assert loaded_by(story, (*OF_THE_EDGES, "flask", "werkzeug", "requests", "functions_framework")) == []


def test_function_loads_its_clients_only_when_the_pipeline_is_built() -> None:
    """functions-framework forks after the import, and the start is short."""
    assert (
        loaded_by("import shared.service, shared.http.responses, shared.http.inputs, shared.wiring", OF_THE_EDGES) == []
    )


def test_command_line_help_imports_nothing_heavy() -> None:
    assert loaded_by("import shared.cli", (*OF_THE_EDGES, "numpy", "PIL", "rich")) == []


def test_plots_are_drawn_by_training_and_reporting_alone() -> None:
    assert importing(("matplotlib",), outside_of=("shared.training", "shared.reporting")) == []


def test_commands_load_matplotlib_only_when_they_draw() -> None:
    commands = "import shared.cli.report, shared.cli.monitor, shared.reporting.html_page, shared.reporting.facts"
    assert loaded_by(commands, ("matplotlib",)) == []
