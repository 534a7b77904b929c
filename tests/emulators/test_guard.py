"""What stands before every port: who is let in, by the headers that browsers set and programs do not."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from shared.emulators.loopback.guard import LOCAL, fault_of

HERE = {"Host": "127.0.0.1:9023"}


@pytest.mark.parametrize(
    "headers",
    [
        HERE,
        {"Host": "localhost:9023"},
        {"Host": "LOCALHOST"},
        {"Host": "[::1]:9023"},
        HERE | {"Origin": "http://127.0.0.1:9023"},
        HERE | {"Origin": "http://localhost:9023"},
        HERE | {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:9023"},
        HERE | {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_guard_admits_programs_and_own_pages(headers: dict[str, str]) -> None:
    assert fault_of("POST", headers, LOCAL) is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": ""},
        {"Host": "evil.example:9023"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "127.0.0.1@evil.example"},
        {"Host": "[evil"},
        {"Host": "0.0.0.0:9023"},
        HERE | {"Origin": "http://evil.example"},
        HERE | {"Origin": "http://127.0.0.1:8080"},
        HERE | {"Origin": "http://127.0.0.1"},
        HERE | {"Origin": "null"},
        HERE | {"Origin": ""},
        HERE | {"Sec-Fetch-Site": "same-site"},
        HERE | {"Sec-Fetch-Site": "cross-site"},
        HERE | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_guard_refuses_other_sites_and_other_names(method: str, headers: dict[str, str]) -> None:
    assert fault_of(method, headers, LOCAL)


@pytest.mark.parametrize(
    ("method", "dest", "is_in"),
    [("GET", "document", True), ("GET", "iframe", False), ("POST", "document", False)],
)
def test_guard_admits_a_link_where_allowed(method: str, dest: str, is_in: bool) -> None:
    headers = HERE | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": dest}
    assert (fault_of(method, headers, LOCAL, may_be_linked=True) is None) == is_in


@pytest.mark.parametrize(
    ("names", "is_in"), [(None, True), ({"images.example.com"}, True), (LOCAL, False), (frozenset(), False)]
)
def test_guard_checks_the_configured_names(names: Collection[str] | None, is_in: bool) -> None:
    headers = {"Host": "images.example.com", "Origin": "https://images.example.com"}
    assert (fault_of("POST", headers, names) is None) == is_in
