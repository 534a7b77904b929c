"""Properties of admission: in any order of requests and timeouts, slots are never exceeded and the queue is fair."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue

from hypothesis import Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.errors import Busy
from shared.http.admission import Admission
from tests.properties import FEW

AT_ONCE, WAITING = 2, 3
LONG_S = 20
"""The longest wait, which is reached only if something is broken."""

QUICK = (Phase.explicit, Phase.generate)
"""A failure may cost the whole wait, so hypothesis does not reduce failing inputs."""


class Queued(deque[threading.Event]):
    """The queue of an admission, which records that a request has joined it."""

    def __init__(self) -> None:
        super().__init__()
        self.joined: Queue[threading.Event] = Queue()

    def append(self, turn: threading.Event) -> None:
        super().append(turn)
        self.joined.put(turn)


class Door(RuleBasedStateMachine):
    """An admission, and a model of it: how many requests run, and which queue in which order."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = Queued()
        self.admission = Admission(AT_ONCE, WAITING, LONG_S)
        self.admission._queue = self.queue
        self.entered: Queue[int] = Queue()
        self.working = 0
        self.waiting: list[int] = []
        self.number = 0

    @contextmanager
    def without_waiting(self) -> Iterator[None]:
        self.admission._timeout_s = 0
        try:
            yield
        finally:
            self.admission._timeout_s = LONG_S

    @precondition(lambda self: self.working == AT_ONCE and len(self.waiting) < WAITING)
    @rule()
    def come_and_wait(self) -> None:
        self.number += 1
        number = self.number

        def enter() -> None:
            self.admission.enter()
            self.entered.put(number)

        threading.Thread(target=enter, daemon=True).start()
        self.queue.joined.get(timeout=LONG_S)
        self.waiting.append(number)

    @rule()
    def come_without_waiting(self) -> None:
        with self.without_waiting():
            try:
                self.admission.enter()
            except Busy:
                assert self.working == AT_ONCE
                if len(self.waiting) < WAITING:
                    self.queue.joined.get(timeout=LONG_S)  # it stood in the queue, and left it
            else:
                assert self.working < AT_ONCE
                self.working += 1

    @precondition(lambda self: self.working)
    @rule()
    def go(self) -> None:
        self.admission.leave()
        if self.waiting:
            assert self.entered.get(timeout=LONG_S) == self.waiting.pop(0)
        else:
            self.working -= 1

    @invariant()
    def as_many_are_at_work_and_wait_as_should(self) -> None:
        assert self.admission._working == self.working <= AT_ONCE
        assert len(self.queue) == len(self.waiting)
        assert self.entered.empty()

    def teardown(self) -> None:
        while self.working:
            self.go()


TestDoor = Door.TestCase
TestDoor.settings = settings(FEW, max_examples=25, stateful_step_count=25, phases=QUICK)
