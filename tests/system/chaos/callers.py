"""Callers that post images at the HTTPS function, and post them again until they have an answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import requests

from tests.system.chaos.ledger import Answer, Ledger
from tests.system.chaos.pictures import File

GIVES_UP_S = 120
ALLOWED = (200, 429, 503)
PAUSE_S = 0.5
"""A caller waits less than Retry-After asks for, on purpose, to be a nuisance."""


class Callers:
    """Several callers in parallel. Every answer goes into the ledger.

    Args:
        url: of the function.
        ledger: receives every answer.
    """

    def __init__(self, url: str, ledger: Ledger) -> None:
        self._url = f"{url}/v1/classify"
        self._ledger = ledger
        self.complaints: list[str] = []

    def ask(self, files: Sequence[File], threads: int = 2) -> None:
        """Post each file until it is answered with 200, and then once more; one Idempotency-Key for all its posts."""
        with ThreadPoolExecutor(threads, thread_name_prefix="caller") as pool:
            list(pool.map(self._ask, files))

    def post(self, file: File) -> Answer:
        """Post a file once; a broken connection is an answer with status 0."""
        started = time.monotonic()
        try:
            headers = {"Idempotency-Key": file.name}
            response = requests.post(self._url, file.content, headers=headers, timeout=GIVES_UP_S)
        except requests.RequestException:
            answer = Answer(file, 0, time.monotonic() - started, None, None)
        else:
            prediction_id = response.json().get("prediction_id") if response.status_code == 200 else None
            retry_after = response.headers.get("Retry-After")
            answer = Answer(file, response.status_code, time.monotonic() - started, retry_after, prediction_id)
        self._ledger.answers.append(answer)
        if answer.status not in ALLOWED or (answer.status != 200 and not answer.retry_after):
            self.complaints.append(f"the caller of {file.name} got {answer.status},  Retry-After {answer.retry_after}")
        return answer

    @property
    def slowest_s(self) -> float:
        """The longest time that a caller waited for an answer."""
        return max((answer.took_s for answer in self._ledger.answers), default=0.0)

    def _ask(self, file: File) -> None:
        give_up_at = time.monotonic() + GIVES_UP_S
        for _ in range(2):
            while self.post(file).status != 200:
                if time.monotonic() > give_up_at:
                    self.complaints.append(f"the caller of {file.name} had no 200 in {GIVES_UP_S} s")
                    return
                time.sleep(PAUSE_S)
