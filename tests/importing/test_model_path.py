"""``MODEL_PATH`` is imported once, before ``bucketlens up`` starts any process, and never again."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from shared.bundles.bundle import load_bundle
from shared.cli.bundle_import import import_model
from shared.cli.model_path import bundle_of
from shared.cli.up import command as up
from tests.importing.conftest import Nets, knows_light

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.filterwarnings("ignore")  # TensorFlow's own


def test_model_path_imports_an_h5_file_by_its_variables(
    nets: Nets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_LABELS", "dark,bright")
    monkeypatch.setenv("MODEL_SCALING", "0..1")
    bundle = bundle_of(nets["light.h5"], tmp_path)
    assert knows_light(bundle)
    assert bundle.is_relative_to(tmp_path)

    with monkeypatch.context() as again:
        again.setitem(sys.modules, "tensorflow", None)  # would be needed to import it once more
        assert bundle_of(nets["light.h5"], tmp_path) == bundle

    monkeypatch.setenv("MODEL_THRESHOLD", "0.7")
    other = bundle_of(nets["light.h5"], tmp_path)
    assert other != bundle
    threshold = load_bundle(other).manifest.threshold
    assert threshold is not None
    assert threshold.score == 0.7


def test_model_path_names_what_is_missing_as_a_variable(nets: Nets, tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="MODEL_LABELS"):
        bundle_of(nets["light.h5"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_up_refuses_an_invalid_model_path_before_it_starts(nets: Nets, tmp_path: Path) -> None:
    environment = {"MODEL_PATH": str(nets["light.h5"])}
    result = CliRunner().invoke(up, ["--folder", str(tmp_path / "cloud")], env=environment)
    assert result.exit_code == 2
    assert "MODEL_PATH: the model light.h5" in result.output
    assert not (tmp_path / "cloud").exists()


def test_model_path_yields_to_a_named_bundle(nets: Nets, tmp_path: Path) -> None:
    arguments = ["--folder", str(tmp_path / "cloud"), "--bundle", "no_such_bundle"]
    result = CliRunner().invoke(up, arguments, env={"MODEL_PATH": str(nets["light.h5"])})
    assert result.exit_code == 2
    assert "no_such_bundle" in result.output
    assert "MODEL_PATH" not in result.output


def test_model_path_of_the_documented_image_uses_its_build_arguments(nets: Nets, tmp_path: Path) -> None:
    """Docker hands arguments to RUN as variables, and a stage's RUN is a line for ``sh``."""
    snippet = re.search(r"```dockerfile\n(.*?)```", (ROOT / "docs/bundle.md").read_text("utf-8"), re.DOTALL)
    assert snippet
    assert re.findall(r"^ARG (\w+)$", snippet[1], re.MULTILINE) == ["MODEL_PATH", "MODEL_LABELS", "MODEL_SCALING"]
    [run] = re.findall(r"^RUN (.*)$", snippet[1], re.MULTILINE)
    [typed] = re.findall(r"python -m shared.cli bundle import (.*)$", run)
    line = f"printf '%s\\n' {typed}"
    model_path = f"models/{nets['light.h5'].name}"
    done = subprocess.run(
        ["sh", "-c", line], env={"MODEL_PATH": model_path}, capture_output=True, text=True, check=True
    )
    arguments = [str(nets[done.stdout.splitlines()[0]]), "--out", str(tmp_path / "own")]
    assert shlex.split(typed)[1:] == ["--out", "own"]
    variables = {"MODEL_PATH": model_path, "MODEL_LABELS": "dark,bright", "MODEL_SCALING": "0..1"}
    result = CliRunner().invoke(import_model, arguments, env=variables)
    assert result.exit_code == 0, result.output
    assert knows_light(tmp_path / "own")


def test_model_path_may_be_a_variable(nets: Nets, tmp_path: Path) -> None:
    variables = {"MODEL_PATH": str(nets["rescaled.keras"]), "MODEL_LABELS": "red,green,blue"}
    result = CliRunner().invoke(import_model, ["--out", str(tmp_path / "own")], env=variables)
    assert result.exit_code == 0, result.output
