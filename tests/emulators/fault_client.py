"""Asks a part of the local cloud for faults, and for its record of requests."""

from __future__ import annotations

import time
from typing import Any

import requests

from shared.emulators.faults.injector import PREFIX
from shared.emulators.faults.record import ANSWERED, HELD, Record

TIMEOUT_S = 10.0
LOOK_S = 0.01


class FaultControl:
    """The faults and the record of the storage proxy, or of the warehouse.

    Args:
        url: where the part listens, such as ``http://127.0.0.1:9023``.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + PREFIX

    def set(self, kind: str = "status", **fault: Any) -> int:
        """Set a fault; returns its number.

        Args:
            kind: ``status``, ``reset``, ``stall``, ``truncate``; of the warehouse also ``missing``, ``partial``,
                ``forget``.
            fault: the other fields of ``fault.Fault``, such as ``method``, ``path``, ``count``, ``after``.

        Raises:
            ValueError: the fault is not valid; the message contains the reason.
        """
        answer = requests.post(f"{self._url}faults", json={"kind": kind, **fault}, timeout=TIMEOUT_S)
        if answer.status_code == 400:
            raise ValueError(answer.json()["error"]["message"])
        return int(_json(answer)[-1]["number"])

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults that are set, each with how often it has ``struck``."""
        return list(_json(requests.get(f"{self._url}faults", timeout=TIMEOUT_S)))

    def clear(self, number: int | None = None) -> None:
        """Remove a fault, or all; requests that it holds go on, unless their clients are gone."""
        query = {} if number is None else {"number": number}
        _json(requests.delete(f"{self._url}faults", params=query, timeout=TIMEOUT_S))

    def records(self, since: int = 0) -> list[Record]:
        """Return the requests that arrived after the one of a number, in the order of arrival, answered or not."""
        answer = requests.get(f"{self._url}requests", params={"since": since}, timeout=TIMEOUT_S)
        return [Record(**{**record, "row_ids": tuple(record["row_ids"])}) for record in _json(answer)]

    def forget(self) -> None:
        """Remove all faults, and empty the record."""
        self.clear()
        _json(requests.delete(f"{self._url}requests", timeout=TIMEOUT_S))

    def wait_held(self, count: int = 1, timeout_s: float = 20.0) -> list[Record]:
        """Wait until this many requests are held by a stall at the same time, and return them.

        Raises:
            TimeoutError: there are fewer.
        """
        give_up_at = time.monotonic() + timeout_s
        while len(held := [record for record in self.records() if record.state == HELD]) < count:
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"{len(held)} requests are held after {timeout_s:.0f} s, expected {count}.")
            time.sleep(LOOK_S)
        return held

    def wait_answered(self, number: int, timeout_s: float = 20.0) -> Record:
        """Wait until the request of a number is answered, or its client is gone; returns it.

        Raises:
            TimeoutError: it is not, or is not on record.
        """
        give_up_at = time.monotonic() + timeout_s
        while True:
            actual = [one for one in self.records(number - 1) if one.number == number and one.state == ANSWERED]
            if actual:
                return actual[0]
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"Request {number} was not answered in {timeout_s:.0f} s.")
            time.sleep(LOOK_S)


def _json(answer: requests.Response) -> Any:
    answer.raise_for_status()
    return answer.json()
