"""The emulators stand alone: by what they import, and by what the extra ``emulators`` installs."""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.environments import ROOT
from tests.imports import SOURCES, imports_of, is_in, loaded_by, name_of

BESIDE = {"yarl": "aiohttp"}
"""Packages that come with another, by which they are pinned."""


def test_emulators_import_nothing_of_the_product() -> None:
    mains = [f"shared.emulators.{name}.__main__" for name in ("bigquery", "eventarc", "storage")]
    loaded = loaded_by(f"import {', '.join(mains)}", ("shared",))
    assert [name for name in loaded if name != "shared" and not is_in(name, ("shared.emulators",))] == []


def test_emulators_extra_has_every_imported_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["emulators"]]
    installed = {canonicalize_name(Requirement(line).name) for line in wanted}
    modules = {
        module.partition(".")[0]
        for path in SOURCES
        if is_in(name_of(path), ("shared.emulators",))
        for module in imports_of(path)
    }
    owners = packages_distributions()
    imported = {
        canonicalize_name(BESIDE.get(name, owners[name][0]))
        for name in modules - {"shared", ""} - sys.stdlib_module_names
    }
    assert imported >= {"aiohttp", "duckdb", "sqlglot"}
    assert imported - installed == set()


def test_local_extra_includes_the_emulators_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert "bucketlens[emulators]" in extras["local"]
