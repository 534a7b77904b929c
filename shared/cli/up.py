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
    checked_places,
    folder_option,
    refuse_without_locks,
    remarks,
    typed_folder,
    what_is_kept,
)
from shared.cli.terminal import say
from shared.cli.type_next import what_to_type_next
from shared.cli.up_options import checked_settings, listen_option, settings_option
from shared.local.cloud import Cloud, new_cloud, running_cloud, saved_cloud, sole_use
from shared.local.held_ports import check_free
from shared.local.leftovers import end_leftovers
from shared.local.log_files import Tail
from shared.local.processes import FUNCTIONS
from shared.local.supervisor import START_TIMEOUT_S, PartFailed, Supervisor
from shared.settings import inherited_environment, own_models


@click.command("up", short_help="Start the local cloud.")
@folder_option
@bundles_option
@click.option("--detach", is_flag=True, help="Return once it is ready; `bucketlens down` stops it.")
@click.option(
    "--duplicates", type=click.FloatRange(0, 1), default=0.0, help="Share of events to deliver twice.  [default: 0]"
)
@click.option(
    "--sweep-every",
    type=click.IntRange(0),
    default=60,
    show_default=True,
    help="Seconds between sweeps over uploads that no event finished; 0 for never.",
)
@model_path_option
@click.option("--open", "is_opened", is_flag=True, help="Open the page in the browser once it is ready.")
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
    """Start the object store, the event relay, the warehouse and the functions, all on 127.0.0.1 unless told otherwise.

    Ctrl-C or SIGTERM stops what was started; the data stays in the folder. What dies is started again. Without --detach
    the logs of the functions are shown; `bucketlens logs` has those of every part.

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
    wanted = _Wanted(
        folder,
        with_absolute_paths(checked_places(bundles), own_models()),
        duplicates,
        sweep_every,
        listen,
        checked_settings(settings),
    )
    _check_writable(folder)
    if not running_cloud(folder):
        _check_free(listen)
    if detach:
        sys.exit(_detached(wanted, is_opened))
    with sole_use(folder) as is_ours:
        if not is_ours:
            raise click.UsageError(_already_runs(folder))
        sys.exit(_run(wanted, is_opened))


def _check_writable(folder: Path) -> None:
    """Refuse a folder that cannot be had, before anything is started."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        fault = f"The data folder {folder} cannot be used ({error.strerror}); name another one: --folder FOLDER"
        raise click.UsageError(fault) from error


def _check_free(listen: tuple[str, int] | None) -> None:
    """Refuse an address that nobody can have, before anything is started."""
    if listen:
        try:
            check_free(*listen)
        except OSError as error:
            raise click.UsageError(f"{error.strerror}.") from error


@dataclass(frozen=True)
class _Wanted:
    """What was typed."""

    folder: Path
    bundle: str
    duplicates: float
    sweep_every: int
    listen: tuple[str, int] | None
    settings: dict[str, str]

    def arguments(self) -> list[str]:
        """Return how it would be typed for another process."""
        settings = (f"{name}={value}" for name, value in self.settings.items())
        return [
            *("--folder", str(self.folder.resolve())),
            *(argument for place in self.bundle.split(",") for argument in ("--bundle", place)),
            *("--duplicates", str(self.duplicates), "--sweep-every", str(self.sweep_every)),
            *(("--listen", f"{self.listen[0]}:{self.listen[1]}") if self.listen else ()),
            *(argument for setting in settings for argument in ("--set", setting)),
        ]


def _already_runs(folder: Path) -> str:
    cloud = saved_cloud(folder)
    where = f", process {cloud.pid}" if cloud and cloud.pid else ""
    here = typed_folder(folder)
    return (
        f"A local cloud runs in {folder} already{where}; `bucketlens status{here}` shows it, "
        f"`bucketlens down{here}` stops it."
    )


def _run(wanted: _Wanted, is_opened: bool) -> int:
    """Start and watch until a signal comes. Returns the exit code."""
    if (before := saved_cloud(wanted.folder)) and (left := end_leftovers(before)):
        remarks.print(f"Ended what a killed `up` had left running: {', '.join(left)}.")
    cloud = new_cloud(wanted.folder, wanted.bundle, wanted.listen, wanted.settings)
    supervisor = Supervisor(cloud, remarks.print, wanted.duplicates, wanted.sweep_every)
    code = 0
    try:
        with interruptible():
            supervisor.start()
            _say_that_it_is_up(supervisor.cloud, is_opened)
            logs = [Tail(supervisor.cloud.log_file(name)) for name in FUNCTIONS]
            while True:
                supervisor.watch()
                for log in logs:
                    say(log.news(), nl=False)
                time.sleep(0.2)
    except KeyboardInterrupt:
        pass
    except PartFailed as failure:
        remarks.print(str(failure), style="red", markup=False)
        code = 1
    finally:
        supervisor.stop()
    say(what_is_kept(wanted.folder))
    return code


def _detached(wanted: _Wanted, is_opened: bool) -> int:
    """Start ``up`` in a session of its own and wait until it is ready. Returns the exit code."""
    folder = wanted.folder
    if running_cloud(folder):
        raise click.UsageError(_already_runs(folder))
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    log_file = folder / "logs" / "up.log"
    process: subprocess.Popen[bytes] | None = None
    is_up = is_interrupted = False
    try:
        with interruptible():
            with uninterrupted():
                process = _in_the_background(wanted, log_file)
            is_up = _comes_up(process, log_file)
    except KeyboardInterrupt:
        is_interrupted = True
    if not is_up:
        if process:
            process.terminate()
            process.wait()
        said = "Interrupted." if is_interrupted else log_file.read_text("utf-8", "replace")
        remarks.print(said, style="red", markup=False)
        return 130 if is_interrupted else 1
    cloud = running_cloud(folder)
    if cloud:
        _say_that_it_is_up(cloud, is_opened)
    return 0 if cloud else 1


def _say_that_it_is_up(cloud: Cloud, is_opened: bool) -> None:
    say(what_to_type_next(cloud))
    page = cloud.url("classify_request")
    if is_opened and not webbrowser.open(page):
        remarks.print(f"There is no browser to open here; the page is at {page}", highlight=False)


def _in_the_background(wanted: _Wanted, log_file: Path) -> subprocess.Popen[bytes]:
    log_file.unlink(missing_ok=True)
    with log_file.open("ab") as log:
        return subprocess.Popen(
            (sys.executable, "-m", "shared.cli", "up", *wanted.arguments()),
            env=inherited_environment({"PYTHONPATH": str(Path(__file__).parents[2])}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _comes_up(process: subprocess.Popen[bytes], log_file: Path) -> bool:
    """Wait until ``up`` says in its log that it is ready; False if it ends before or takes too long."""
    give_up_at = time.monotonic() + START_TIMEOUT_S + 5
    while b"Type next:" not in log_file.read_bytes():
        if process.poll() is not None or time.monotonic() > give_up_at:
            return False
        time.sleep(0.05)
    return True
