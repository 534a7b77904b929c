"""Uploads and requests at a steady rate, and what callers were answered."""

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
"""What a caller of a bad file is told: it is empty, no image, or damaged."""
ANSWER_S = 60


@dataclass
class Traffic:
    """Two flows, each at its own rate whatever the answers take, by a few threads.

    Attributes:
        world: where it goes.
        per_s: uploads a second, and as many requests.
        threads: of each flow.
    """

    world: World
    per_s: float
    threads: int = 3
    statuses: Counter[int] = field(default_factory=Counter)
    answered_s: list[float] = field(default_factory=list)
    """Seconds that pictures took to be answered with 200, without those of the warm-up."""
    complaints: list[str] = field(default_factory=list)

    def flow(self, seconds: float, first_seed: int = 0) -> int:
        """Send for some time, one upload and one request for each seed. Returns the first seed that was not used."""
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

    def _ask(self, session: requests.Session, asked: File) -> None:
        """Post a file once, and note an answer that is not the expected one."""
        url = f"{self.world.cloud.url('classify_request')}/v1/classify"
        started = time.monotonic()
        try:
            response = session.post(url, asked.content, headers={"Idempotency-Key": asked.name}, timeout=ANSWER_S)
        except requests.RequestException as error:
            self.statuses[0] += 1
            self.complaints.append(f"{asked.name}: {type(error).__name__}")
            return
        took_s = time.monotonic() - started
        self.statuses[response.status_code] += 1
        if response.status_code == 200:
            self.answered_s.append(took_s)
            prediction_id = response.json()["prediction_id"]
            self.world.ledger.answers.append(Answer(asked, 200, took_s, None, prediction_id))
        if response.status_code not in ((200,) if asked.is_picture else REFUSED):
            self.complaints.append(f"{asked.name} was answered {response.status_code}: {response.text[:200]}")
