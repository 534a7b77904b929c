"""A new protocol is one new module: the example of docs/architecture.md works as one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.http import protocols, router
from shared.http.route import Protocol
from tests.docs.shown_module import shown_module
from tests.http.conftest import MakeClient


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the page's example among the protocols; the router then finds it."""
    with shown_module(protocols, "label_as_text", 0, tmp_path):
        monkeypatch.setattr(router, "PROTOCOLS", tuple(router.declared_protocols()))
        yield


@pytest.mark.usefixtures("shown")
def test_protocol_that_is_one_new_module_answers_and_is_documented(client_with: MakeClient, daisy: bytes) -> None:
    client = client_with()
    answer = client.post("/v1/label", data=daisy, content_type="image/jpeg")
    assert (answer.status_code, answer.text) == (200, "daisy\n")
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
