"""A load test: check that the service answers, then measure a rate or find the limit."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from shared.errors import BadRequest, Transient
from shared.operations.load.cost import dearest_usd
from shared.operations.load.drive import Drive, Reply, Standing
from shared.operations.load.figures import Run
from shared.operations.load.limit import Demands, Step, find_limit
from shared.operations.load.plan import LONGEST_S, Plan

LEAST_USD = 1e-6
"""The least remaining money with which a step starts."""


class Unanswered(Transient):
    """The service gives no prediction before the load starts."""


class FirstReply(Reply, Protocol):
    """A reply, with details if it is not a prediction."""

    @property
    def location(self) -> str | None:
        """The target of a redirect."""

    @property
    def why(self) -> str:
        """The kind of error, if there is no answer."""


Send = Callable[[bytes], Awaitable[FirstReply]]


class LoadTest:
    """The runs of a load test on one event loop, within the requests and money of one plan.

    Args:
        plan: the bounds; ``seconds`` are those of a run, or of each step to the limit.
        pictures: sent in turn.
        send: sends a picture.
        notice: called after each answer.
        recorded: whether requests leave rows.
    """

    def __init__(
        self,
        plan: Plan,
        pictures: Sequence[bytes],
        send: Send,
        notice: Callable[[Standing], None] = lambda _: None,
        *,
        recorded: bool = False,
    ) -> None:
        self._plan, self._pictures, self._send, self._notice = plan, pictures, send, notice
        self._recorded = recorded
        self._drive: Drive | None = None
        self._is_stopped = False
        self.runs: list[Run] = []

    def stop(self) -> None:
        """End with the results so far."""
        self._is_stopped = True
        if self._drive:
            self._drive.stop()

    @property
    def usd(self) -> float:
        """The cost of the runs in the most expensive case."""
        return dearest_usd(self.busy_s, self.requests, recorded=self._recorded)

    @property
    def busy_s(self) -> float:
        """The request seconds of the runs."""
        return sum(run.busy_s for run in self.runs)

    @property
    def requests(self) -> int:
        """The number of requests of the runs."""
        return sum(len(run.samples) + run.unanswered for run in self.runs)

    async def look(self) -> None:
        """Send one request that is not measured; it also starts the first instance.

        Raises:
            BadRequest: the answer shows that the URL, the token or the picture is wrong.
            Unanswered: there is no answer, or an error of the service.
        """
        reply = await self._send(self._pictures[0])
        match reply.status:
            case 200:
                return
            case 0:
                raise Unanswered(f"The service does not answer ({reply.why}); is the URL right, and is it running?")
            case status if 300 <= status < 400:
                raise BadRequest(
                    f"The URL redirects to {reply.location}, which is not followed; name that URL if you mean it."
                )
            case 401 | 403:
                raise BadRequest(
                    f"The service answers {reply.status}: it needs a token. Give --token, or export "
                    "BUCKETLENS_TOKEN=$(gcloud auth print-identity-token)"
                )
            case 404 | 405:
                raise BadRequest(
                    f"There is no /v1/classify at that URL ({reply.status}); name that of classify-request."
                )
            case 400 | 413 | 415 | 422:
                raise BadRequest(
                    f"The service refuses the first picture with {reply.status}; send pictures that it takes."
                )
        raise Unanswered(f"The service answers {reply.status} before there is any load; see its log.")

    async def run(self) -> Run:
        """Carry the plan out once."""
        self._drive = Drive(self._plan, self._pictures, self._send, self._notice, recorded=self._recorded)
        if self._is_stopped:
            self._drive.stop()
        run = await self._drive.run()
        self.runs.append(run)
        return run

    async def find_limit(self, demands: Demands, most_rate: float) -> list[Step]:
        """Raise the rate, from that of the plan, until a demand is broken; see ``limit.find_limit``."""
        whole = self._plan
        first = whole.rate or 1.0

        async def run_at(rate: float) -> Run | None:
            seconds = LONGEST_S - sum(run.seconds for run in self.runs)
            requests, usd = whole.max_requests - self.requests, whole.max_usd - self.usd
            if self._is_stopped or seconds < whole.seconds or requests < 1 or usd < LEAST_USD:
                return None
            self._plan = dataclasses.replace(whole, rate=rate, max_requests=requests, max_usd=usd)
            return await self.run()

        return await find_limit(first, most_rate, demands, run_at)
