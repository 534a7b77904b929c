"""The load test's clockwork, on a clock of its own: what is sent when, what is counted, and what ends a run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from shared.adapters.http_load import Reply
from shared.errors import BadRequest
from shared.operations.load.advice import Largest, advice
from shared.operations.load.cost import dearest_usd, likely_usd
from shared.operations.load.drive import Drive
from shared.operations.load.figures import Ending, Run, Sample, percentiles
from shared.operations.load.limit import Demands, Step, find_limit, holding
from shared.operations.load.plan import MOST_USD, Plan
from shared.operations.load.session import LoadTest, Unanswered
from tests.operations.virtual_time import run

PICTURES = [b"one", b"two"]


@dataclass
class Service:
    """Answers after ``seconds``; between ``stall[0]`` and ``stall[1]`` nothing is answered before the end of that."""

    seconds: float = 0.1
    stall: tuple[float, float] = (0.0, 0.0)
    status: int = 200
    most_at_once: int = 0
    at_once: int = 0

    async def __call__(self, content: bytes) -> Reply:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        now = asyncio.get_running_loop().time()
        begin, end = self.stall
        await asyncio.sleep((end - now if begin <= now < end else 0.0) + self.seconds)
        self.at_once -= 1
        return Reply(self.status, 40.0)


def driven(plan: Plan, send: Callable[[bytes], Awaitable[Reply]]) -> Run:
    async def main() -> Run:
        return await Drive(plan, PICTURES, send).run()

    return run(main())


def test_load_open_loop_sends_at_its_rate_however_long_answers_take() -> None:
    service = Service(seconds=3.0)
    done = driven(Plan(seconds=10, rate=5, clients=100), service)
    assert len(done.samples) == 50
    assert [sample.due_s for sample in done.samples] == pytest.approx([number / 5 for number in range(50)])
    assert service.most_at_once in (15, 16)
    assert done.ending is Ending.TIME


def test_load_closed_loop_keeps_each_client_waiting_for_its_answer() -> None:
    service = Service(seconds=0.5)
    done = driven(Plan(seconds=10, clients=4), service)
    assert service.most_at_once == 4
    assert len(done.samples) == 4 * 20
    assert done.latency_ms["max"] == pytest.approx(500)


def test_load_open_loop_counts_a_stall_in_every_delayed_latency() -> None:
    """Ten requests a second for ten seconds, by one connection, of which the service sleeps five."""
    done = driven(Plan(seconds=10, rate=10, clients=1), Service(seconds=0.01, stall=(2.0, 7.0)))
    assert len(done.samples) == 100
    since_due, since_sent = done.latency_ms, done.service_ms
    assert since_sent["p90"] == pytest.approx(10)
    assert since_due["p90"] is not None
    assert since_due["p90"] > 3500
    assert since_due["max"] == pytest.approx(5010, abs=20)


def test_load_counts_requests_that_were_due_but_never_sent_as_errors() -> None:
    done = driven(Plan(seconds=10, rate=10, clients=2), Service(seconds=4.0))
    assert [sample.status for sample in done.samples] == [200] * 6
    assert done.late == 94
    assert done.error_rate == pytest.approx(0.94)


def test_load_run_ends_at_the_first_of_its_bounds() -> None:
    assert driven(Plan(seconds=10, rate=10, max_requests=7), Service()).ending is Ending.REQUESTS
    assert len(driven(Plan(seconds=10, rate=10, max_requests=7), Service()).samples) == 7
    assert len(driven(Plan(seconds=10, clients=3, max_requests=7), Service()).samples) == 7
    poor = Plan(seconds=600, clients=10, max_usd=0.001)
    done = driven(poor, Service(seconds=1.0))
    assert done.ending is Ending.MONEY
    assert dearest_usd(done.busy_s, len(done.samples), recorded=False) < 2 * poor.max_usd


def test_load_cost_includes_requests_in_flight() -> None:
    done = driven(Plan(seconds=600, rate=10, clients=1000, max_usd=0.001), Service(seconds=300.0))
    assert done.ending is Ending.MONEY
    assert len(done.samples) < 40


def test_load_run_keeps_its_answers_after_an_interrupt() -> None:
    async def main() -> Run:
        drive = Drive(Plan(seconds=600, rate=10, clients=100), PICTURES, Service(seconds=1.0))
        asyncio.get_running_loop().call_later(5.05, drive.stop)
        return await drive.run()

    done = run(main())
    assert done.ending is Ending.INTERRUPTED
    assert len(done.samples) == 41
    assert done.unanswered == 10
    assert done.latency_ms["p50"] == pytest.approx(1000)


@pytest.mark.parametrize("rate", [None, 5.0])
def test_load_run_ends_with_the_refusal_of_the_sender(rate: float | None) -> None:
    async def refuse(_: bytes) -> Reply:
        raise BadRequest("leads elsewhere")

    with pytest.raises(BadRequest, match="leads elsewhere"):
        driven(Plan(seconds=5, rate=rate), refuse)


@pytest.mark.parametrize(
    "figures",
    [
        {"seconds": 0},
        {"seconds": 1e9},
        {"seconds": 1, "rate": 0.0},
        {"seconds": 1, "rate": 1e6},
        {"seconds": 1, "clients": 0},
        {"seconds": 1, "max_requests": 10**9},
        {"seconds": 1, "max_usd": MOST_USD + 1},
        {"seconds": float("nan")},
    ],
)
def test_load_plan_without_a_bound_is_refused(figures: dict[str, float]) -> None:
    with pytest.raises(BadRequest, match="expected more than 0 and at most"):
        Plan(**figures)  # type: ignore[arg-type]


def test_load_percentiles_are_of_the_nearest_rank() -> None:
    values = list(range(1, 101))
    assert percentiles(values) == {"p50": 50, "p90": 90, "p95": 95, "p99": 99, "max": 100}
    assert set(percentiles([7]).values()) == {7}
    assert set(percentiles([]).values()) == {None}


def capacity(per_s: float) -> Callable[[float], Awaitable[Run | None]]:
    """A service that answers at once up to a rate, and takes 5 s beyond it."""

    async def run_at(rate: float) -> Run:
        took = 0.05 if rate <= per_s else 5.0
        samples = tuple(Sample(n / rate, n / rate, n / rate + took, 200) for n in range(int(10 * rate)))
        return Run(samples, 10.0, Ending.TIME)

    return run_at


@pytest.mark.parametrize("per_s", [1.5, 9, 40, 77])
def test_load_limit_is_the_highest_rate_that_held(per_s: float) -> None:
    steps = run(find_limit(1, 2000, Demands(), capacity(per_s)))
    held = holding(steps)
    assert held is not None
    assert per_s / 1.2 <= held <= per_s
    assert any(step.faults for step in steps)


def test_load_limit_is_below_every_rate_that_broke() -> None:
    empty = Run((), 1.0, Ending.TIME)
    steps = [Step(1, empty, ()), Step(2, empty, ("p95",)), Step(3, empty, ())]
    assert holding(steps) == 1


def test_load_limit_ends_if_the_first_rate_breaks_or_none_does() -> None:
    assert [step.rate for step in run(find_limit(5, 2000, Demands(), capacity(1)))] == [5]
    steps = run(find_limit(5, 10, Demands(), capacity(1e9)))
    assert steps[-1].rate == 10
    assert holding(steps) == 10


def test_load_limit_counts_a_service_that_falls_behind_as_broken() -> None:
    samples = tuple(Sample(n, n, n + 0.01, 200) for n in range(50))
    faults = Demands().faults(Run(samples, 10.0, Ending.TIME), offered=10)
    assert len(faults) == 1
    assert "it falls behind" in faults[0]


def test_load_steps_share_the_bounds_of_the_plan() -> None:
    async def main() -> LoadTest:
        test = LoadTest(Plan(seconds=10, rate=2, clients=100, max_requests=200), PICTURES, Service())
        await test.find_limit(Demands(), 2000)
        return test

    test = run(main())
    assert test.requests <= 200
    assert test.runs[-1].ending is Ending.REQUESTS


@pytest.mark.parametrize(
    ("reply", "error", "sentence"),
    [
        (Reply(302, location="https://elsewhere"), BadRequest, "redirects to https://elsewhere"),
        (Reply(401), BadRequest, "--token"),
        (Reply(403), BadRequest, "--token"),
        (Reply(404), BadRequest, "no /v1/classify"),
        (Reply(415), BadRequest, "refuses the first picture"),
        (Reply(503), Unanswered, "answers 503"),
        (Reply(0, why="TimeoutError"), Unanswered, "TimeoutError"),
    ],
)
def test_load_stops_if_the_service_gives_no_prediction(reply: Reply, error: type[Exception], sentence: str) -> None:
    async def send(_: bytes) -> Reply:
        return reply

    test = LoadTest(Plan(seconds=1), PICTURES, send)
    with pytest.raises(error, match=sentence):
        run(test.look())


def test_load_advice_follows_from_the_figures() -> None:
    """200 ms of which 50 compute: four at once keep a processor busy; 28 a second need 1.4, at 70 % two instances."""
    samples = tuple(Sample(n / 28, n / 28, n / 28 + 0.2, 200, 50.0) for n in range(280))
    rows = {row.setting: row for row in advice(Run(samples, 10.0, Ending.TIME), 28, Largest(1 << 20, 100 << 20))}
    assert {name: row.value for name, row in rows.items()} == {
        "concurrency": 4,
        "max_instances": 2,
        "memory_mb": 1024,  # 4 x 100 MiB / (13/32) = 985
    }
    assert "200 / 50 = 4.0" in rows["concurrency"].why
    assert "= 985 MiB" in rows["memory_mb"].why


def test_load_advice_stays_within_the_limits_of_terraform() -> None:
    slow = tuple(Sample(n, n, n + 10.0, 200, 10.0) for n in range(10))
    values = {row.setting: row.value for row in advice(Run(slow, 10.0, Ending.TIME), 1, Largest(10, 10))}
    assert values == {"concurrency": 16, "max_instances": 1, "memory_mb": 512}
    without = tuple(Sample(n, n, n + 1.0, 200) for n in range(10))
    assert advice(Run(without, 10.0, Ending.TIME), 1, Largest(10, 10)) == []


def test_load_cost_is_higher_with_rows_and_lower_on_shared_instances() -> None:
    assert dearest_usd(100, 1000, recorded=True) > dearest_usd(100, 1000, recorded=False)
    assert 0 < likely_usd(100, 1000, recorded=False) < dearest_usd(100, 1000, recorded=False)
