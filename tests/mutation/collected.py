"""A process that has collected the tests, with the project imported, and runs some of them on mutant after mutant."""

from __future__ import annotations

import json
import os
import resource
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import pytest
from coverage import Coverage

from tests.mutation.choice import statement_at
from tests.mutation.forks import CRASHED, forked
from tests.mutation.in_place import NotInPlace, replace_functions


@dataclass(frozen=True, slots=True)
class Question:
    """A mutant, whose text is in its file already, and the tests to run on it."""

    path: str
    line: int
    source: str
    """The file's text without the mutant."""
    mutated: str
    tests: list[str]
    limit_s: float


class Collected:
    """The process, a fork of this one; it is ready when it is made.

    Args:
        root: a copy of the project.
        files: the test files that it collects.
        run: runs pytest with arguments and plugins more.
        memory_bytes: what the tests of a mutant may take.
    """

    def __init__(
        self, root: Path, files: list[str], run: Callable[[list[str], list[object]], int], memory_bytes: int
    ) -> None:
        questions, answers = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(questions[1])
                os.close(answers[0])
                with os.fdopen(questions[0]) as asked, os.fdopen(answers[1], "w") as said:
                    run(["--continue-on-collection-errors", *files], [_Loop(root, asked, said, memory_bytes)])
            except BaseException:
                traceback.print_exc()  # into the worker's log
            finally:
                os._exit(CRASHED)
        os.close(questions[0])
        os.close(answers[1])
        self._ask, self._said = os.fdopen(questions[1], "w"), os.fdopen(answers[0])
        self._said.readline()  # it has imported the project: from now on, files may hold a mutant

    def status(self, question: Question) -> tuple[bool, int | None]:
        """Return whether the mutant could be put in place, and the exit status of its tests: None for too long.

        0 stands for passed and 1 for failed.
        """
        try:
            self._ask.write(json.dumps(asdict(question)) + "\n")
            self._ask.flush()
            answer = self._said.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            return False, None  # it could not collect, say why in its log, and ended
        found: Mapping[str, Any] = json.loads(answer)
        return found["in_place"], found["status"]


class _Loop:
    """A plugin of pytest's that waits for questions in place of running all tests."""

    def __init__(self, root: Path, asked: IO[str], said: IO[str], memory_bytes: int) -> None:
        self._root, self._asked, self._said, self._memory_bytes = root, asked, said, memory_bytes
        self._coverage = Coverage(data_file=None, include=[f"{root}/shared/*"], config_file=False)
        self._coverage.start()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Answer until there are no more questions."""
        self._coverage.stop()
        ran = self._coverage.get_data()
        items = {item.nodeid: item for item in session.items}
        self._say({"ready": len(items)})
        for line in self._asked:
            question = Question(**json.loads(line))
            lines = ran.lines(str(self._root / question.path)) or ()
            answer: dict[str, Any] = {"in_place": False, "status": None}
            if all(test in items for test in question.tests) and _is_yet_to_run(question, lines):
                answer = self._answer(session, [items[test] for test in question.tests], question)
            self._say(answer)
        return True

    def _say(self, answer: Mapping[str, Any]) -> None:
        self._said.write(json.dumps(answer) + "\n")
        self._said.flush()

    def _answer(self, session: pytest.Session, items: list[pytest.Item], question: Question) -> dict[str, Any]:
        not_in_place = 99

        def work() -> int:
            try:
                if question.path.endswith(".py"):
                    replace_functions(self._root / question.path, question.source, question.mutated)
            except NotInPlace:
                return not_in_place
            resource.setrlimit(resource.RLIMIT_AS, (self._memory_bytes, self._memory_bytes))
            return _run(session, items)

        status = forked(work, question.limit_s)
        return {"in_place": status != not_in_place, "status": status}


def _is_yet_to_run(question: Question, lines: Iterable[int]) -> bool:
    """Whether the mutant has no part in what was imported and collected; a view is read by each test that asks it."""
    if not question.path.endswith(".py"):
        return True
    at = statement_at(question.source, question.line)
    return at is not None and at not in {statement_at(question.source, line) for line in lines}


def _run(session: pytest.Session, items: list[pytest.Item]) -> int:
    session.testsfailed, session.shouldfail, session.shouldstop = 0, False, False
    for item, following in zip(items, [*items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed or session.shouldstop:
            with suppress(BaseException):
                session._setupstate.teardown_exact(None)
            return 1
    return 0
