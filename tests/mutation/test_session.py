"""What is known of mutants is kept: a run that was killed goes on where it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutation.mutant import Mutant, difference
from tests.mutation.session import Session

PATH, TEST = "shared/box.py", "a test"
TRIED = [f"digest of {TEST}"]


def mutant(number: int, path: str = PATH) -> Mutant:
    source = "\n" * number + f"n = {number}\n"
    return difference(path, "", "core/NumberReplacer", "unit", number, source, source.replace(" = ", " = 1"))


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


def waiting(session: Session, *more: str) -> list[Mutant]:
    return [
        one.mutant for one in session.waiting([PATH], lambda _: {test: f"digest of {test}" for test in (TEST, *more)})
    ]


def test_a_run_goes_on_where_another_was_killed(session: Session, file: Path) -> None:
    assert waiting(session) == [FIRST, SECOND, THIRD]
    session.save(SECOND, "noticed", "a test", 1.0, TRIED)
    after_a_kill = Session(file)  # the first one was never closed
    assert waiting(after_a_kill) == [FIRST, THIRD]
    assert [(one.mutant, one.outcome, one.noticed_by) for one in after_a_kill.results([PATH])] == [
        (SECOND, "noticed", "a test")
    ]
    after_a_kill.close()


def test_a_survivor_waits_again_once_the_tests_of_its_line_change(session: Session) -> None:
    for one, outcome in ((FIRST, "survived"), (SECOND, "noticed"), (THIRD, "untested")):
        session.save(one, outcome, "", 1.0, TRIED)
    assert waiting(session) == []
    assert waiting(session, "a new test") == [FIRST, THIRD]


def test_what_ran_out_of_time_is_noticed_and_does_not_wait_again(session: Session) -> None:
    session.save(FIRST, "timeout", "", 60.0, TRIED)
    assert FIRST not in waiting(session, "a new test")


def test_only_the_tests_that_are_new_are_run_on_a_survivor_again(session: Session) -> None:
    session.save(FIRST, "survived", "", 1.0, TRIED)
    [again, *_] = session.waiting([PATH], lambda _: {"a test, renamed": TRIED[0], "a new test": "another digest"})
    assert (again.mutant, again.tests) == (FIRST, ("a new test",))


def test_a_mutant_of_code_that_changed_is_tested_from_the_start_and_the_others_stay_known(session: Session) -> None:
    for one in (FIRST, SECOND):
        session.save(one, "noticed", "a test", 1.0, TRIED)
    assert session.is_made(PATH, "digest", None)
    assert not session.is_made(PATH, "another digest", None)
    changed = replace(SECOND, unit="another unit")
    session.make(PATH, "another digest", None, [FIRST, changed], 2)
    assert waiting(session) == [changed]
    assert [one.mutant for one in session.results([PATH])] == [FIRST]


def test_a_mutant_that_was_only_renamed_stays_known_under_its_new_name(session: Session) -> None:
    session.save(FIRST, "survived", "", 1.0, TRIED)
    renamed = replace(FIRST, line=40, place="other", before="other = 1", after="other = 11")
    session.make(PATH, "another digest", None, [renamed], 1)
    assert [one.mutant for one in session.results([PATH])] == [renamed]


def test_of_a_file_that_changed_no_fewer_mutants_are_made_than_before(session: Session) -> None:
    assert session.size(PATH, 1) is None
    session.make("shared/other.py", "digest", 2, [], 3)
    assert [session.size("shared/other.py", size) for size in (1, 2, 3, None)] == [2, 2, 3, None]
    assert session.size("shared/new.py", 1) == 1


def test_a_larger_sample_keeps_what_is_known_of_the_smaller(session: Session) -> None:
    session.make(PATH, "digest", 1, [FIRST], 3)
    session.save(FIRST, "noticed", "a test", 1.0, TRIED)
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
        session.save(one, "noticed", "a test", 1.0, TRIED)
    session.forget([PATH])
    assert [one.mutant for one in session.results([PATH, other.path])] == [other]


def test_a_mutant_comes_back_as_it_was(session: Session) -> None:
    session.save(FIRST, "survived", "", 1.0, TRIED)
    assert session.results([PATH])[0].mutant == FIRST
