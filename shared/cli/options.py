"""Options that several commands share: the local cloud, the deployment, bundles; and the two consoles."""

from __future__ import annotations

import importlib.util
import sys
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
from shared.errors import InvalidBundle, Misconfigured, Transient
from shared.local.cloud import DATASET, PROJECT, UPLOAD_BUCKET, Cloud, running_cloud
from shared.local.running import folders_in_use
from shared.settings import DEFAULT_BUNDLE, own_models

DEADLINE_S = 60

UNREACHABLE = 4
"""The exit code if the platform or the warehouse did not answer."""

console = TerminalConsole()
"""The console for results: stdout."""

remarks = TerminalConsole(stderr=True)
"""The console for progress and remarks: stderr, so that results can be piped."""


def default_folder() -> Path:
    """Return the default folder for the data of the local cloud.

    It does not depend on the working directory, except for an earlier cloud's ``.bucketlens`` in it or above it.
    """
    return hidden_folder(Path.cwd()) or own_models().parent


def typed_folder(folder: Path) -> str:
    """Return the option that a command needs to find a folder; empty for the default one."""
    return "" if folder.resolve() == default_folder().resolve() else f" --folder {folder.resolve()}"


def what_is_kept(folder: Path) -> str:
    """Return the message after a local cloud has stopped."""
    start = f"bucketlens up{typed_folder(folder)}"
    return f"Stopped. Pictures and rows are kept in {folder.resolve()}; start again with: {start}"


folder_option = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=default_folder,
    envvar="BUCKETLENS_FOLDER",
    help="The folder with the data of the local cloud.  [default: a .bucketlens in this folder or above, if "
    "it has a cloud; else a folder in your home]",
)

bundles_option = click.option(
    "--bundle",
    "bundles",
    multiple=True,
    default=(DEFAULT_BUNDLE,),
    show_default=True,
    help="The model: a bundle of `bundle list`, a folder or gs://…, also as NAME=… or NAME@canary=…  Repeat it for "
    "several models; the first is the default.",
)
bundle_option = click.option(
    "--bundle", default=DEFAULT_BUNDLE, show_default=True, help="The model: a bundle of `bundle list`, or a folder."
)


@dataclass(frozen=True)
class Deployment:
    """A deployment as the command line uses it: its object store and its warehouse."""

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

    @cached_property
    def bundles(self) -> BundleSource:
        """The source of bundles: in its buckets, the user's own, and those that ship."""
        from shared.local.releases.platform import LARGEST_BYTES  # most commands read no bundle

        return BundleSource(lambda: self.store, LARGEST_BYTES, own_models())

    @property
    def upload_bucket(self) -> str | None:
        """The upload bucket of the local cloud; None for a deployment on Google Cloud, which has its own name."""
        return UPLOAD_BUCKET if self.cloud else None


def deployment_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add --folder, --project and --dataset to a command, which receives them as ``deployment``."""

    @wraps(command)
    def with_deployment(folder: Path, project: str | None, dataset: str, **options: Any) -> None:
        deployment = (
            Deployment(project, dataset, None) if project else Deployment(PROJECT, DATASET, required_cloud(folder))
        )
        command(deployment=deployment, **options)

    project = click.option("--project", help="Use this Google Cloud project instead of the local cloud.")
    dataset = click.option("--dataset", default=DATASET, show_default=True, help="The BigQuery dataset of the project.")
    return folder_option(project(dataset(with_deployment)))


def exit_unreachable(error: Transient) -> NoReturn:
    """Print that something did not answer, and exit with ``UNREACHABLE``."""
    remarks.print(str(error), style="red", markup=False, soft_wrap=True)
    sys.exit(UNREACHABLE)


def refuse_without_locks() -> None:
    """Refuse to start a local cloud on a system without file locks, such as Windows.

    Raises:
        click.UsageError: the system has no file locks.
    """
    if importlib.util.find_spec("fcntl") is None:
        raise click.UsageError("The local cloud needs Linux, macOS or WSL (https://learn.microsoft.com/windows/wsl).")


def checked_references(bundles: Iterable[str]) -> tuple[BundleReference, ...]:
    """Parse the bundles to serve, and validate those that are not in a bucket.

    Raises:
        click.UsageError: a bundle cannot be served; every fault is named.
    """
    try:
        references = references_from(",".join(bundles))
    except ValueError as error:
        raise click.UsageError(f"--bundle is {', '.join(bundles)}, expected {error}.") from error
    local = [reference for reference in references if not reference.is_in_a_bucket]
    for reference in local:
        folder_of(reference.location)
    if len(local) == len(references):
        checked_index(references)
    for reference in local:
        checked_index([BundleReference(reference.location)])
    return references


def checked_index(references: Iterable[BundleReference]) -> ModelIndex:
    """Validate bundles of this machine and return their index.

    Raises:
        click.UsageError: they cannot be served, or are in a bucket; every fault is named.
    """
    try:
        return BundleSource(_no_store, 0, own_models()).index(references)
    except Misconfigured as error:
        raise click.UsageError(str(error)) from error


def checked_bundle(name: str) -> Bundle:
    """Validate a bundle and return it.

    Raises:
        click.UsageError: the bundle is invalid; every fault is named.
    """
    try:
        return load_bundle(folder_of(name))
    except InvalidBundle as error:
        raise click.UsageError(str(error)) from error


def required_cloud(folder: Path) -> Cloud:
    """Return the cloud that runs in a folder.

    Raises:
        click.UsageError: no local cloud runs in the folder.
    """
    cloud = running_cloud(folder)
    if cloud is None:
        raise click.UsageError(none_runs(folder))
    return cloud


def none_runs(folder: Path) -> str:
    """Return the message that no local cloud runs in a folder, with where others run."""
    start = f"start one with: bucketlens up --detach{typed_folder(folder)}"
    return f"No local cloud runs in {folder}; {start}{clouds_elsewhere()}"


def clouds_elsewhere() -> str:
    """Return a line for each running local cloud; empty if none runs."""
    return "".join(f"\nA local cloud runs in {other}: add --folder {other}" for other in folders_in_use())


def _no_store() -> NoReturn:
    raise click.UsageError("A bundle is given as gs://…, expected a shipped bundle or a folder.")
