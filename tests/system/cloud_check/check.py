"""Run steps, and undo what they made in every case: a fault, a step that hangs, Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.system.cloud_check.shell import Ended, Shell
from tests.system.cloud_check.steps import Step
from tests.system.cloud_check.transcript import Entry, Transcript

UNDO_MINUTES = 30.0
UNDO_ATTEMPTS = 2
"""A destroy may have to wait until Google has released a resource; the same command again then continues."""


@dataclass
class Check:
    """A run of the check.

    Attributes:
        shell: runs commands.
        transcript: gets an entry after each step.
        say: takes a line for the person who waits.
    """

    shell: Shell
    transcript: Transcript
    say: Callable[[str], None]
    is_interrupted: bool = field(default=False, init=False)
    is_tearing_down: bool = field(default=False, init=False)

    def interrupt(self) -> None:
        """Stop the step that runs, and begin to tear down; a teardown or an ending step is not interrupted again.

        A second signal would have Terraform exit immediately, without writing its state.
        """
        if self.is_tearing_down or self.is_interrupted:
            self.say("Tearing down; what was made would cost money if this were cut short.")
            return
        self.is_interrupted = True
        self.shell.interrupt()

    def run(self, steps: Sequence[Step]) -> bool:
        """Run steps until one fails, then undo; return whether all of it passed, undoing included."""
        begun: list[Step] = []
        is_well = True
        try:
            for step in steps:
                if self.is_interrupted:
                    break
                self.say(f"{step.name} …")
                entry = self._carried_out(step)
                self.transcript.entries.append(entry)
                is_well = not entry.fault
                if is_well or step.is_undone_if_failed:
                    begun.append(step)
                if not is_well:
                    self.say(f"{step.name} failed: {entry.fault}")
                    break
        finally:
            self.is_tearing_down = True
            is_gone = self._undo(begun)
        return is_well and is_gone and not self.is_interrupted

    def _carried_out(self, step: Step) -> Entry:
        began, give_up_at = time.monotonic(), time.monotonic() + 60 * step.minutes
        while True:
            outputs, fault = [], ""
            for line in step.commands:
                ended = self.shell.run(line, max(1.0, give_up_at - time.monotonic()))
                outputs.append(ended.output)
                fault = self._fault(ended, step.exit_codes, step.minutes)
                if fault:
                    break
            output = "\n".join(outputs)
            if step.until is None or step.until.search(output) or self.is_interrupted:
                break
            fault = fault or f"its output never had {step.until.pattern}"
            if time.monotonic() + step.every_s >= give_up_at:
                break
            time.sleep(step.every_s)
            if self.is_interrupted:
                fault = "it was interrupted"
                break
        return Entry(step.name, step.commands, output, time.monotonic() - began, fault, step.proves)

    def _fault(self, ended: Ended, exit_codes: tuple[int, ...], minutes: float) -> str:
        if self.is_interrupted:
            return "it was interrupted"
        if ended.is_too_late:
            return f"it took longer than {minutes:g} minutes"
        return "" if ended.exit_code in exit_codes else f"exit code {ended.exit_code}"

    def _undo(self, begun: Sequence[Step]) -> bool:
        """Undo steps, last first. Where a step cannot be undone, earlier ones stay: the state lists what is left."""
        undone: set[str] = set()
        for step in reversed(begun):
            if step.makes in undone or not step.undo:
                continue
            undone |= {step.makes} if step.makes else set()
            self.say(f"undo: {step.name} …")
            entries = [self._undone(step, line) for line in step.undo]
            self.transcript.entries += entries
            if entries[-1].fault:
                by_hand = "; ".join(step.undo)
                self.say(f"NOT undone: {step.name} ({entries[-1].fault}). It costs money; by hand: {by_hand}")
                return False
        return True

    def _undone(self, step: Step, line: str) -> Entry:
        began = time.monotonic()
        for _ in range(UNDO_ATTEMPTS):
            ended = self.shell.run(line, 60 * UNDO_MINUTES)
            if ended.exit_code == 0:
                break
        fault = "" if ended.exit_code == 0 else f"exit code {ended.exit_code}, {UNDO_ATTEMPTS} times"
        return Entry(f"undo: {step.name}", (line,), ended.output, time.monotonic() - began, fault)
