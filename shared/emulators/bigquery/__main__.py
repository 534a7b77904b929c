"""``python -m shared.emulators.bigquery``: the process of the BigQuery emulator."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click

from shared.emulators.bigquery.api.faults import WAREHOUSE
from shared.emulators.bigquery.start.lifecycle import Options, serve
from shared.emulators.errors import StartError
from shared.emulators.faults.control import fault_options, injector_from
from shared.emulators.loopback.sockets import socket_option
from shared.emulators.loopback.until_signal import run_until_signal


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), required=True, help="TCP port; 0 for any that is free.")
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of its data file."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address; its callers can read and change all.")
@click.option("--project", default="local", show_default=True, help="The only project that it serves.")
@click.option("--dataset", default="bucketlens", show_default=True, help="Created if it is missing.")
@click.option(
    "--schemas",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with the dataset's tables/*.json and views/*.sql.",
)
@socket_option
@fault_options
def main(
    port: int,
    descriptor: int | None,
    data: Path,
    host: str,
    project: str,
    dataset: str,
    schemas: Path | None,
    faults_file: Path | None,
    seed: int | None,
) -> None:
    """Serve a DuckDB file as BigQuery."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    # SQLGlot also raises what it logs about a statement, and the caller gets that error.
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    options = Options(
        data, project, dataset, schemas, host, port, injector_from(WAREHOUSE, faults_file, seed), descriptor
    )
    try:
        ended_in_order = run_until_signal(lambda stop: _serve(options, stop))
    except StartError as error:
        raise click.ClickException(f"Cannot start: {error}") from error
    if not ended_in_order:
        raise click.ClickException("The warehouse's file can no longer be written; check for a full disk.")


async def _serve(options: Options, stop: asyncio.Event) -> bool:
    about = f"project {options.project}, dataset {options.dataset}, data {options.data}"
    return await serve(options, stop, lambda url: click.echo(f"warehouse ready: {url} ({about})"))


if __name__ == "__main__":
    main()
