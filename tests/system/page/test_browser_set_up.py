"""Where these tests' browser comes from, and what is said where none can be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.environments import Impossible
from tests.system.page.chromium import HEADLESS_SHELL, chromium
from tests.system.page.npm_packages import Package, unpacked


def test_the_browser_that_is_named_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/somewhere/chrome")
    assert chromium().executable == "/somewhere/chrome"


def test_without_npm_the_reason_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Impossible, match=r"npm, which is not on PATH; install Node\.js"):
        unpacked(HEADLESS_SHELL, folder=tmp_path)


def test_a_package_with_another_digest_than_the_one_pinned_is_not_unpacked(tmp_path: Path) -> None:
    package = Package("axe-core", "4.14.1", "sha512-another")
    try:
        with pytest.raises(ValueError, match="not the one pinned"):
            unpacked(package, folder=tmp_path)
    except Impossible as reason:
        pytest.skip(str(reason))
    assert not list(tmp_path.rglob("package"))
