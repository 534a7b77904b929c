"""Send uploads and requests at a steady rate, and record the answers."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import requests

from tests.system.chaos.ledger import Answer
from tests.system.chaos.pictures import File
from tests.system.chaos.world import World
from tests.system.soak.files import file

REFUSED = (400, 415, 422)
"""Statuses for a bad file: it is empty, not an image, or damaged."""
ANSWER_S = 60


@dataclass
class Traffic:
    """Two flows, each at its own rate however long the answers take, by a few threads.

    Attributes:
        world: the cloud that gets them.
        per_s: uploads a second, and as many requests.
        threads: of each flow.
    """

    world: World
    per_s: float
    threads: int = 3
    statuses: Counter[int] = field(default_factory=Counter)
    answered_s: list[float] = field(default_factory=list)
    """Seconds until pictures were answered with 200, without those of the warm-up."""
    complaints: list[str] = field(default_factory=list)

    def flow(self, seconds: float, first_seed: int = 0) -> int:
        """Send one upload and one request for each seed, for some time; return the first seed that was not used."""
        started, count = time.monotonic(), int(seconds * self.per_s)
        seeds = iter(range(first_seed, first_seed + count))

        def work() -> None:
            session = requests.Session()
            for seed in seeds:  # each thread takes the next; a range's iterator is safe to share
                time.sleep(max(0.0, started + (seed - first_seed) / self.per_s - time.monotonic()))
                self.world.buckets.put(file(seed, "soak"))
                self._ask(session, file(seed, "asked"))

        threads = [threading.Thread(target=work, name="traffic") for _ in range(self.threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return first_seed + count

    def _ask(self, session: requests.Session, file_sent: File) -> None:
        """Post a file once, and record an unexpected answer as a complaint."""
        url = f"{self.world.cloud.url('classify_request')}/v1/classify"
        started = time.monotonic()
        try:
            response = session.post(
                url, file_sent.content, headers={"Idempotency-Key": file_sent.name}, timeout=ANSWER_S
            )
        except requests.RequestException as error:
            self.statuses[0] += 1
            self.complaints.append(f"{file_sent.name}: {type(error).__name__}")
            return
        took_s = time.monotonic() - started
        self.statuses[response.status_code] += 1
        if response.status_code == 200:
            self.answered_s.append(took_s)
            prediction_id = response.json()["prediction_id"]
            self.world.ledger.answers.append(Answer(file_sent, 200, took_s, None, prediction_id))
        if response.status_code not in ((200,) if file_sent.is_picture else REFUSED):
            self.complaints.append(f"{file_sent.name} got {response.status_code}: {response.text[:200]}")
