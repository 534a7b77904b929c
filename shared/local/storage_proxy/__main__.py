"""``python -m shared.local.storage_proxy``: the process before the laptop's object store."""

from __future__ import annotations

from pathlib import Path

import click
from aiohttp import web

from shared.local.faults.control import fault_options, injector_from
from shared.local.storage_proxy.app import STORAGE, proxy_app

HOST = "127.0.0.1"
SHUTDOWN_TIMEOUT_S = 2.0


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), required=True, help="Where clients find Cloud Storage.")
@click.option("--upstream", required=True, help="URL of fake-gcs-server, such as http://127.0.0.1:9024.")
@fault_options
def main(port: int, upstream: str, faults_file: Path | None, seed: int | None) -> None:
    """Enforce on the laptop what Cloud Storage guarantees, before an object store that does not."""
    app = proxy_app(upstream, f"{HOST}:{port}", injector_from(STORAGE, faults_file, seed))
    try:
        web.run_app(app, host=HOST, port=port, print=None, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
    except OSError as error:
        raise click.ClickException(f"The storage proxy cannot listen on {HOST}:{port}: {error.strerror}.") from error


if __name__ == "__main__":
    main()
