"""The field: which servers take part in the benchmark over HTTP, how each is started, and its requests."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from shared.bundles.folders import MODELS
from shared.local.cloud import Cloud
from shared.local.processes import ROOT, function_part
from shared.settings import DEFAULT_BUNDLE
from tests.environments import Environment, Recipe, environment
from tests.system.bench import wire
from tests.system.bench.server import Server

PROGRAMS = Path(__file__).parent / "contestants"
BUNDLE = MODELS / DEFAULT_BUNDLE
US, US_RECORDED, LIMIT, KERAS_FUNCTION = "bucketlens", "bucketlens, recorded", "limit", "function, Keras"
OURS = Recipe(ROOT / "functions" / "requirements.txt")
CLASSIFY = "/v1/classify"

Request = Callable[[bytes, str], bytes]
"""A function that makes an HTTP request from a file and its content type."""


@dataclass(frozen=True)
class Contestant:
    """A server that answers with the label of an image."""

    name: str
    recipe: Recipe
    command: Callable[[Environment, int], list[str]]
    """A function that returns the command for an environment and a port."""
    request: Request
    variables: Callable[[int], Mapping[str, str]]
    """A function that returns the environment variables for a port."""
    is_ours: bool = False
    _made: list[Environment] = field(default_factory=list)

    @property
    def environment(self) -> Environment:
        """The contestant's environment, made on first use.

        Raises:
            Impossible: this machine cannot have it.
        """
        if not self._made:
            self._made.append(environment(self.recipe))
        return self._made[0]

    def start(self, folder: Path) -> Server:
        """Start the server in a folder of its own below ``folder``, which also has its log."""
        own = folder / self.name
        own.mkdir(exist_ok=True)
        port, made = _free_port(), self.environment
        variables = {**made.variables, **self.variables(port)}
        return Server(self.command(made, port), variables, own, port, own / "log")

    def installed_mb(self) -> float:
        """Return the size of its packages in MB (10^6 bytes), without bytecode, which a start may write or not."""
        [packages] = self.environment.folder.glob("lib/python*/site-packages")
        files = (file for file in packages.rglob("*") if file.is_file() and file.suffix != ".pyc")
        return sum(file.stat().st_size for file in files) / 1e6


def bucketlens(cloud: Cloud, *, record: bool) -> Contestant:
    """Return ``classify_request`` as a local cloud and Cloud Run start it, in the environment that is deployed."""

    def part(port: int) -> dict[str, str]:
        made = function_part(cloud, "classify_request", "bench", revision="bench", bundle=DEFAULT_BUNDLE, port=port)
        return {**made.environment, "PATH": os.environ["PATH"]}

    return Contestant(
        US_RECORDED if record else US,
        OURS,
        lambda made, _: [str(made.python), "-m", "gunicorn", "--config", str(ROOT / "functions" / "gunicorn.conf.py")],
        partial(wire.raw, CLASSIFY if record else f"{CLASSIFY}?record=false"),
        part,
        is_ours=True,
    )


def peers() -> list[Contestant]:
    """Return every other server, with Keras and with LiteRT."""
    return [make(runtime) for make in (_function, _fastapi, _litserve, _bentoml, _mlserver) for runtime in RUNTIMES]


RUNTIMES = {"keras": "Keras", "litert": "LiteRT"}


def _function(runtime: str) -> Contestant:
    def command(made: Environment, port: int) -> list[str]:
        program = str(made.program("functions-framework"))
        source = str(PROGRAMS / "function.py")
        return [program, "--target", "classify", "--source", source, "--host", wire.HOST, "--port", str(port)]

    return _peer("function", runtime, command, partial(wire.raw, "/"))


def _fastapi(runtime: str) -> Contestant:
    def command(made: Environment, port: int) -> list[str]:
        return [str(made.program("uvicorn")), "fastapi_app:app", "--host", wire.HOST, "--port", str(port)]

    return _peer("FastAPI", runtime, command, partial(wire.form, "/classify"))


def _litserve(runtime: str) -> Contestant:
    def command(made: Environment, port: int) -> list[str]:
        return [str(made.python), str(PROGRAMS / "litserve_app.py"), str(port)]

    return _peer("LitServe", runtime, command, partial(wire.base64_json, "/predict"))


def _bentoml(runtime: str) -> Contestant:
    def command(made: Environment, port: int) -> list[str]:
        address = ["--host", wire.HOST, "--port", str(port)]
        return [str(made.python), "-m", "bentoml", "serve", "bentoml_app:Classifier", *address]

    return _peer("BentoML", runtime, command, partial(wire.form, "/classify"), lambda _: {"BENTOML_DO_NOT_TRACK": "1"})


def _mlserver(runtime: str) -> Contestant:
    def variables(port: int) -> dict[str, str]:
        return {
            "MLSERVER_HOST": wire.HOST,
            "MLSERVER_HTTP_PORT": str(port),
            "MLSERVER_GRPC_PORT": str(_free_port()),
            "MLSERVER_METRICS_PORT": str(_free_port()),
            "MLSERVER_PARALLEL_WORKERS": str(os.cpu_count() or 1),
            "MLSERVER_MODEL_NAME": "flowers",
            "MLSERVER_MODEL_IMPLEMENTATION": "mlserver_app.Classifier",
        }

    request = partial(wire.tensor, "/v2/models/flowers/infer")
    return _peer("MLServer", runtime, lambda made, _: [str(made.program("mlserver")), "start", "."], request, variables)


def _peer(
    name: str,
    runtime: str,
    command: Callable[[Environment, int], list[str]],
    request: Request,
    variables: Callable[[int], Mapping[str, str]] = lambda _: {},
) -> Contestant:
    lock = Recipe(PROGRAMS / f"{name.lower()}_{runtime}.txt")
    common = {"BUNDLE": str(BUNDLE), "RUNTIME": runtime, "PYTHONPATH": str(PROGRAMS), "TF_CPP_MIN_LOG_LEVEL": "2"}
    return Contestant(
        f"{name}, {RUNTIMES[runtime]}", lock, command, request, lambda port: {**common, **variables(port)}
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((wire.HOST, 0))
        return int(probe.getsockname()[1])
