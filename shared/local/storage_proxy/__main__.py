"""``python -m shared.local.storage_proxy``: the process before the laptop's object store."""

from __future__ import annotations

from pathlib import Path

import click

from shared.local.faults.control import fault_options, injector_from
from shared.local.storage_proxy.app import STORAGE, proxy_app
from shared.local.until_signal import serve_app

HOST = "127.0.0.1"


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), required=True, help="Where clients find Cloud Storage.")
@click.option("--upstream", required=True, help="URL of fake-gcs-server, such as http://127.0.0.1:9024.")
@fault_options
def main(port: int, upstream: str, faults_file: Path | None, seed: int | None) -> None:
    """Enforce on the laptop what Cloud Storage guarantees, before an object store that does not."""
    app = proxy_app(upstream, f"{HOST}:{port}", injector_from(STORAGE, faults_file, seed))
    try:
        serve_app(app, HOST, port)
    except OSError as error:
        raise click.ClickException(f"The storage proxy cannot listen on {HOST}:{port}: {error.strerror}.") from error


if __name__ == "__main__":
    main()
