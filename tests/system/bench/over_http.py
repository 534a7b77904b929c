"""The HTTP part: measure every contestant once a round, in rotating order, on the same photographs."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.environments import Environment, Impossible
from tests.system.bench.driving import Failed, Limit, cold_limit_s, cores, highest, load, percentile
from tests.system.bench.field import LIMIT, US, US_RECORDED, Contestant
from tests.system.bench.figures import Figure
from tests.system.bench.load import Measured, Plan
from tests.system.bench.photographs import LARGE, SMALL, Photograph
from tests.system.bench.server import NotAnswering, Server
from tests.system.bench.wire import answer_in

Say = Callable[[str], None]

CLIENTS = (1, 4, 16)
SATURATED = max(CLIENTS)
SHARES = (50, 95, 99)
SCORE_APART = 0.1
"""Keras and LiteRT compute in other precisions, and decoders reduce a large picture in other ways."""

COLD, COLD_RECORDED, RATE, MEMORY, SIZE, COST = (
    "exec to first answer",
    "exec to first recorded answer",
    "requests at saturation",
    "memory with 16 clients",
    "installed size",
    "the load generator's own processor time, a thousand requests",
)


@dataclass(frozen=True, slots=True)
class Windows:
    """How long each measurement takes, in seconds."""

    warm: float = 1.0
    steady: float = 3.0
    weigh: float = 1.5
    large: float = 1.0
    least_large: int = 5
    """Answers, however long they take."""


@dataclass
class HttpRun:
    """Values measured, one a round, and the failures."""

    figures: list[Figure] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    """By contestant, why it has no figures."""


def latency(share: int, clients: int) -> str:
    """Return the name of a latency figure."""
    return f"p{share}, {clients} client{'s' if clients > 1 else ''}, {SMALL}"


def large(kind: str) -> str:
    """Return the name of the figure of a large photograph."""
    return f"p50, 1 client, {kind}"


def measure_http(
    field_: Sequence[Contestant],
    deployed: Environment,
    photographs: Sequence[Photograph],
    rounds: int,
    windows: Windows,
    say: Say,
) -> HttpRun:
    """Measure the limit and every contestant, ``rounds`` times; a contestant that fails drops out, with the reason.

    Args:
        field_: the contestants; Bucketlens with ``record=true`` too where its first recorded answer is needed.
        deployed: the environment that Bucketlens is deployed in; the limit runs in it.
        photographs: of every kind.
        rounds: one or more.
        windows: how long to measure.
        say: takes a sentence for the person who watches.
    """
    run, values = HttpRun(), defaultdict[tuple[str, str, str], list[float]](list)
    with tempfile.TemporaryDirectory(prefix="bucketlens-requests-") as folder:
        taking_part = _agreeing(field_, deployed, photographs, Path(folder), run, say)
        for index in range(rounds):
            _measure_limit(deployed, photographs, windows, values)
            first = index % len(taking_part) if taking_part else 0
            for contestant in [*taking_part[first:], *taking_part[:first]]:
                if contestant.name in run.failures:
                    continue
                say(f"round {index + 1} of {rounds}: {contestant.name}")
                try:
                    _Turn(contestant, photographs, Path(folder), windows, values).take()
                except (Failed, NotAnswering) as error:
                    run.failures[contestant.name] = str(error)
    run.figures = [
        Figure(contestant_name, what, unit, tuple(rounds_values))
        for (contestant_name, what, unit), rounds_values in values.items()
        if len(rounds_values) == rounds
    ]
    return run


Values = dict[tuple[str, str, str], list[float]]
"""Values by contestant, quantity and unit."""


def _agreeing(
    field_: Sequence[Contestant],
    deployed: Environment,
    photographs: Sequence[Photograph],
    folder: Path,
    run: HttpRun,
    say: Say,
) -> list[Contestant]:
    """Return the contestants that start and give each photograph the label that the limit gives it."""
    with Limit.start(deployed.python, deployed.variables, 1) as limit:
        expected = [limit.run([photograph.path], 0)[0] for photograph in photographs]
    agreeing = []
    for contestant in field_:
        say(f"comparing labels: {contestant.name}")
        try:
            server = contestant.start(folder)
        except (Impossible, RuntimeError) as error:
            run.failures[contestant.name] = str(error)
            continue
        try:
            for photograph, limit_answer in zip(photographs, expected, strict=True):
                request = contestant.request(photograph.path.read_bytes(), photograph.content_type)
                label, score = answer_in(server.first_answer(request)[0])
                _check(photograph, (label, score), (limit_answer["label"], limit_answer["score"]))
            agreeing.append(contestant)
        except (Failed, NotAnswering) as error:
            run.failures[contestant.name] = str(error)
        finally:
            server.stop()
    return agreeing


def _check(photograph: Photograph, answer: tuple[str, float], expected: tuple[str, float]) -> None:
    if answer[0] != expected[0] or abs(answer[1] - expected[1]) > SCORE_APART:
        raise Failed(f"the answer for {photograph.path.name} is {answer}, expected {expected}")


def _measure_limit(made: Environment, photographs: Sequence[Photograph], windows: Windows, values: Values) -> None:
    kinds = _by_kind(photographs)
    small = kinds[SMALL]
    values[LIMIT, COLD, "s"].append(cold_limit_s(made.python, made.variables, small[0]))
    with Limit.start(made.python, made.variables, cores()) as limit:
        limit.run(small, windows.warm / 2, count=cores())
        [alone] = limit.run(small, windows.steady)
        for share in SHARES:
            values[LIMIT, latency(share, 1), "ms"].append(percentile(alone["took_ms"], share))
        together = limit.run(small, windows.steady, count=cores())
        rate = sum(len(measured["took_ms"]) / measured["seconds"] for measured in together)
        values[LIMIT, RATE, "requests/s"].append(rate)
        for kind in LARGE:
            [alone] = limit.run(kinds[kind], windows.large, least=windows.least_large)
            values[LIMIT, large(kind), "ms"].append(percentile(alone["took_ms"], 50))


@dataclass
class _Turn:
    """A contestant's turn in a round."""

    contestant: Contestant
    photographs: Sequence[Photograph]
    folder: Path
    windows: Windows
    values: Values

    def take(self) -> None:
        """Start the contestant, measure it, stop it."""
        kinds = {kind: self._written(kind) for kind in (SMALL, *LARGE)}
        server = self.contestant.start(self.folder)
        try:
            _, cold_s = server.first_answer(kinds[SMALL][0].read_bytes())
            if self.contestant.name == US_RECORDED:
                self._note(COLD_RECORDED, "s", cold_s)
                self._recorded(server, kinds[SMALL])
                return
            self._note(COLD, "s", cold_s)
            self._load(server, kinds[SMALL], 1, self.windows.warm)
            for clients in CLIENTS:
                self._steady(server, kinds[SMALL], clients)
            if self.contestant.name != US:
                self._weigh(server, kinds[SMALL])
            for kind in LARGE:
                measured = self._load(server, kinds[kind], 1, self.windows.large, self.windows.least_large)
                self._note(large(kind), "ms", percentile(measured.took_ms, 50))
        finally:
            server.stop()
        self._note(SIZE, "MB", self.contestant.installed_mb())

    def _recorded(self, server: Server, requests: list[Path]) -> None:
        self._load(server, requests, 1, self.windows.warm)
        alone = self._load(server, requests, 1, self.windows.steady)
        self._note("p50, 1 client, recorded", "ms", percentile(alone.took_ms, 50))
        together = self._load(server, requests, SATURATED, self.windows.steady)
        self._note("requests at saturation, recorded", "requests/s", together.answers / together.seconds)
        self._weigh(server, requests)

    def _steady(self, server: Server, requests: list[Path], clients: int) -> None:
        measured = self._load(server, requests, clients, self.windows.steady)
        for share in SHARES:
            self._note(latency(share, clients), "ms", percentile(measured.took_ms, share))
        if clients == SATURATED:
            self._note(RATE, "requests/s", measured.answers / measured.seconds)
            self._note(COST, "s", 1000 * measured.cpu_s / measured.answers)

    def _weigh(self, server: Server, requests: list[Path]) -> None:
        """Measure the memory while 16 clients send requests; Bucketlens records, so all its clients are in use."""
        weight = highest(server.memory_mib, lambda: self._load(server, requests, SATURATED, self.windows.weigh))
        contestant_name = US if self.contestant.is_ours else self.contestant.name
        self.values[contestant_name, MEMORY, "MiB"].append(weight)

    def _load(self, server: Server, requests: list[Path], clients: int, seconds: float, least: int = 1) -> Measured:
        return load(Plan(server.port, [str(path) for path in requests], clients, seconds, least))

    def _note(self, what: str, unit: str, value: float) -> None:
        contestant_name = US if self.contestant.is_ours else self.contestant.name
        self.values[contestant_name, what, unit].append(value)

    def _written(self, kind: str) -> list[Path]:
        """Return requests as files, written once."""
        paths = []
        for photograph in self.photographs:
            if photograph.kind == kind:
                path = self.folder / f"{self.contestant.name}-{photograph.path.name}"
                if not path.exists():
                    path.write_bytes(self.contestant.request(photograph.path.read_bytes(), photograph.content_type))
                paths.append(path)
        return paths


def _by_kind(photographs: Sequence[Photograph]) -> dict[str, list[Path]]:
    return {
        kind: [photograph.path for photograph in photographs if photograph.kind == kind] for kind in (SMALL, *LARGE)
    }
