"""What the site adds to MkDocs: pages from the repository's root, and links to files that no page is made of.

Links in docs/ are written for the repository. On the site, one that leads to another page leads there; one to a file of
the repository leads to ``BUCKETLENS_REPOSITORY``, such as ``https://HOST/OWNER/bucketlens/blob/main``, or is plain text
where that is not set.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
FROM_ROOT = {path.name: path.name.replace("README", "overview") for path in ROOT.glob("*.md")}
"""Files at the root to the pages that they become, relative to docs/."""

log = get_plugin_logger("bucketlens")
CODE_BLOCK = re.compile(r"(^(?:```|~~~).*?^(?:```|~~~)|^(?: {4}|\t).*?$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?P<code>`[^`\n]+`)|(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
"""A link, whose text may have code in it; or code outside of a link, which may look like a link and is none."""
HTML_IMAGE = re.compile(r'\b(src|srcset)="([^":]+)"')


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made of files at the root."""
    for name, page in FROM_ROOT.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:  # noqa: ARG001  # MkDocs names them
    """Return the page with its links as the site has them."""
    sources = {name: f"docs/{page}" for name, page in FROM_ROOT.items()}
    source = next((name for name, made in FROM_ROOT.items() if made == page.file.src_uri), f"docs/{page.file.src_uri}")
    start = posixpath.dirname(f"docs/{page.file.src_uri}")

    def target_of(link: str) -> tuple[str, str]:
        """Return where in the repository a link leads, and where in docs/ the site has that, if anywhere."""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
        made = sources.get(path, path)
        file = files.get_file_from_path(made.removeprefix("docs/")) if made.startswith("docs/") else None
        return path, posixpath.relpath(made, start) if file and file.inclusion.is_included() else ""

    def link(match: re.Match[str]) -> str:
        if match["code"]:
            return match[0]
        _, mark, text, target = match.groups()
        path, hash_mark, anchor = target.partition("#")
        if not path or "://" in target or target.startswith("mailto:"):
            return match[0]
        in_repository, on_site = target_of(path)
        if on_site:
            return f"{mark}[{text}]({on_site}{hash_mark}{anchor})"
        if not (ROOT / in_repository).exists():
            log.warning("%s links to %s, which is not there", source, target)  # an error, in a strict build
        if repository := os.environ.get("BUCKETLENS_REPOSITORY"):
            return f"{mark}[{text}]({repository.rstrip('/')}/{in_repository}{hash_mark}{anchor})"
        return f"`{text}`" if text.strip("`") == in_repository else f"{text} (`{in_repository}`)"

    def image(match: re.Match[str]) -> str:
        return f'{match[1]}="{target_of(match[2])[1] or match[2]}"'

    parts = CODE_BLOCK.split(markdown)
    parts[::2] = [HTML_IMAGE.sub(image, LINK.sub(link, text)) for text in parts[::2]]
    return "".join(parts)
