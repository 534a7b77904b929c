"""Run the real terraform on a copy of the configuration, with a stand-in for the Google provider and no network.

To try a command by hand: ``python -m tests.system.infra.terraform plan -var-file=infra/environments/test.tfvars``. Its
files are removed with the copy; no lock file with the stand-in's checksum is left.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.environments import ROOT, Impossible, Recipe, environment
from tests.writable import copy_file, copy_tree

HERE = Path(__file__).parent
STAND_IN = Recipe(HERE / "stand_in.txt")
VERSIONS = {"google": "8.7.0", "google-beta": "8.7.0", "time": "0.14.2"}
"""Providers of hashicorp, whose schema the stand-in serves."""

LOCAL_STATE = 'terraform {\n  backend "local" {}\n}\n'
"""Replaces the bucket that holds the configuration's state."""

ENVIRONMENTS = ("test", "preprod", "prod")
LONGEST_S = 120
CONFIG = """
disable_checkpoint = true
provider_installation {
  filesystem_mirror {
    path    = %s
    include = ["registry.terraform.io/hashicorp/*"]
  }
}
"""


class Refused(Exception):
    """terraform failed; the message is its output."""


@dataclass(frozen=True, slots=True)
class Terraform:
    """A copy of the configuration, initialised."""

    folder: Path
    variables: dict[str, str]

    @property
    def state(self) -> Path:
        """The path of the workspace's state."""
        return self.folder / "terraform.tfstate.d" / self.variables["TF_WORKSPACE"] / "terraform.tfstate"

    def of(self, environment: str, **variables: str) -> Terraform:
        """Return the same copy in the workspace of an environment, with more variables of the process."""
        return Terraform(self.folder, {**self.variables, "TF_WORKSPACE": environment, **variables})

    def run(self, *arguments: str) -> str:
        """Run a command, and return its output.

        Raises:
            Refused: it failed.
        """
        done = self._run(arguments)
        if done.returncode:
            raise Refused(done.stdout + done.stderr)
        return done.stdout

    def changes(self, *arguments: str) -> bool:
        """Return whether a plan would change anything.

        Raises:
            Refused: there is no plan.
        """
        done = self._run(("plan", "-input=false", "-detailed-exitcode", *arguments))
        if done.returncode == 1:
            raise Refused(done.stdout + done.stderr)
        return done.returncode == 2

    def plan(self, environment: str = "test", **variables: Any) -> dict[str, Any]:
        """Return the plan of an environment as JSON; ``variables`` override those of its file."""
        name = f"{environment}.plan"
        workspace = self.of(environment)
        workspace.run("plan", "-input=false", f"-out={name}", *of_environment(environment, **variables))
        document: dict[str, Any] = json.loads(workspace.run("show", "-json", name))
        return document

    def spoil(self, file: str, before: str, after: str) -> None:
        """Replace a part of a file that occurs there exactly once."""
        path = self.folder / file
        text = path.read_text("utf-8")
        assert text.count(before) == 1, f"{file} has {before!r} {text.count(before)} times, expected once"
        path.write_text(text.replace(before, after), "utf-8")

    def copy(self, folder: Path) -> Terraform:
        """Return another copy, to change."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Terraform(folder, self.variables)

    def _run(self, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
        )


def of_environment(name: str, **variables: Any) -> list[str]:
    """Return the options that plan an environment, of a project with its name unless ``variables`` name another."""
    variables = {"project": f"bucketlens-{name}", **variables}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in variables.items()}
    return [f"-var-file=infra/environments/{name}.tfvars", *(f"-var={key}={value}" for key, value in texts.items())]


def terraform(folder: Path) -> Terraform:
    """Copy what Terraform reads into a folder, and initialise it.

    Raises:
        Impossible: terraform is not installed, or no stand-in can be made; the message says what to do.
    """
    if shutil.which("terraform") is None:
        raise Impossible("terraform is not installed; see https://developer.hashicorp.com/terraform/install")
    tree = folder / "tree"
    tests = tree / "tests" / "system" / "infra"
    tests.mkdir(parents=True)
    copy_file(ROOT / "main.tf", tree)
    copy_file(ROOT / "cloudbuild.yaml", tree)
    copy_tree(ROOT / "infra", tree / "infra")
    for file in HERE.glob("*.tftest.hcl"):
        copy_file(file, tests)
    (tree / "backend_override.tf").write_text(LOCAL_STATE, "utf-8")
    copy = Terraform(tree, _variables(folder))
    copy.run("init", "-input=false", "-test-directory=tests/system/infra")
    for name in ENVIRONMENTS:
        copy.run("workspace", "new", name)
    return copy.of("test")


def _variables(folder: Path) -> dict[str, str]:
    """Write a configuration that knows one provider, the stand-in, and return the environment that names it."""
    made = environment(STAND_IN)
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
    terraform = subprocess.check_output(["terraform", "version", "-json"], cwd=folder, env=kept, text=True)
    platform = json.loads(terraform)["platform"]
    mirror = folder / "mirror"
    for name, version in VERSIONS.items():
        program = mirror / "registry.terraform.io" / "hashicorp" / name / version / platform
        program.mkdir(parents=True)
        program /= f"terraform-provider-{name}_v{version}"
        start = f'STAND_IN_FOR={name} exec "{made.python}" "{HERE / "stand_in" / "provider.py"}" "$@"'
        program.write_text(f"#!/bin/sh\n{start}\n", "utf-8")
        program.chmod(0o755)
    config = folder / "terraformrc"
    config.write_text(CONFIG % json.dumps(str(mirror)), "utf-8")
    return {**kept, "HOME": str(folder), "TF_CLI_CONFIG_FILE": str(config), "TF_CLI_ARGS": "-no-color"}


def main(arguments: list[str]) -> int:
    """Run one terraform command on a copy, and print its output."""
    with tempfile.TemporaryDirectory() as folder:
        copy = terraform(Path(folder))
        return subprocess.run(["terraform", *arguments], cwd=copy.folder, env=copy.variables).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Impossible as reason:
        sys.exit(f"Error: {reason}")
