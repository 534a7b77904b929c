"""``python -m shared.emulators.eventarc``: the relay between the local object store and the upload function."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from shared.emulators.eventarc.delivery import Policy
from shared.emulators.eventarc.duplicates import LONGEST_DELAY_S, Duplicates
from shared.emulators.eventarc.queue import QueueUnusable
from shared.emulators.eventarc.relay import Options, run_relay
from shared.emulators.loopback.sockets import socket_option
from shared.emulators.loopback.until_signal import run_until_signal

PORT = click.IntRange(1, 65535)
SHARE = click.FloatRange(0, 1)
SECONDS = click.FloatRange(min=0)


@click.command()
@click.option("--port", type=PORT, required=True, help="TCP port of POST /events and GET /status.")
@click.option(
    "--queue", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The queue's SQLite file."
)
@click.option("--target", required=True, help="URL that receives the events.")
@click.option("--duplicates", type=SHARE, default=0.0, show_default=True, help="Share of events delivered twice.")
@click.option(
    "--together",
    type=SHARE,
    default=0.0,
    show_default=True,
    help="Share of events with two copies at the same instant.",
)
@click.option(
    "--delay",
    type=click.FloatRange(0, LONGEST_DELAY_S),
    default=0.0,
    show_default=True,
    help="Most seconds by which each delivery is randomly delayed.",
)
@click.option("--seed", type=int, help="Makes duplicates, delays and pauses the same on every run.")
@click.option(
    "--concurrency", type=click.IntRange(1, 1000), default=4, show_default=True, help="Most deliveries in parallel."
)
@click.option(
    "--first-pause", type=SECONDS, default=0.2, show_default=True, help="Most seconds before the first retry."
)
@click.option("--longest-pause", type=SECONDS, default=10.0, show_default=True, help="Most seconds before any retry.")
@click.option(
    "--give-up-after", type=SECONDS, default=86400.0, show_default=True, help="Seconds until an event is dropped."
)
@click.option("--timeout", type=SECONDS, default=60.0, show_default=True, help="Seconds until the target must answer.")
@socket_option
def main(
    port: int,
    descriptor: int | None,
    queue: Path,
    target: str,
    duplicates: float,
    together: float,
    delay: float,
    seed: int | None,
    concurrency: int,
    first_pause: float,
    longest_pause: float,
    give_up_after: float,
    timeout: float,
) -> None:
    """Deliver the object store's announcements to a function, as Eventarc does: at least once, with retries."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    policy = Policy(target, concurrency, first_pause, longest_pause, give_up_after, timeout)
    options = Options(port, descriptor, queue, policy, Duplicates(duplicates, together, delay), seed)
    try:
        run_until_signal(lambda stop: run_relay(options, stop))
    except OSError as error:
        raise click.ClickException(f"The relay cannot listen: {error.strerror or error}.") from error
    except QueueUnusable as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
