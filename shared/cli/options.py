"""What several commands share: how they find the cloud, and where results and remarks go."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, NoReturn

import click

from shared.adapters.bigquery import BigQuery
from shared.adapters.gcs import CloudStorage
from shared.bundles.bundle import Bundle, load_bundle
from shared.bundles.data_folder import hidden_folder
from shared.bundles.model_index import ModelIndex
from shared.bundles.references import BundleReference, references_from
from shared.bundles.resolve import BundleSource
from shared.cli.bundle_names import folder_of
from shared.cli.console import TerminalConsole
from shared.errors import InvalidBundle, Misconfigured
from shared.local.cloud import DATASET, PROJECT, UPLOAD_BUCKET, Cloud, running_cloud
from shared.local.running import folders_in_use
from shared.settings import DEFAULT_BUNDLE, own_models

DEADLINE_S = 60

console = TerminalConsole()
"""For results: stdout."""

remarks = TerminalConsole(stderr=True)
"""For progress and remarks: stderr, so that output can be piped."""


def default_folder() -> Path:
    """Return where the local cloud keeps its data unless told otherwise.

    The same wherever one stands, but for a ``.bucketlens`` of an earlier cloud, here or above.
    """
    return hidden_folder(Path.cwd()) or own_models().parent


def typed_folder(folder: Path) -> str:
    """Return what has to be typed behind a command that is to find a folder; nothing for the default one."""
    return "" if folder.resolve() == default_folder().resolve() else f" --folder {folder.resolve()}"


def what_is_kept(folder: Path) -> str:
    """Say, once a cloud has stopped, that nothing is lost and how to go on."""
    return f"Stopped. Pictures and rows are kept in {folder.resolve()}; go on with: bucketlens up{typed_folder(folder)}"


folder_option = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=default_folder,
    envvar="BUCKETLENS_FOLDER",
    help="Where the local cloud keeps its data.  [default: a .bucketlens with a cloud, here or above; else a folder of "
    "yours, the same wherever you stand]",
)

bundles_option = click.option(
    "--bundle",
    "bundles",
    multiple=True,
    default=(DEFAULT_BUNDLE,),
    show_default=True,
    help="The model: a bundle of `bundle list`, a folder or gs://…, also as NAME=… or NAME@canary=…  Repeated, several "
    "are served; the first is the default.",
)
bundle_option = click.option(
    "--bundle", default=DEFAULT_BUNDLE, show_default=True, help="The model: a bundle of `bundle list`, or a folder."
)


@dataclass(frozen=True)
class Places:
    """A deployment, seen from the command line: its bucket for uploads and its warehouse."""

    project: str
    dataset: str
    cloud: Cloud | None
    """The local cloud, or None for Google's."""

    @cached_property
    def store(self) -> CloudStorage:
        """The object store; the client is made on first use."""
        return CloudStorage(self.project, DEADLINE_S, endpoint=self.cloud.url("storage") if self.cloud else None)

    @cached_property
    def warehouse(self) -> BigQuery:
        """The warehouse; the client is made on first use."""
        endpoint = self.cloud.url("warehouse") if self.cloud else None
        return BigQuery(self.project, self.dataset, DEADLINE_S, endpoint=endpoint)

    @property
    def upload_bucket(self) -> str | None:
        """The local cloud's; a deployment in Google's cloud has a name of its own."""
        return UPLOAD_BUCKET if self.cloud else None


def places_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add --folder, --project and --dataset to a command, and hand them to it as ``places``."""

    @wraps(command)
    def with_places(folder: Path, project: str | None, dataset: str, **options: Any) -> None:
        places = Places(project, dataset, None) if project else Places(PROJECT, DATASET, required_cloud(folder))
        command(places=places, **options)

    project = click.option("--project", help="A Google Cloud project, instead of the local cloud.")
    dataset = click.option("--dataset", default=DATASET, show_default=True, help="Its BigQuery dataset.")
    return folder_option(project(dataset(with_places)))


def refuse_without_locks() -> None:
    """Refuse to start a local cloud where files cannot be locked for the life of a process, as on Windows.

    Raises:
        click.UsageError: that is so.
    """
    if importlib.util.find_spec("fcntl") is None:
        raise click.UsageError("The local cloud needs Linux, macOS or WSL (https://learn.microsoft.com/windows/wsl).")


def checked_places(bundles: Iterable[str]) -> tuple[BundleReference, ...]:
    """Parse what is to be served, and read whole what does not lie in a bucket.

    Raises:
        click.UsageError: it cannot be served; every fault is named.
    """
    try:
        places = references_from(",".join(bundles))
    except ValueError as error:
        raise click.UsageError(f"--bundle is {', '.join(bundles)}, expected {error}.") from error
    here = [place for place in places if not place.is_in_a_bucket]
    for place in here:
        folder_of(place.location)
    if len(here) == len(places):
        checked_index(places)
    for place in here:
        checked_index([BundleReference(place.location)])
    return places


def checked_index(places: Iterable[BundleReference]) -> ModelIndex:
    """Read the bundles at places of this machine whole.

    Raises:
        click.UsageError: they cannot be served, or are in a bucket; every fault is named.
    """
    try:
        return BundleSource(_no_store, 0, own_models()).index(places)
    except Misconfigured as error:
        raise click.UsageError(str(error)) from error


def checked_bundle(name: str) -> Bundle:
    """Read a bundle whole.

    Raises:
        click.UsageError: it cannot be used; every fault is named.
    """
    try:
        return load_bundle(folder_of(name))
    except InvalidBundle as error:
        raise click.UsageError(str(error)) from error


def required_cloud(folder: Path) -> Cloud:
    """Return the cloud that runs in a folder.

    Raises:
        click.UsageError: none does.
    """
    cloud = running_cloud(folder)
    if cloud is None:
        raise click.UsageError(none_runs(folder))
    return cloud


def none_runs(folder: Path) -> str:
    """Say that no local cloud runs in a folder, how to start one, and where some do."""
    start = f"start one with: bucketlens up --detach{typed_folder(folder)}"
    return f"No local cloud runs in {folder}; {start}{clouds_elsewhere()}"


def clouds_elsewhere() -> str:
    """Say where local clouds run, a line each; empty where none does."""
    return "".join(f"\nOne runs in {other}: add --folder {other}" for other in folders_in_use())


def _no_store() -> NoReturn:
    raise click.UsageError("A bundle is named by gs://…, expected one that ships here, or a folder.")
