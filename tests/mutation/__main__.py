"""Plants mistakes, one at a time, and says which the tests notice: ``make mutate [CHAPTER=pipeline] [SAMPLE=20]``.

What is known stays in .bucketlens/mutation, so that a run that was interrupted goes on where it was; a survivor is
tried again when the tests that run its line change. The scores go to docs/reliability.md and the survivors to
docs/mutations.md.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.environments import Impossible, Recipe, environment
from tests.mutation import documents
from tests.mutation.chapters import CHAPTERS, ROOT, Chapter, chapter_named
from tests.mutation.choice import Coverage
from tests.mutation.judged import judged
from tests.mutation.measured import Measured
from tests.mutation.mutant import Mutant
from tests.mutation.pool import MOST_WORKERS, Order, Worker, end, python, try_mutants
from tests.mutation.report import score
from tests.mutation.session import NOTICED, UNTESTED, Session
from tests.mutation.structure import digests_of_tests
from tests.mutation.tree import copied, digest
from tests.system.chaos.machine import machine

FOLDER = ROOT / ".bucketlens" / "mutation"
MAKERS = ("python_mutants.py", "operators.py", "sql_mutants.py", "structure.py")
"""What makes mutants: they are made anew where it changed."""
TOOLS = Recipe(Path(__file__).with_name("cosmic_ray.txt"))


def main() -> int:
    """Do as the command line says; returns 130 where it was interrupted."""
    options = _options()
    chapters = [chapter_named(options.chapter)] if options.chapter else list(CHAPTERS)
    console = Console()
    try:
        tools = next(environment(TOOLS).folder.glob("lib/python*/site-packages"))
    except Impossible as reason:
        console.print(f"[red]{reason}")
        return 1
    sys.path.append(str(tools))
    FOLDER.mkdir(parents=True, exist_ok=True)
    alone = (FOLDER / "lock").open("w")
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel gives it back if we are killed
    except BlockingIOError:
        console.print("[red]Another `make mutate` is running here; wait for it, or end it.")
        return 1
    session = Session(FOLDER / "session.sqlite")
    try:
        near = {test for chapter in chapters for test in chapter.near_tests()} if options.near else None
        coverage = _coverage(tools, near, console)
        for chapter in chapters:
            _make(session, chapter, options.sample, console)
            if options.again:
                session.forget(chapter.files())
        copies = [copied(FOLDER / f"copy-{number}") for number in range(options.workers)]
        for chapter in chapters:
            _test(session, chapter, coverage, copies, console)
            _write(session, chapter, console, machine() + (", NEAR=1" if options.near else ""))
    except KeyboardInterrupt:
        console.print("Interrupted; the same command goes on from here.")
        return 130
    finally:
        session.close()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make mutate", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--chapter", help=f"one of {', '.join(chapter.name for chapter in CHAPTERS)}; else all")
    parser.add_argument("--sample", type=int, help="try so many mutants of each file, always the same; else all")
    parser.add_argument("--near", action="store_true", help="run only the tests that are about the chapters: quicker")
    parser.add_argument("--again", action="store_true", help="forget what is known of the chapter's mutants")
    parser.add_argument("--workers", type=int, choices=range(1, MOST_WORKERS + 1), default=MOST_WORKERS)
    return parser.parse_args()


def _coverage(tools: Path, near: set[str] | None, console: Console) -> Coverage:
    """Return what the tests of the first tier run, which is measured where it changed."""
    measured = Measured(FOLDER / "measured.json", ROOT)
    stale = measured.stale(near)
    if stale:
        console.print(f"Running {len(stale)} test files without a mutant, under coverage …")
        target = FOLDER / "baseline.json"
        target.unlink(missing_ok=True)
        root = copied(FOLDER / "copy-0")
        with (FOLDER / "baseline.log").open("w") as log:
            process = python(
                "tests.mutation.baseline", str(target), *stale, root=root, tools=tools, stdout=log, stderr=log
            )
            try:
                process.wait()
            finally:
                end(process)
        if not target.exists():
            raise SystemExit(f"They did not run; see {FOLDER / 'baseline.log'}.")
        measured.add(json.loads(target.read_text("utf-8")))
    coverage = measured.coverage(near)
    for test in sorted(coverage.unfit):
        console.print(f"[yellow]{test} fails without a mutant, and is not run.")
    return coverage


def _make(session: Session, chapter: Chapter, size: int | None, console: Console) -> None:
    from tests.mutation.python_mutants import python_mutants
    from tests.mutation.sql_mutants import sql_mutants

    makers = [(Path(__file__).parent / name).read_text("utf-8") for name in MAKERS]
    for path in chapter.files():
        source = (ROOT / path).read_text("utf-8")
        made_of, of_size = digest([source, *makers]), session.size(path, size)
        if not session.is_made(path, made_of, of_size):
            mutants, total = (sql_mutants if path.endswith(".sql") else python_mutants)(path, source, of_size)
            session.make(path, made_of, of_size, mutants, total)


def _test(session: Session, chapter: Chapter, coverage: Coverage, copies: list[Path], console: Console) -> None:
    sources = {path: (ROOT / path).read_text("utf-8") for path in chapter.files()}

    @cache
    def digests(file: str) -> Mapping[str, str]:
        return digests_of_tests((ROOT / file).read_text("utf-8"))

    @cache
    def digest_of(test: str) -> str:
        file, _, name = test.partition("::")
        name, bracket, parameters = name.partition("[")
        return digest([file, digests(file).get(name.rpartition("::")[2], ""), bracket + parameters])

    def tests_of(mutant: Mutant) -> Mapping[str, str]:
        return {test: digest_of(test) for test in coverage.chosen(mutant.path, sources[mutant.path], mutant.line)}

    columns = ("[progress.description]{task.description}", "{task.fields[noticed]} noticed")
    with Progress(
        TextColumn(columns[0]),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(columns[1]),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        waiting = session.waiting(sources, tests_of)
        bar = progress.add_task(chapter.name, total=len(waiting), noticed=0)
        count = 0

        def save(mutant: Mutant, outcome: str, by: str, seconds: float) -> None:
            nonlocal count
            session.save(mutant, outcome, by, seconds, () if outcome in NOTICED else tests_of(mutant).values())
            count += outcome in NOTICED
            progress.update(bar, advance=1, noticed=count)

        orders = []
        for one in waiting:
            source = one.mutant.edit.applied_to(sources[one.mutant.path])
            seconds = sum(coverage.seconds.get(test, 0.0) for test in one.tests)
            if one.tests:
                orders.append(Order(one.mutant, source, list(one.tests), seconds))
            else:
                save(one.mutant, UNTESTED, "", 0.0)
        if orders:
            warm = sorted({test for order in orders for test in order.tests[:1]})[:8]
            files = sorted({test.partition("::")[0] for order in orders for test in order.tests})
            workers = [Worker(root, warm, files) for root in copies]
            try_mutants(orders, workers, lambda order, *found: save(order.mutant, *found))


def _write(session: Session, chapter: Chapter, console: Console, how: str) -> None:
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    paths = chapter.files()
    found = score(chapter.name, session.totals(paths), session.results(paths), judged(), when, how)
    documents.keep(found)
    console.print(
        f"{chapter.name}: {found.noticed} of {found.tried} noticed; {documents.SURVIVORS} lists the survivors."
    )


if __name__ == "__main__":
    raise SystemExit(main())
