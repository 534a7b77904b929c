"""A new protocol is one new module: the example of docs/architecture.md works as one."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.http import protocols, router
from shared.http.route import Protocol
from tests.http.conftest import MakeClient

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
MODULE = "shown_on_the_page"


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Add the page's example to the protocols; the router then finds it."""
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[0]
    (tmp_path / f"{MODULE}.py").write_text(code, "utf-8")
    monkeypatch.setattr(protocols, "__path__", [*protocols.__path__, str(tmp_path)])
    monkeypatch.setattr(router, "PROTOCOLS", tuple(router.declared_protocols()))
    yield code
    sys.modules.pop(f"{protocols.__name__}.{MODULE}", None)
    vars(protocols).pop(MODULE, None)


def test_protocol_example_of_the_page_is_short(shown: str) -> None:
    lines = [line for line in shown.splitlines() if line.strip()]
    assert len(lines) <= 20


def test_protocol_that_is_one_new_module_answers_and_is_documented(
    shown: str, client_with: MakeClient, daisy: bytes
) -> None:
    client = client_with()
    answered = client.post("/v1/label", data=daisy, content_type="image/jpeg")
    assert (answered.status_code, answered.text) == (200, "daisy\n")
    assert client.post("/v1/label", data=b"no image").status_code == 415
    assert "/v1/label" in client.get("/openapi.json").get_json()["paths"]
    assert "/v1/label" in client.get("/docs").text


def test_router_knows_every_protocol_that_a_module_declares() -> None:
    declared = {
        path.stem for path in Path(protocols.__path__[0]).glob("*.py") if "\nPROTOCOL = " in path.read_text("utf-8")
    }
    modules = list(router.declared_protocols())
    assert len(modules) == len(declared) > 5
    assert all(isinstance(protocol, Protocol) for protocol in modules)
    assert set(modules) < set(router.PROTOCOLS)
    positions = [protocol.position for protocol in router.PROTOCOLS]
    assert positions == sorted(set(positions)), "two protocols have one position in the documents"
