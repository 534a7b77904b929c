"""``python -m shared.local.storage_proxy``: the process before the laptop's object store."""

from __future__ import annotations

import json
from pathlib import Path

import click
from aiohttp import web

from shared.local.storage_proxy.app import proxy_app
from shared.local.storage_proxy.faults import Faults, fault_from
from shared.local.storage_proxy.refusals import Refused

HOST = "127.0.0.1"
SHUTDOWN_TIMEOUT_S = 2.0


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), required=True, help="Where clients find Cloud Storage.")
@click.option("--upstream", required=True, help="URL of fake-gcs-server, such as http://127.0.0.1:9024.")
@click.option(
    "--faults",
    "faults_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON: a list of faults to start with, as POST /_bucketlens/faults takes them.",
)
@click.option("--seed", type=int, help="Makes the faults with a probability the same on every run.")
def main(port: int, upstream: str, faults_file: Path | None, seed: int | None) -> None:
    """Enforce on the laptop what Cloud Storage guarantees, before an object store that does not."""
    try:
        faults = [fault_from(wanted) for wanted in json.loads(faults_file.read_text("utf-8"))] if faults_file else []
    except (ValueError, TypeError, Refused) as error:
        raise click.ClickException(f"{faults_file} is no list of faults: {error}") from error
    app = proxy_app(upstream, f"{HOST}:{port}", Faults(faults, seed))
    try:
        web.run_app(app, host=HOST, port=port, print=None, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
    except OSError as error:
        raise click.ClickException(f"The storage proxy cannot listen on {HOST}:{port}: {error.strerror}.") from error


if __name__ == "__main__":
    main()
