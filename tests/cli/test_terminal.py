"""Nothing that others named reaches a terminal raw: every command's output is walked with a hostile name."""

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
from shared.cli.drop import _fate
from shared.cli.query import table_of
from shared.cli.release_report import standings_table
from shared.cli.terminal import say, say_json, shown, visible
from shared.release.revisions import Revision, Standing, Target
from tests.pictures import encoded, scene

ROOT = Path(__file__).parents[2]
HOSTILE = "a[/red]\x1b[31m\x1b]0;title\x07b\u202egpj.exe\u2066\x9b2J[bold]\\"
RAW = ("\x1b", "\x07", "\x9b", "\u202e", "\u2066")


def obeyed(text: str) -> list[str]:
    """What of the hostile name is left in an output."""
    return [character for character in RAW if character in text]


@pytest.fixture
def drawn() -> tuple[TerminalConsole, io.StringIO]:
    """A console as wide as is needed, and what it writes."""
    output = io.StringIO()
    return TerminalConsole(file=output, width=400, force_terminal=False), output


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A picture and a broken file with hostile names, in folders of hostile names."""
    folder = tmp_path / "[bold]" / "\x1b[1mphotos"
    folder.mkdir(parents=True)
    name = HOSTILE.replace("/", "|")
    (folder / f"{name}.png").write_bytes(encoded(scene(), "PNG"))
    (folder / f"{name}.txt").write_text("no picture")
    return folder


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_classify_shows_hostile_names_and_obeys_none(photos: Path, options: list[str]) -> None:
    result = CliRunner().invoke(main, ["classify", *options, str(photos)], env={"COLUMNS": "400"})
    assert result.exit_code == 1, result.output
    assert obeyed(result.output) == []
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
def test_no_command_repeats_a_hostile_argument_raw(command: list[str]) -> None:
    result = CliRunner().invoke(main, command, env={"COLUMNS": "400"})
    assert obeyed(result.output) == []
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_a_bundle_with_hostile_words_is_listed_and_shown(tmp_path: Path) -> None:
    folder = tmp_path / "[red]own_v1"
    shutil.copytree(MODELS / "flowers_v1", folder)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["description"] = HOSTILE
    (folder / "manifest.json").write_text(json.dumps(manifest))
    shown_of = CliRunner().invoke(main, ["bundle", "show", str(folder)])
    assert shown_of.exit_code == 0, shown_of.output
    assert obeyed(shown_of.output) == []
    assert json.loads(shown_of.stdout)["description"] == HOSTILE
    checked = CliRunner().invoke(main, ["bundle", "check", str(folder)])
    assert checked.exit_code == 0, checked.output


def test_query_tables_show_what_rows_hold(drawn: tuple[TerminalConsole, io.StringIO]) -> None:
    console, output = drawn
    console.print(table_of(Result([HOSTILE, "n"], [{HOSTILE: HOSTILE, "n": 1}, {HOSTILE: [HOSTILE], "n": None}])))
    assert obeyed(output.getvalue()) == []
    assert output.getvalue().count("a[/red]\\x1b[31m") == 2


@pytest.mark.parametrize("reason", [None, HOSTILE])
def test_drop_shows_a_fate_with_hostile_words(drawn: tuple[TerminalConsole, io.StringIO], reason: str | None) -> None:
    console, output = drawn
    console.print(_fate({"reason": reason, "detail": HOSTILE, "label": HOSTILE, "score": 0.5, "needs_review": True}))
    assert obeyed(output.getvalue()) == []
    assert "a[/red]" in output.getvalue()


def test_release_tables_show_hostile_revisions(drawn: tuple[TerminalConsole, io.StringIO]) -> None:
    console, output = drawn
    revision = Revision(name=HOSTILE, image=HOSTILE, bundle=HOSTILE, created_at=None, is_ready=False)
    console.print(
        standings_table([Standing(service=HOSTILE, traffic=(Target(HOSTILE, 100),), revisions=(revision,), etag="")])
    )
    assert obeyed(output.getvalue()) == []
    assert "not ready" in output.getvalue()


def test_a_console_writes_controls_out_whatever_is_printed(drawn: tuple[TerminalConsole, io.StringIO]) -> None:
    """Also where a caller forgot: titles, cells, plain lines."""
    console, output = drawn
    table = Table("column", title="\x1b[31mtitle")
    table.add_row("\x9b2J")
    console.print(table)
    console.print("\u202eline\x07", markup=False)
    assert obeyed(output.getvalue()) == []
    assert "\\x1b[31mtitle" in output.getvalue()


def test_names_keep_their_letters_and_lose_their_powers() -> None:
    assert visible("añ 写真 👩‍🔬 ضعیف.jpg") == "añ 写真 👩‍🔬 ضعیف.jpg"
    assert visible("a\nb\tc\x7f\u2028") == "a\\nb\\tc\\x7f\\u2028"
    assert visible("\udcff") == "\\udcff"
    assert shown("[bold]") == "\\[bold]"
    assert visible(7) == "7"


def test_say_and_json_write_controls_out(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"{HOSTILE}\nnext")
    say_json({"name": HOSTILE, "label": "ñ"})
    line, following, as_json = capsys.readouterr().out.splitlines()
    assert obeyed(line + as_json) == []
    assert following == "next"
    assert "ñ" in as_json
    assert json.loads(as_json) == {"name": HOSTILE, "label": "ñ"}


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_output_that_is_not_utf_8_ends_no_command(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "写真.png").write_bytes(encoded(scene(), "PNG"))
    environ = {**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "200"}
    script = "from shared.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "classify", str(tmp_path)], env=environ, cwd=ROOT, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert b"\\u5199" in done.stdout


def test_commands_print_through_the_terminal_module_only() -> None:
    """``print``, ``click.echo`` and consoles of Rich's own would let a name through."""
    found = []
    for path in sorted((ROOT / "shared/cli").glob("*.py")):
        if path.name in ("terminal.py", "console.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in ("print", "Console", "rich.print", "click.secho", "click.echo"):
                    found.append(f"{path.name}:{node.lineno} {called}")
    assert found == []
