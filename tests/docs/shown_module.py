"""Put a module that a page shows as an example where the product finds modules of its kind."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
MAX_LINES = 20


@contextmanager
def shown_module(package: ModuleType, name: str, number: int, folder: Path) -> Iterator[None]:
    """Write the page's example into a folder that the package also has, for the length of the block.

    Args:
        package: the package that finds it, such as ``shared.http.protocols``.
        name: of the module.
        number: of the example on the page, from 0.
        folder: an empty one.
    """
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[number]
    assert len([line for line in code.splitlines() if line.strip()]) <= MAX_LINES, "the example is short"
    (folder / f"{name}.py").write_text(code, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(package, "__path__", [*package.__path__, str(folder)])
        yield
    sys.modules.pop(f"{package.__name__}.{name}", None)
    vars(package).pop(name, None)
