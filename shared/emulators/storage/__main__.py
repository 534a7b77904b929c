"""``python -m shared.emulators.storage``: the process of the object store."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from shared.emulators.errors import StartError
from shared.emulators.faults.control import fault_options, injector_from
from shared.emulators.loopback.listening import serve
from shared.emulators.loopback.sockets import socket_option
from shared.emulators.storage.app import STORAGE, store_app
from shared.emulators.storage.old_layout import migrate
from shared.emulators.storage.store import Store


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), required=True, help="TCP port of the object store.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of the objects.")
@click.option("--announce", help="The bucket whose finished uploads are announced.")
@click.option("--relay", help="URL of the relay that receives the announcements.")
@click.option(
    "--old-data", type=click.Path(file_okay=False, path_type=Path), help="Buckets of an earlier version, to migrate."
)
@socket_option
@fault_options
def main(
    port: int,
    descriptor: int | None,
    data: Path,
    announce: str | None,
    relay: str | None,
    old_data: Path | None,
    faults_file: Path | None,
    seed: int | None,
) -> None:
    """Store objects on this machine with the guarantees of Cloud Storage."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    injector = injector_from(STORAGE, faults_file, seed)
    try:
        store = Store(data, announce)
        if old_data:
            migrate(old_data, store)
    except StartError as error:
        raise click.ClickException(f"{error}.") from error
    serve(store_app(store, injector, relay), "object store", port, descriptor, auto_decompress=False)


if __name__ == "__main__":
    main()
