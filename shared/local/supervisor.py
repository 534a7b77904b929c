"""Starts the parts of a local cloud, starts again what dies, and stops what it started and nothing else."""

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
from shared.local.releases.parts import FRONTS, Follower, renew

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 10
LONGEST_PAUSE_S = 5.0
SWEEP_AGE_S = 30


class PartFailed(Exception):
    """A part ended, or was not ready in time; the message ends with the last lines of its log."""


@dataclass
class _Running:
    part: Part
    process: subprocess.Popen[bytes]
    deaths: int = 0
    again_at: float = 0.0


@dataclass(frozen=True)
class _Handover:
    front: Part
    """Takes a function's port once `up`'s own revision answers behind it."""
    old: subprocess.Popen[bytes]
    """Has the port until then."""


@dataclass
class Supervisor:
    """The parts of one cloud and the processes that run them.

    Args:
        cloud: ports and folder.
        say: takes a sentence for the person who watches.
        duplicates: the share of events that the relay delivers twice.
        sweep_every_s: how often uploads that no event finished are swept; 0 for never.
        longest_pause_s: the longest that a part stays dead; each death of a part doubles its pause up to that.
        list_parts: says what to start, by cloud and duplicates; in the order in which parts may be stopped.
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
    """By function: the front that will take its port."""
    _released: Follower | None = None
    _leaving: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _sweep: subprocess.Popen[bytes] | None = None
    _sweep_at: float = 0.0

    def start(self) -> None:
        """Start every part and wait until all are ready.

        Raises:
            PartFailed: one is not, or another program has the port that was asked for; those that run are left to
                ``stop``.
        """
        try:
            self._ports.take_all(self.cloud)
        except OSError as error:
            raise PartFailed(f"{error.strerror or error}.") from error
        renew(self.cloud, self._ports.take)
        self._released = Follower(self.cloud)
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
        """The process that runs each part now, by the part's name."""
        return {name: running.process for name, running in self._running.items()}

    def watch(self) -> None:
        """Look once: start again what has died, and sweep when it is time."""
        with uninterrupted():  # what is started is noted, and so it is also stopped
            self._look()

    def _look(self) -> None:
        now = time.monotonic()
        self._follow_releases()
        self._hand_over()
        rotate(self.cloud.folder / "logs")
        for running in self._running.values():
            code = running.process.poll()
            if code is None:
                continue
            if not running.again_at:
                kill_group(running.process.pid)  # workers of its own, which would go on and hold its port
                running.deaths += 1
                pause = min(0.2 * 2**running.deaths, self.longest_pause_s)
                running.again_at = now + pause
                self.say(f"{running.part.name} ended ({ending_of(code)}); starting it again in {pause:.1f} s")
            elif now >= running.again_at:
                running.process, running.again_at = self._spawn(running.part), 0.0
                self._save()
        if self.sweep_every_s and now >= self._sweep_at and (self._sweep is None or self._sweep.poll() is not None):
            self._sweep_at = now + self.sweep_every_s
            self._sweep = self._spawn_sweep()

    def stop(self) -> None:
        """End every part, callers first, so that nothing in flight loses what it calls."""
        self._end([self._sweep] if self._sweep else [])
        self._end([*self._leaving, *(handover.old for handover in self._handovers.values())])
        called = ("storage", "warehouse")
        self._end([running.process for name, running in self._running.items() if name not in called])
        self._end([running.process for name, running in self._running.items() if name in called])
        self._ports.close()

    def _start_released(self) -> None:
        """Start what an earlier release left, the front among it; a revision that cannot start is told, no more."""
        wanted = self._released.news() if self._released else None
        for part in wanted.new if wanted else ():
            with uninterrupted():
                self._running[part.name] = _Running(part, self._spawn(part))
        self._save()
        for part in wanted.new if wanted else ():
            try:
                self._wait_for(part)
            except PartFailed as failure:
                self.say(str(failure))

    def _follow_releases(self) -> None:
        """Start the revisions that a release wants, and send away those that it no longer does."""
        self._leaving = [process for process in self._leaving if process.poll() is None]
        wanted = self._released.news() if self._released else None
        if wanted is None:
            return
        for name in wanted.gone:
            process = self._running.pop(name).process
            process.terminate()
            self._leaving.append(process)
        for part in wanted.new:
            if part.name in FRONTS:
                self._make_way(part)
            else:
                self._running[part.name] = _Running(part, self._spawn(part))
        self._save()

    def _make_way(self, front: Part) -> None:
        """Begin to move `up`'s own revision behind the front. It answers where it is until its successor can."""
        function = FRONTS[front.name]
        behind = own_function(self.cloud, function)
        self._handovers[function] = _Handover(front, self._running[function].process)
        self._running[function] = _Running(behind, self._spawn(behind))

    def _hand_over(self) -> None:
        """Give each function's port to its front, once the revision behind it answers."""
        for function, handover in list(self._handovers.items()):
            if not answers(self._running[function].part.ready_url, patience_s=0.3):
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
                raise PartFailed(f"{part.name} {ending}. Its log says:\n{self._last_lines(part.name)}")
            time.sleep(0.05)

    def _last_lines(self, name: str) -> str:
        lines = last_lines(self.cloud.log_file(name), 12)
        return "\n".join(f"  {line}" for line in lines) or "  (nothing)"
