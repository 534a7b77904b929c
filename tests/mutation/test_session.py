"""What is known of mutants is kept: a run that was killed goes on where it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mutation.mutant import Mutant, difference
from tests.mutation.session import Session

PATH = "shared/box.py"


def mutant(number: int, path: str = PATH) -> Mutant:
    source = "\n" * number + f"n = {number}\n"
    return difference(path, "", "core/NumberReplacer", 0, source, source.replace(" = ", " = 1"))


FIRST, SECOND, THIRD = (mutant(number) for number in (1, 2, 3))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a folder that is not there" / "session.sqlite"


@pytest.fixture
def session(file: Path) -> Iterator[Session]:
    found = Session(file)
    found.make(PATH, "digest", None, [FIRST, SECOND, THIRD], 3)
    yield found
    found.close()


def waiting(session: Session, tests: str = "tests") -> list[Mutant]:
    return session.waiting([PATH], lambda _: tests)


def test_a_run_goes_on_where_another_was_killed(session: Session, file: Path) -> None:
    assert waiting(session) == [FIRST, SECOND, THIRD]
    session.save(SECOND, "noticed", "a test", 1.0, "tests")
    after_a_kill = Session(file)  # the first one was never closed
    assert waiting(after_a_kill) == [FIRST, THIRD]
    assert [(one.mutant, one.outcome, one.noticed_by) for one in after_a_kill.results([PATH])] == [
        (SECOND, "noticed", "a test")
    ]
    after_a_kill.close()


def test_a_survivor_waits_again_once_the_tests_of_its_line_change(session: Session) -> None:
    for one, outcome in ((FIRST, "survived"), (SECOND, "noticed"), (THIRD, "untested")):
        session.save(one, outcome, "", 1.0, "tests")
    assert waiting(session) == []
    assert waiting(session, "other tests") == [FIRST, THIRD]


def test_what_ran_out_of_time_is_noticed_and_does_not_wait_again(session: Session) -> None:
    session.save(FIRST, "timeout", "", 60.0, "tests")
    assert FIRST not in waiting(session, "other tests")


def test_a_file_that_changed_is_tested_from_the_start(session: Session) -> None:
    session.save(FIRST, "noticed", "a test", 1.0, "tests")
    assert session.is_made(PATH, "digest", None)
    assert not session.is_made(PATH, "another digest", None)
    session.make(PATH, "another digest", None, [FIRST], 1)
    assert waiting(session) == [FIRST]
    assert session.results([PATH]) == []


def test_a_larger_sample_keeps_what_is_known_of_the_smaller(session: Session) -> None:
    session.make(PATH, "digest", 1, [FIRST], 3)
    session.save(FIRST, "noticed", "a test", 1.0, "tests")
    assert not session.is_made(PATH, "digest", 2)
    session.make(PATH, "digest", 2, [FIRST, SECOND], 3)
    assert waiting(session) == [SECOND]
    assert session.totals([PATH]) == 3


def test_a_sample_larger_than_the_file_is_made_once(session: Session) -> None:
    session.make(PATH, "digest", 9, [FIRST, SECOND, THIRD], 3)
    assert session.is_made(PATH, "digest", 9)
    assert session.is_made(PATH, "digest", 20)


def test_a_smaller_sample_than_before_takes_nothing_away(session: Session) -> None:
    assert session.is_made(PATH, "digest", 1)
    session.make(PATH, "digest", 2, [FIRST, SECOND], 3)
    assert session.is_made(PATH, "digest", 1)
    assert not session.is_made(PATH, "digest", None)


def test_what_is_known_can_be_forgotten_for_some_files(session: Session) -> None:
    other = mutant(1, "shared/other.py")
    session.make(other.path, "digest", None, [other], 1)
    for one in (FIRST, other):
        session.save(one, "noticed", "a test", 1.0, "tests")
    session.forget([PATH])
    assert [one.mutant for one in session.results([PATH, other.path])] == [other]


def test_a_mutant_comes_back_as_it_was(session: Session) -> None:
    session.save(FIRST, "survived", "", 1.0, "tests")
    assert session.results([PATH])[0].mutant == FIRST
