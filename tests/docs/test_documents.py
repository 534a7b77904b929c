"""Tests that what is written twice is the same: pages and settings, locks and pyproject.toml, links and files."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from shared.cli import COMMANDS
from shared.cli.demo import QUERIES
from shared.settings import Settings
from tests.docs.documents import between, writer_of_cli_page, writer_of_tables

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = {path.name: path.read_text("utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
PYPROJECT = (ROOT / "pyproject.toml").read_text("utf-8")
PROJECT: dict[str, Any] = tomllib.loads(PYPROJECT)["project"]

FIRST = (
    "functions-framework",
    "tensorflow-cpu",
    "pillow",
    "numpy",
    "google-cloud-storage",
    "google-cloud-bigquery",
    "google-cloud-logging",
    "pytest",
)
"""The packages that the project is about, in the order in which requirements.txt begins with them."""

PLACES_OF_ONE_MACHINE = re.compile(r"(?<![\w.:/}>-])/(?:home|Users|root|tmp|work|mnt|opt)/[\w.-]+")
REGISTRIES = re.compile(
    r"pypi\.(?:org|python)|pythonhosted\.org|registry\.npmjs|proxy\.golang|(?:extra-)?index-url|find-links|trusted-host"
)


LOCKS = (
    "functions/requirements.txt",
    "functions/requirements-tensorflow.txt",
    "functions/requirements-operations.txt",
    "functions/requirements-training.txt",
    "shared/local/requirements.txt",
    "tests/requirements.txt",
)


def locked(file: str) -> dict[str, set[str]]:
    """Return each package's versions in a requirements file; markers can give it several."""
    versions: dict[str, set[str]] = {}
    for line in requirement_lines(file):
        requirement = Requirement(line)
        [specifier] = requirement.specifier
        assert specifier.operator == "==", f"{file}: {line} is not pinned"
        versions.setdefault(requirement.name, set()).add(specifier.version)
    return versions


def requirement_lines(file: str) -> Iterator[str]:
    for line in (ROOT / file).read_text("utf-8").splitlines():
        text = line.split("#")[0].strip().rstrip("\\").strip()
        if text and not text.startswith("--"):
            yield text


def direct_requirements() -> list[Requirement]:
    """Return the requirements of pyproject.toml; an extra may also name another extra of the project itself."""
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    requirements = [Requirement(text) for group in groups for text in group]
    return [requirement for requirement in requirements if requirement.name != PROJECT["name"]]


def tracked_files() -> list[Path]:
    try:
        done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a git checkout")
    return [ROOT / name for name in done.stdout.decode().split("\0") if name]


def texts_of_tracked_files() -> Iterator[tuple[Path, str]]:
    for path in tracked_files():
        if path.is_file() and path != Path(__file__).resolve() and b"\0" not in (content := path.read_bytes()):
            yield path.relative_to(ROOT), content.decode("utf-8")


def test_settings_page_has_the_table_of_the_code() -> None:
    assert between(PAGES["settings.md"], "settings") == writer_of_tables().settings_table(), "run: make docs"


def test_settings_table_has_a_line_for_every_setting() -> None:
    lines = writer_of_tables().settings_table().splitlines()
    assert lines[:2] == ["| setting | default | what it decides |", "|---|---|---|"]
    assert len(lines) - 2 == len(dataclasses.fields(Settings))
    assert "| `UPLOAD_BUCKET` | required | The bucket where people upload images. |" in lines
    assert all(line.endswith(". |") for line in lines[2:])


def test_monitoring_page_has_the_thresholds_of_the_code() -> None:
    table = writer_of_tables().thresholds_table()
    assert between(PAGES["monitoring.md"], "thresholds") == table, "run: make docs"
    assert all(not line.endswith("|  |") for line in table.splitlines()[2:])  # each default has its reason


@pytest.mark.parametrize("table", ["predictions", "failures", "labels", "model_events"])
def test_rows_page_has_the_tables_of_the_schemas(table: str) -> None:
    assert between(PAGES["rows.md"], table) == writer_of_tables().row_table(table), "run: make docs"


@pytest.mark.parametrize("command", COMMANDS)
def test_user_page_shows_every_command(command: str) -> None:
    assert re.search(rf"^ {{4}}bucketlens\b.*\b{command}\b", PAGES["use.md"], re.MULTILINE)


def test_readme_and_user_page_name_only_commands_that_exist() -> None:
    typed = set(re.findall(r"^ {4}(?:\$ )?bucketlens (\w+)", README + PAGES["use.md"], re.MULTILINE))
    assert typed <= set(COMMANDS)


def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= 130, "move it into docs/, and link it"


def test_readme_shows_the_sql_that_the_demo_asks() -> None:
    shown = re.findall(r"^ {4}((?:SELECT|FROM) .*)$", between(README, "demo"), re.MULTILINE)
    queries = "\n".join(QUERIES.values())
    assert len(shown) >= 4
    assert [line for line in shown if line not in queries] == []


def test_rows_page_names_every_view() -> None:
    views = {path.stem for path in (ROOT / "infra" / "bigquery" / "views").glob("*.sql")}
    assert [view for view in sorted(views) if f"| `{view}` |" not in PAGES["rows.md"]] == []


def test_make_targets_that_pages_type_exist() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    typed = set(re.findall(r"^ {4}make ([a-z0-9-]+)", "\n".join([README, *PAGES.values()]), re.MULTILINE))
    assert typed <= targets
    assert {"demo", "test"} <= targets


def test_cli_page_is_what_help_prints() -> None:
    assert PAGES["cli.md"] == writer_of_cli_page().cli_page(), "run: make docs"
    for command in COMMANDS:
        assert f"\n### bucketlens {command}\n" in PAGES["cli.md"]


def test_files_name_no_path_of_one_machine() -> None:
    paths = [
        f"{path}: {match}" for path, text in texts_of_tracked_files() for match in PLACES_OF_ONE_MACHINE.findall(text)
    ]
    assert paths == []


def test_files_name_no_package_registry() -> None:
    hosts = [f"{path}: {host}" for path, text in texts_of_tracked_files() for host in REGISTRIES.findall(text)]
    assert hosts == []


def test_requirements_begin_with_the_packages_that_the_project_is_about() -> None:
    names = [Requirement(line).name for line in requirement_lines("requirements.txt")]
    first = list(dict.fromkeys("tensorflow-cpu" if name == "tensorflow" else name for name in names))
    assert tuple(first[: len(FIRST)]) == FIRST


def test_dependencies_are_pinned_and_locked_at_the_same_version() -> None:
    everything = locked("requirements.txt")
    for requirement in direct_requirements():
        [pin] = requirement.specifier
        assert pin.operator == "=="
        assert everything.get(requirement.name) == {pin.version}, f"{requirement.name}: run make lock"


@pytest.mark.parametrize("file", LOCKS)
def test_lock_files_have_the_versions_of_the_main_lock(file: str) -> None:
    everything = locked("requirements.txt")
    assert {name: versions for name, versions in locked(file).items() if versions != everything.get(name)} == {}


def test_deployed_lock_file_has_hashes_and_only_what_is_deployed() -> None:
    text = (ROOT / "functions" / "requirements.txt").read_text("utf-8")
    blocks = [block for block in re.split(r"\n(?=\S)", text) if "==" in block.splitlines()[0]]
    assert [block.split("==")[0] for block in blocks if "--hash=sha256:" not in block] == []
    names = set(locked("functions/requirements.txt"))
    assert names >= {Requirement(text).name for text in PROJECT["dependencies"]}
    assert names & {"tensorflow", "tensorflow-cpu", "duckdb", "sqlglot", "pytest", "google-cloud-logging"} == set()


def test_local_cloud_needs_no_tensorflow() -> None:
    assert not {"tensorflow", "tensorflow-cpu", "keras"} & set(locked("shared/local/requirements.txt"))


def test_dependencies_each_have_a_reason() -> None:
    lines = [line.strip() for line in PYPROJECT.splitlines() if re.match(r"\s+\"[\w-]+==", line)]
    assert len(lines) == len(direct_requirements())
    assert [line for line in lines if not re.search(r"\",\s*# \S", line)] == []
