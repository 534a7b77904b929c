"""Tests of functions/Dockerfile, as it is read; and that the reader refuses instructions that it does not know."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.system.image.context import build_context
from tests.system.image.dockerfile import Cmd, Copy, Entrypoint, Env, NotUnderstood, User, parse
from tests.system.image.engine import ROOT
from tests.system.image.locks import OWN_LOCK, locked, locks_of
from tests.system.image.programs import program
from tests.system.image.stages import commands, copied_files, foreign_modules, lineage, needed_modules

TARGETS = tuple(OWN_LOCK)
FILE = ROOT / "functions" / "Dockerfile"
DOCKERFILE = parse(FILE.read_text("utf-8"))
FILES = build_context(ROOT)
OWNERS = packages_distributions()
COMMANDS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "shared" / "cli").glob("*.py"))
PROCESSES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "shared" / "emulators").glob("*/__main__.py"))
OPERATED = ["functions/monitor/main.py"]
"""The functions of the image operations; the image serving has all others."""
FUNCTIONS = sorted({path.relative_to(ROOT).as_posix() for path in (ROOT / "functions").glob("*/main.py")} - {*OPERATED})
ENTRIES = {"operations": OPERATED, "training": COMMANDS, "local": [*FUNCTIONS, *PROCESSES]}
"""What a target starts, where it is not the functions that serve."""


def test_dockerfile_passes_hadolint() -> None:
    done = subprocess.run([program("hadolint"), str(FILE)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_dockerfile_builds_on_a_supported_slim_python() -> None:
    [base] = {stage.base for stage in DOCKERFILE.stages} - {stage.name for stage in DOCKERFILE.stages}
    match = re.fullmatch(r"python:(\d+\.\d+)-slim-[a-z]+(@sha256:[0-9a-f]{64})?", base)
    assert match
    supported = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"]
    assert match[1] in SpecifierSet(supported)


def test_dockerfile_without_a_target_builds_the_serving_image() -> None:
    assert DOCKERFILE.stages[-1].base == "serving"
    assert DOCKERFILE.stages[-1].instructions == ()


@pytest.mark.parametrize("target", TARGETS)
def test_target_starts_its_program_as_an_unprivileged_user(target: str) -> None:
    steps = DOCKERFILE.stage(target).instructions
    [user] = [step for step in steps if isinstance(step, User)]
    assert user.uid != 0
    assert user.gid != 0
    words = [word for step in steps if isinstance(step, Entrypoint | Cmd) for word in step.words]
    assert words[0] == "python"
    assert not {"sh", "bash", "-c"} & set(words)


@pytest.mark.parametrize("target", TARGETS)
def test_target_installs_only_its_lock_file(target: str) -> None:
    installs = [command for command in commands(DOCKERFILE, target) if "pip" in command]
    locks = locks_of(target)
    assert len(installs) == len(locks)
    for command in installs:
        assert {"--no-deps", "--require-hashes", "--no-cache-dir", "--requirement"} <= set(command.split())
        assert "--only-binary :all:" in command
    stages = [stage for stage in lineage(DOCKERFILE, target) if stage.name.startswith("packages")]
    copied = [step for stage in stages for step in stage.instructions if isinstance(step, Copy)]
    assert sorted(source for step in copied for source in step.sources) == sorted(locks)
    assert not any(re.search(r"\b(apt|apt-get|curl|wget|git)\b", command) for command in commands(DOCKERFILE, target))


@pytest.mark.parametrize("target", TARGETS)
def test_dockerfile_installs_packages_in_a_layer_before_the_code(target: str) -> None:
    copies = [step for step in DOCKERFILE.stage(target).instructions if isinstance(step, Copy)]
    assert copies[0].stage
    assert copies[0].stage.startswith("packages")
    for stage in lineage(DOCKERFILE, copies[0].stage):
        sources = [source for step in stage.instructions if isinstance(step, Copy) for source in step.sources]
        assert [source for source in sources if "requirements" not in source] == []


def test_serving_image_is_built_without_tensorflow_even_without_buildkit() -> None:
    """Build as such a builder does: it makes every stage above the target."""
    names = [stage.name for stage in DOCKERFILE.stages]
    above = DOCKERFILE.stages[: names.index("serving")]
    assert {stage.name for stage in above} <= {stage.name for stage in lineage(DOCKERFILE, "serving")}


def test_image_serves_every_function_but_those_of_operations() -> None:
    assert set(FUNCTIONS) <= copied_files(DOCKERFILE, "serving", FILES)
    variables = [step.values for stage in DOCKERFILE.stages for step in stage.instructions if isinstance(step, Env)]
    assert "FUNCTION_TARGET" not in {name for values in variables for name, _ in values}


@pytest.mark.parametrize("target", ["serving", "serving-tensorflow"])
def test_serving_image_has_its_imports_and_no_local_cloud_or_training(target: str) -> None:
    copied = copied_files(DOCKERFILE, target, FILES)
    assert sorted(needed_modules(ROOT, FUNCTIONS) - copied) == []
    others = (
        *(path.rsplit("/", 1)[0] for path in OPERATED),
        "shared/monitoring/",
        "shared/reporting/",
        "shared/cli/",
        "shared/local/",
        "shared/emulators/",
        "shared/operations/",
        "shared/release/",
        "shared/training/",
        "shared/importing/",
        "tests/",
        "infra/",
    )
    assert [file for file in copied if file.startswith(others)] == []


def test_operations_image_has_the_chapters_that_its_functions_load_and_no_others() -> None:
    copied = copied_files(DOCKERFILE, "operations", FILES)
    needed = {*OPERATED, *needed_modules(ROOT, OPERATED)}
    assert sorted(needed - copied) == []
    chapters = {file.split("/")[1] for file in copied if file.startswith("shared/") and file.count("/") > 1}
    assert chapters - {"models"} == {file.split("/")[1] for file in needed if file.count("/") > 1 and "shared/" in file}
    others = {file for file in copied if file.startswith("functions/")} - {*OPERATED, *locks_of("operations")}
    assert others == set()


@pytest.mark.parametrize("target", ["training", "local"])
def test_target_with_the_command_line_has_every_commands_imports(target: str) -> None:
    """Take the imports of ``--help``, which imports all commands, also those without a use in an image."""
    copied = copied_files(DOCKERFILE, target, FILES)
    assert sorted(needed_modules(ROOT, COMMANDS) - copied) == []


def test_local_cloud_is_complete_in_its_image() -> None:
    copied = copied_files(DOCKERFILE, "local", FILES)
    assert sorted(needed_modules(ROOT, [*FUNCTIONS, *PROCESSES]) - copied) == []
    assert len(PROCESSES) == 3
    assert set(PROCESSES) <= copied
    described = {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "infra" / "bigquery").glob("*/*") if path.is_file()
    }
    assert described <= copied


@pytest.mark.parametrize("target", TARGETS)
def test_dockerfile_copies_the_data_files_of_the_code(target: str) -> None:
    """Check data files such as a page's style sheet: a package is copied whole, whatever kinds of files it has."""
    copied = copied_files(DOCKERFILE, target, FILES)
    packages = {file.rsplit("/", 1)[0] for file in copied if file.endswith("/__init__.py")} - {"shared", "shared/local"}
    beside = {
        path.relative_to(ROOT).as_posix()
        for package in packages
        for path in (ROOT / package).iterdir()
        if path.is_file() and path.suffix not in (".pyc", ".md") and not path.name.startswith(".")
    }
    assert sorted(beside - copied) == []


@pytest.mark.needs("tensorflow")
@pytest.mark.parametrize("target", TARGETS)
def test_target_imports_only_packages_of_its_lock_file(target: str) -> None:
    entries = ENTRIES.get(target, FUNCTIONS)
    files = {*entries, *needed_modules(ROOT, entries)}
    if target in ("serving", "operations", "local"):
        files.discard("shared/adapters/tensorflow_model.py")  # loaded for bundles of another runtime only
    names = set(locked(ROOT / OWN_LOCK[target]))
    missing = {
        module
        for module in foreign_modules(ROOT, files)
        if module.split(".")[0] not in sys.stdlib_module_names
        and not names & {canonicalize_name(owner) for owner in OWNERS.get(module.split(".")[0], [])}
    }
    assert missing == set()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("RUN --mount=type=cache,target=/cache pip install x", "works without BuildKit"),
        ("COPY --chmod=644 a b", "expected COPY"),
        ("COPY --link a b", "expected COPY"),
        ("ADD https://example.com/x /x", "line 2, ADD"),
        ("CMD gunicorn", "SIGTERM"),
        ("ENTRYPOINT exec gunicorn", "SIGTERM"),
        ("USER nobody", "expected numbers"),
        ("USER 1000", "expected numbers"),
        ("HEALTHCHECK CMD true", "line 2, HEALTHCHECK"),
        ("ARG SECRET=x", "line 2, ARG"),
        ("ENV A b", "NAME=value"),
        ("WORKDIR app", "absolute path"),
    ],
)
def test_dockerfile_reader_refuses_instructions_that_it_does_not_know(line: str, sentence: str) -> None:
    with pytest.raises(NotUnderstood, match=sentence):
        parse(f"FROM python:3.13-slim\n{line}\n")


def test_dockerfile_reader_reads_stages_variables_and_continued_lines() -> None:
    read = parse('ARG A=b:1\nFROM ${A} AS one\nENV X=1 \\\n    Y="2 3"\n# remark\nFROM one\nCMD ["a", "b c"]\n')
    assert [(stage.name, stage.base) for stage in read.stages] == [("one", "b:1"), ("1", "one")]
    assert read.stage("one").instructions == (Env((("X", "1"), ("Y", "2 3"))),)
    assert read.stage("1").instructions == (Cmd(("a", "b c")),)
