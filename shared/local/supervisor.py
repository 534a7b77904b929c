"""Supervise the parts of a local cloud: start them, restart those that end, and stop only what was started here."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

from shared.backlog.graceful_shutdown import uninterrupted
from shared.local.buckets import create_buckets
from shared.local.children import answers, ending_of, kill_group, spawn
from shared.local.cloud import Cloud
from shared.local.held_ports import HeldPorts
from shared.local.log_files import last_lines, rotate
from shared.local.processes import Part, own_function, parts_of, sweep_command
from shared.local.releases.parts import FRONTS, ReleaseWatcher, renew_ports

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 10
LONGEST_PAUSE_S = 5.0
SWEEP_AGE_S = 30


class PartFailed(Exception):
    """A part ended or was not ready in time; the message ends with the last lines of its log."""


@dataclass
class _Running:
    part: Part
    process: subprocess.Popen[bytes]
    deaths: int = 0
    restart_at: float = 0.0


@dataclass(frozen=True)
class _Handover:
    front: Part
    """The front that gets the function's port when `up`'s own revision answers behind it."""
    old: subprocess.Popen[bytes]
    """The process that listens on the port until then."""


@dataclass
class Supervisor:
    """The parts of one cloud and the processes that run them.

    Args:
        cloud: ports and folder.
        say: receives one sentence for the user.
        duplicates: the share of events, 0 to 1, that the relay delivers twice.
        sweep_every_s: seconds between sweeps of uploads that no event finished; 0 for no sweeps.
        longest_pause_s: longest pause before a restart; each end of a part doubles its pause up to this.
        list_parts: returns the parts to start, by cloud and duplicates, in the order in which to stop them.
    """

    cloud: Cloud
    say: Callable[[str], None]
    duplicates: float = 0.0
    sweep_every_s: int = 60
    longest_pause_s: float = LONGEST_PAUSE_S
    list_parts: Callable[[Cloud, float], list[Part]] = parts_of
    _running: dict[str, _Running] = field(default_factory=dict)
    _ports: HeldPorts = field(default_factory=HeldPorts)
    _handovers: dict[str, _Handover] = field(default_factory=dict)
    """By function: the handover of its port to a front."""
    _releases: ReleaseWatcher | None = None
    _leaving: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _sweep: subprocess.Popen[bytes] | None = None
    _sweep_at: float = 0.0

    def start(self) -> None:
        """Start every part and wait until all are ready.

        Raises:
            PartFailed: a part is not ready, or another program has the port that the user chose. Parts that run are
                ended by ``stop``.
        """
        try:
            self._ports.take_all(self.cloud)
        except OSError as error:
            raise PartFailed(f"{error.strerror or error}.") from error
        renew_ports(self.cloud, self._ports.take)
        self._releases = ReleaseWatcher(self.cloud)
        parts = self.list_parts(self.cloud, self.duplicates)
        for part in reversed(parts):
            with uninterrupted():
                self._running[part.name] = _Running(part, self._spawn(part))
        self._save()
        for part in reversed(parts):
            self._wait_for(part)
            if part.name == "storage":
                create_buckets(self.cloud)
        self._start_released()
        self._sweep_at = time.monotonic() + self.sweep_every_s

    @property
    def processes(self) -> dict[str, subprocess.Popen[bytes]]:
        """The current process of each part, by the part's name."""
        return {name: running.process for name, running in self._running.items()}

    def watch(self) -> None:
        """Restart parts that ended, follow releases, rotate logs, and start a sweep when it is due."""
        with uninterrupted():  # a signal between start and registration would leave a process that nothing stops
            self._check()

    def _check(self) -> None:
        now = time.monotonic()
        self._follow_releases()
        self._complete_handovers()
        rotate(self.cloud.folder / "logs")
        for running in self._running.values():
            code = running.process.poll()
            if code is None:
                continue
            if not running.restart_at:
                kill_group(running.process.pid)  # its workers would keep running and keep its port
                running.deaths += 1
                pause = min(0.2 * 2**running.deaths, self.longest_pause_s)
                running.restart_at = now + pause
                self.say(f"{running.part.name} ended ({ending_of(code)}); starting it again in {pause:.1f} s")
            elif now >= running.restart_at:
                running.process, running.restart_at = self._spawn(running.part), 0.0
                self._save()
        if self.sweep_every_s and now >= self._sweep_at and (self._sweep is None or self._sweep.poll() is not None):
            self._sweep_at = now + self.sweep_every_s
            self._sweep = self._spawn_sweep()

    def stop(self) -> None:
        """End every part, callers first, so that a request in flight still reaches the services that it calls."""
        self._end([self._sweep] if self._sweep else [])
        self._end([*self._leaving, *(handover.old for handover in self._handovers.values())])
        called = ("storage", "warehouse")
        self._end([running.process for name, running in self._running.items() if name not in called])
        self._end([running.process for name, running in self._running.items() if name in called])
        self._ports.close()

    def _start_released(self) -> None:
        """Start the front and the revisions of an earlier release; only report a revision that cannot start."""
        change = self._releases.read_change() if self._releases else None
        for part in change.new if change else ():
            with uninterrupted():
                self._running[part.name] = _Running(part, self._spawn(part))
        self._save()
        for part in change.new if change else ():
            try:
                self._wait_for(part)
            except PartFailed as failure:
                self.say(str(failure))

    def _follow_releases(self) -> None:
        """Start the revisions that a release added and end those that it removed."""
        self._leaving = [process for process in self._leaving if process.poll() is None]
        change = self._releases.read_change() if self._releases else None
        if change is None:
            return
        for name in change.gone:
            process = self._running.pop(name).process
            process.terminate()
            self._leaving.append(process)
        for part in change.new:
            if part.name in FRONTS:
                self._begin_handover(part)
            else:
                self._running[part.name] = _Running(part, self._spawn(part))
        self._save()

    def _begin_handover(self, front: Part) -> None:
        """Start `up`'s own revision again behind the front; the old process serves until the new one is ready."""
        function = FRONTS[front.name]
        behind = own_function(self.cloud, function)
        self._handovers[function] = _Handover(front, self._running[function].process)
        self._running[function] = _Running(behind, self._spawn(behind))

    def _complete_handovers(self) -> None:
        """Start the front on each function's port when the revision behind it answers, and end the old process."""
        for function, handover in list(self._handovers.items()):
            if not answers(self._running[function].part.ready_url, timeout_s=0.3):
                continue
            self._running[handover.front.name] = _Running(handover.front, self._spawn(handover.front))
            handover.old.terminate()
            self._leaving.append(handover.old)
            del self._handovers[function]
            self._save()

    def _end(self, processes: list[subprocess.Popen[bytes]]) -> None:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                kill_group(process.pid)
                process.wait()

    def _spawn(self, part: Part) -> subprocess.Popen[bytes]:
        held = self._ports.socket_at(part.port)
        command = part.on_socket(held.fileno()) if held else part.command
        return spawn(command, part.environment, self.cloud, part.name, [held.fileno()] if held else [])

    def _spawn_sweep(self) -> subprocess.Popen[bytes]:
        command, environment = sweep_command(self.cloud, SWEEP_AGE_S)
        return spawn(command, environment, self.cloud, "classify_backlog")

    def _save(self) -> None:
        self.cloud.children.clear()
        for name, running in self._running.items():
            with contextlib.suppress(psutil.Error):
                self.cloud.children[name] = [running.process.pid, psutil.Process(running.process.pid).create_time()]
        self.cloud.save()

    def _wait_for(self, part: Part) -> None:
        running = self._running[part.name]
        give_up_at = time.monotonic() + START_TIMEOUT_S
        while not answers(part.ready_url):
            code = running.process.poll()
            if code is not None or time.monotonic() > give_up_at:
                ending = f"ended ({ending_of(code)})" if code is not None else f"was not ready in {START_TIMEOUT_S} s"
                raise PartFailed(f"{part.name} {ending}. The last lines of its log:\n{self._last_lines(part.name)}")
            time.sleep(0.05)

    def _last_lines(self, name: str) -> str:
        lines = [line for text in last_lines(self.cloud.log_file(name), 12) for line in text.splitlines()]
        return "\n".join(f"  {line}" for line in lines) or "  (nothing)"
