"""Write the page of each Terraform module from its own files: ``make docs``. A test compares.

python docs/write_modules.py
"""

from __future__ import annotations

import re
from pathlib import Path

INFRA = Path(__file__).resolve().parents[1] / "infra"
NAMED = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
MADE = re.compile(r'^(resource|data) "(\w+)" "(\w+)"', re.MULTILINE)


def page_of(folder: Path) -> str:
    """Return a module's page in Markdown: its purpose, its resources, its variables and its outputs."""
    text = (folder / "main.tf").read_text("utf-8")
    about = [line.lstrip("# ").rstrip() for line in text.split("\n\n")[0].splitlines() if not line.startswith("#     ")]
    parts = [f"# {folder.name}", " ".join(filter(None, about))]
    made = sorted(
        {(f"{kind}.{name}", what) for path in folder.glob("*.tf") for what, kind, name in MADE.findall(_read(path))}
    )
    parts.append("\n".join(f"- `{name}`" + (" (read)" if what == "data" else "") for name, what in made))
    variables = [block for block in NAMED.findall(_read(folder / "variables.tf")) if block[0] == "variable"]
    lines = ["| variable | type | | |", "|---|---|---|---|"]
    lines += [
        f"| `{name}` | `{_type(body)}` | {_default(body)} | {_description(body)} |" for _, name, body in variables
    ]
    parts.append("\n".join(lines))
    outputs = NAMED.findall(_read(folder / "outputs.tf"))
    if outputs:
        lines = ["| output | |", "|---|---|", *(f"| `{name}` | {_description(body)} |" for _, name, body in outputs)]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _read(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


def _description(body: str) -> str:
    [description] = re.findall(r'^  description += "(.*)"$', body, re.MULTILINE)
    return description.replace('\\"', '"').replace("|", "\\|")


def _type(body: str) -> str:
    [type_] = re.findall(r"^  type += (.*?)(?=^  \w|\Z)", body, re.MULTILINE | re.DOTALL)
    return " ".join(type_.split()).replace("|", "\\|")


def _default(body: str) -> str:
    match = re.search(r"^  default += (.*)$", body, re.MULTILINE)
    return f"`{match[1]}`" if match else "required"


def main() -> None:
    """Write every page."""
    for path in sorted(INFRA.glob("*/main.tf")):
        (path.parent / "README.md").write_text(page_of(path.parent), "utf-8")


if __name__ == "__main__":
    main()
