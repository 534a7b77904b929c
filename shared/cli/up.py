"""``bucketlens up``."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
import webbrowser
from dataclasses import dataclass
from pathlib import Path

import click
from click.core import ParameterSource

from shared.backlog.graceful_shutdown import interruptible, uninterrupted
from shared.bundles.resolve import with_absolute_paths
from shared.cli.model_path import bundle_of, model_path_option
from shared.cli.options import (
    bundles_option,
    checked_references,
    folder_option,
    refuse_without_locks,
    remarks,
    typed_folder,
    what_is_kept,
)
from shared.cli.terminal import say
from shared.cli.type_next import what_to_type_next
from shared.cli.up_options import checked_settings, listen_option, settings_option
from shared.local.cloud import Cloud, folder_lock, new_cloud, running_cloud, saved_cloud
from shared.local.held_ports import check_free
from shared.local.leftovers import end_leftovers
from shared.local.log_files import Tail
from shared.local.processes import FUNCTIONS
from shared.local.supervisor import START_TIMEOUT_S, PartFailed, Supervisor
from shared.settings import inherited_environment, own_models


@click.command("up", short_help="Start the local cloud.")
@folder_option
@bundles_option
@click.option("--detach", is_flag=True, help="Return when the cloud is ready; `bucketlens down` stops it.")
@click.option(
    "--duplicates", type=click.FloatRange(0, 1), default=0.0, help="The share of events to deliver twice.  [default: 0]"
)
@click.option(
    "--sweep-every",
    type=click.IntRange(0),
    default=60,
    show_default=True,
    help="Seconds between sweeps of uploads that no event has finished; 0 for none.",
)
@model_path_option
@click.option("--open", "is_opened", is_flag=True, help="Open the page in the browser when the cloud is ready.")
@listen_option
@settings_option
@click.pass_context
def command(
    context: click.Context,
    folder: Path,
    bundles: tuple[str, ...],
    detach: bool,
    duplicates: float,
    sweep_every: int,
    model_path: Path | None,
    is_opened: bool,
    listen: tuple[str, int] | None,
    settings: tuple[tuple[str, str], ...],
) -> None:
    """Start the local cloud: the object store, the event relay, the warehouse and the functions.

    Everything listens on 127.0.0.1; --listen changes that for the HTTPS function only. Ctrl-C or SIGTERM stops the
    cloud; its data is kept in the folder. A part that dies is started again. Without --detach the logs of the functions
    are shown; `bucketlens logs` has those of every part.

    \b
    Example:
      bucketlens up --open
      bucketlens up --detach --duplicates 0.2
      bucketlens up --bundle flowers_v1 --bundle chest_xray_v1
      MODEL_LABELS=normal,pneumonia MODEL_SCALING=0..1 bucketlens up --model-path pneumonia.h5
      bucketlens up --listen 0.0.0.0:8000 --set THREADS=2 --set STRIP_METADATA=true
      bucketlens up --bundle flowers=flowers_v1 --bundle flowers@canary=gs://bucketlens-models/flowers
    """
    refuse_without_locks()
    if model_path and context.get_parameter_source("bundles") is ParameterSource.DEFAULT:
        bundles = (str(bundle_of(model_path, folder).resolve()),)
    options = _UpOptions(
        folder,
        with_absolute_paths(checked_references(bundles), own_models()),
        duplicates,
        sweep_every,
        listen,
        checked_settings(settings),
    )
    _check_writable(folder)
    if not running_cloud(folder):
        _check_free(listen)
    if detach:
        sys.exit(_detached(options, is_opened))
    with folder_lock(folder) as is_ours:
        if not is_ours:
            raise click.UsageError(_already_runs(folder))
        sys.exit(_run(options, is_opened))


def _check_writable(folder: Path) -> None:
    """Refuse a folder that cannot be used, before anything is started."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        fault = f"The data folder {folder} cannot be used ({error.strerror}); give another one: --folder FOLDER"
        raise click.UsageError(fault) from error


def _check_free(listen: tuple[str, int] | None) -> None:
    """Refuse an address that is not available, before anything is started."""
    if listen:
        try:
            check_free(*listen)
        except OSError as error:
            raise click.UsageError(f"{error.strerror}.") from error


@dataclass(frozen=True)
class _UpOptions:
    """The options of a call of ``bucketlens up``."""

    folder: Path
    bundle: str
    duplicates: float
    sweep_every: int
    listen: tuple[str, int] | None
    settings: dict[str, str]

    def arguments(self) -> list[str]:
        """Return the arguments for another process."""
        settings = (f"{name}={value}" for name, value in self.settings.items())
        return [
            *("--folder", str(self.folder.resolve())),
            *(argument for reference in self.bundle.split(",") for argument in ("--bundle", reference)),
            *("--duplicates", str(self.duplicates), "--sweep-every", str(self.sweep_every)),
            *(("--listen", f"{self.listen[0]}:{self.listen[1]}") if self.listen else ()),
            *(argument for setting in settings for argument in ("--set", setting)),
        ]


def _already_runs(folder: Path) -> str:
    cloud = saved_cloud(folder)
    where = f", process {cloud.pid}" if cloud and cloud.pid else ""
    option = typed_folder(folder)
    return (
        f"A local cloud already runs in {folder}{where}; `bucketlens status{option}` shows it, "
        f"`bucketlens down{option}` stops it."
    )


def _run(options: _UpOptions, is_opened: bool) -> int:
    """Start the cloud and watch it until a signal comes; return the exit code."""
    if (before := saved_cloud(options.folder)) and (left := end_leftovers(before)):
        remarks.print(f"Ended the processes that a killed `up` left: {', '.join(left)}.")
    cloud = new_cloud(options.folder, options.bundle, options.listen, options.settings)
    supervisor = Supervisor(cloud, remarks.print, options.duplicates, options.sweep_every)
    code = 0
    try:
        with interruptible():
            supervisor.start()
            _print_that_it_is_up(supervisor.cloud, is_opened)
            logs = [Tail(supervisor.cloud.log_file(name)) for name in FUNCTIONS]
            while True:
                supervisor.watch()
                for log in logs:
                    say(log.read_new(), nl=False)
                time.sleep(0.2)
    except KeyboardInterrupt:
        pass
    except PartFailed as failure:
        remarks.print(str(failure), style="red", markup=False)
        code = 1
    finally:
        supervisor.stop()
    say(what_is_kept(options.folder))
    return code


def _detached(options: _UpOptions, is_opened: bool) -> int:
    """Start ``up`` in its own session and wait until it is ready; return the exit code."""
    folder = options.folder
    if running_cloud(folder):
        raise click.UsageError(_already_runs(folder))
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    log_file = folder / "logs" / "up.log"
    process: subprocess.Popen[bytes] | None = None
    is_up = is_interrupted = False
    try:
        with interruptible():
            with uninterrupted():
                process = _in_the_background(options, log_file)
            is_up = _waits_until_ready(process, log_file)
    except KeyboardInterrupt:
        is_interrupted = True
    if not is_up:
        if process:
            process.terminate()
            process.wait()
        message = "Interrupted." if is_interrupted else log_file.read_text("utf-8", "replace")
        remarks.print(message, style="red", markup=False)
        return 130 if is_interrupted else 1
    cloud = running_cloud(folder)
    if cloud:
        _print_that_it_is_up(cloud, is_opened)
    return 0 if cloud else 1


def _print_that_it_is_up(cloud: Cloud, is_opened: bool) -> None:
    say(what_to_type_next(cloud))
    page = cloud.url("classify_request")
    if is_opened and not webbrowser.open(page):
        remarks.print(f"No browser could be opened; the page is at {page}", highlight=False)


def _in_the_background(options: _UpOptions, log_file: Path) -> subprocess.Popen[bytes]:
    log_file.unlink(missing_ok=True)
    with log_file.open("ab") as log:
        return subprocess.Popen(
            (sys.executable, "-m", "shared.cli", "up", *options.arguments()),
            env=inherited_environment({"PYTHONPATH": str(Path(__file__).parents[2])}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _waits_until_ready(process: subprocess.Popen[bytes], log_file: Path) -> bool:
    """Wait until the log of ``up`` reports that it is ready; return False if it ends before or takes too long."""
    deadline = time.monotonic() + START_TIMEOUT_S + 5
    while b"Type next:" not in log_file.read_bytes():
        if process.poll() is not None or time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
