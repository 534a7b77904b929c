"""Tests that the changelog lists every version for an operator, and whether Terraform comes first."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", CHANGELOG, re.MULTILINE | re.DOTALL))


def test_versions_have_a_number_and_a_day_and_what_comes_is_above_them() -> None:
    titles = list(SECTIONS)
    released = titles[titles[0] == "Unreleased" :]
    assert released
    assert [title for title in released if not re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d{2}-\d{2}", title)] == []


def test_newest_version_is_that_of_the_program() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    newest = next(title for title in SECTIONS if title != "Unreleased")
    assert newest.partition(" - ")[0] == version


def test_versions_go_from_the_newest_to_the_oldest() -> None:
    released = [title.partition(" - ") for title in SECTIONS if title != "Unreleased"]
    numbers = [tuple(int(part) for part in number.split(".")) for number, _, _ in released]
    days = [day for _, _, day in released]
    assert numbers == sorted(set(numbers), reverse=True)
    assert days == sorted(days, reverse=True)


def test_versions_each_state_whether_they_need_an_apply() -> None:
    assert [
        title for title, text in SECTIONS.items() if not re.search(r"^### Needs an apply\n\n- ", text, re.MULTILINE)
    ] == []
