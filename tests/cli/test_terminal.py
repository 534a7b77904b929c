"""Hostile names never reach a terminal unescaped, in the output of every command."""

from __future__ import annotations

import ast
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.table import Table

from shared.adapters.bigquery import Result
from shared.bundles.folders import MODELS
from shared.cli import main
from shared.cli.console import TerminalConsole
from shared.cli.drop import _outcome
from shared.cli.query import table_of
from shared.cli.release_report import standings_table
from shared.cli.terminal import say, say_json, shown, visible
from shared.release.revisions import Revision, Standing, Target
from tests.pictures import encoded, scene

ROOT = Path(__file__).parents[2]
HOSTILE = "a[/red]\x1b[31m\x1b]0;title\x07b\u202egpj.exe\u2066\x9b2J[bold]\\"
RAW = ("\x1b", "\x07", "\x9b", "\u202e", "\u2066")


def raw_controls(text: str) -> list[str]:
    """Return the control characters of the hostile name that an output still has."""
    return [character for character in RAW if character in text]


@pytest.fixture
def drawn() -> tuple[TerminalConsole, io.StringIO]:
    """Provide a wide console and its output."""
    output = io.StringIO()
    return TerminalConsole(file=output, width=400, force_terminal=False), output


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Provide a picture and a broken file with hostile names, in folders with hostile names."""
    folder = tmp_path / "[bold]" / "\x1b[1mphotos"
    folder.mkdir(parents=True)
    name = HOSTILE.replace("/", "|")
    (folder / f"{name}.png").write_bytes(encoded(scene(), "PNG"))
    (folder / f"{name}.txt").write_text("no picture")
    return folder


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_classify_escapes_hostile_names(photos: Path, options: list[str]) -> None:
    result = CliRunner().invoke(main, ["classify", *options, str(photos)], env={"COLUMNS": "400"})
    assert result.exit_code == 1, result.output
    assert raw_controls(result.output) == []
    assert "[bold]" in result.output
    if options:
        paths = [json.loads(line)["path"] for line in result.stdout.splitlines()]
        assert sorted(map(Path, paths)) == sorted(photos.iterdir())


@pytest.mark.parametrize(
    "command",
    [
        ["bundle", "check", HOSTILE],
        ["bundle", "show", HOSTILE],
        ["bundle", "import", HOSTILE],
        ["classify", HOSTILE],
        ["evaluate", HOSTILE, HOSTILE],
        ["compare", HOSTILE, "tests"],
        ["train", HOSTILE],
        ["drop", HOSTILE],
        ["query", HOSTILE, "--folder", HOSTILE],
        ["replay", "--folder", HOSTILE],
        ["sweep", "--folder", HOSTILE],
        ["status", "--folder", HOSTILE],
        ["down", "--folder", HOSTILE],
        ["release", "status", "--folder", HOSTILE],
        ["smoke", "--folder", HOSTILE],
        ["up", "--bundle", HOSTILE],
        [HOSTILE],
    ],
)
def test_commands_escape_hostile_arguments(command: list[str]) -> None:
    result = CliRunner().invoke(main, command, env={"COLUMNS": "400"})
    assert raw_controls(result.output) == []
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_bundle_with_a_hostile_description_is_escaped(tmp_path: Path) -> None:
    folder = tmp_path / "[red]own_v1"
    shutil.copytree(MODELS / "flowers_v1", folder)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["description"] = HOSTILE
    (folder / "manifest.json").write_text(json.dumps(manifest))
    shown_of = CliRunner().invoke(main, ["bundle", "show", str(folder)])
    assert shown_of.exit_code == 0, shown_of.output
    assert raw_controls(shown_of.output) == []
    assert json.loads(shown_of.stdout)["description"] == HOSTILE
    checked = CliRunner().invoke(main, ["bundle", "check", str(folder)])
    assert checked.exit_code == 0, checked.output


def test_query_tables_escape_hostile_rows(drawn: tuple[TerminalConsole, io.StringIO]) -> None:
    console, output = drawn
    console.print(table_of(Result([HOSTILE, "n"], [{HOSTILE: HOSTILE, "n": 1}, {HOSTILE: [HOSTILE], "n": None}])))
    assert raw_controls(output.getvalue()) == []
    assert output.getvalue().count("a[/red]\\x1b[31m") == 2


@pytest.mark.parametrize("reason", [None, HOSTILE])
def test_drop_escapes_hostile_outcomes(drawn: tuple[TerminalConsole, io.StringIO], reason: str | None) -> None:
    console, output = drawn
    review = {"needs_review": True, "is_unfamiliar": True}
    console.print(_outcome({"reason": reason, "detail": HOSTILE, "label": HOSTILE, "score": 0.5, **review}))
    assert raw_controls(output.getvalue()) == []
    assert "a[/red]" in output.getvalue()


def test_release_tables_escape_hostile_revisions(drawn: tuple[TerminalConsole, io.StringIO]) -> None:
    console, output = drawn
    revision = Revision(name=HOSTILE, image=HOSTILE, bundle=HOSTILE, created_at=None, is_ready=False)
    console.print(
        standings_table([Standing(service=HOSTILE, traffic=(Target(HOSTILE, 100),), revisions=(revision,), etag="")])
    )
    assert raw_controls(output.getvalue()) == []
    assert "not ready" in output.getvalue()


def test_console_escapes_controls_in_every_output(drawn: tuple[TerminalConsole, io.StringIO]) -> None:
    """Also where a command did not escape: titles, cells, plain lines."""
    console, output = drawn
    table = Table("column", title="\x1b[31mtitle")
    table.add_row("\x9b2J")
    console.print(table)
    console.print("\u202eline\x07", markup=False)
    assert raw_controls(output.getvalue()) == []
    assert "\\x1b[31mtitle" in output.getvalue()


def test_visible_keeps_letters_and_escapes_controls() -> None:
    assert visible("añ 写真 👩‍🔬 ضعیف.jpg") == "añ 写真 👩‍🔬 ضعیف.jpg"
    assert visible("a\nb\tc\x7f\u2028") == "a\\nb\\tc\\x7f\\u2028"
    assert visible("\udcff") == "\\udcff"
    assert shown("[bold]") == "\\[bold]"
    assert visible(7) == "7"


def test_say_and_say_json_escape_controls(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"{HOSTILE}\nnext")
    say_json({"name": HOSTILE, "label": "ñ"})
    line, following, as_json = capsys.readouterr().out.splitlines()
    assert raw_controls(line + as_json) == []
    assert following == "next"
    assert "ñ" in as_json
    assert json.loads(as_json) == {"name": HOSTILE, "label": "ñ"}


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_commands_work_with_output_that_is_not_utf_8(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "写真.png").write_bytes(encoded(scene(), "PNG"))
    environ = {**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "200"}
    script = "from shared.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "classify", str(tmp_path)], env=environ, cwd=ROOT, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert b"\\u5199" in done.stdout


def test_commands_print_only_through_the_terminal_module() -> None:
    """``print``, ``click.echo`` and Rich's own consoles would print a name unescaped."""
    calls = []
    for path in sorted((ROOT / "shared/cli").glob("*.py")):
        if path.name in ("terminal.py", "console.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in ("print", "Console", "rich.print", "click.secho", "click.echo"):
                    calls.append(f"{path.name}:{node.lineno} {called}")
    assert calls == []
