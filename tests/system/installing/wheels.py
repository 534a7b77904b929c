"""Make wheels: stand-ins that hold metadata only, and installed packages packed again."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.utils import canonicalize_name

TAG = "py3-none-any"


def stand_in(
    folder: Path, name: str, version: str, *, requires: Iterable[str] = (), extras: Iterable[str] = ()
) -> Path:
    """Write a wheel that declares what it requires and holds no code; return it."""
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Provides-Extra: {extra}" for extra in extras] + [
        f"Requires-Dist: {requirement}" for requirement in requires
    ]
    return _wheel(folder, name, version, {_info(name, version) + "METADATA": "\n".join(lines).encode() + b"\n"})


def packed(folder: Path, name: str) -> Path:
    """Write a wheel of a package that is installed where the tests run; return it.

    Raises:
        PackageNotFoundError: it is not installed here.
    """
    installed = distribution(name)
    files: dict[str, bytes] = {}
    for file in installed.files or []:
        path = Path(str(file.locate()))
        made_by_installer = file.name in {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
        if made_by_installer or file.suffix == ".pyc" or not path.is_file():
            continue
        inside = file.as_posix()
        if inside.startswith("../"):
            inside = f"{_stem(name, installed.version)}.data/scripts/{file.name}"
        files[inside] = path.read_bytes()
    return _wheel(folder, name, installed.version, files)


def metadata(name: str, others: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return what a package requires of some others, and its extras; nothing if it is not installed here."""
    try:
        installed: Distribution = distribution(name)
    except PackageNotFoundError:
        return [], []
    names = set(others)
    requires = [line for line in installed.requires or [] if canonicalize_name(_project(line)) in names]
    return requires, installed.metadata.get_all("Provides-Extra") or []


def sha256(path: Path) -> str:
    """Return a file's digest, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _wheel(folder: Path, name: str, version: str, files: dict[str, bytes]) -> Path:
    wheel = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {TAG}\n"
    content = {**files, _info(name, version) + "WHEEL": wheel.encode()}
    record = [f"{path},sha256={_record_digest(data)},{len(data)}" for path, data in content.items()]
    record.append(f"{_info(name, version)}RECORD,,")
    content[_info(name, version) + "RECORD"] = "\n".join(record).encode()
    target = folder / f"{_stem(name, version)}-{TAG}.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for path, data in content.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = (0o100755 if ".data/scripts/" in path else 0o100644) << 16
            archive.writestr(entry, data)
    return target


def _record_digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _project(requirement: str) -> str:
    for position, letter in enumerate(requirement):
        if not (letter.isalnum() or letter in "-_."):
            return requirement[:position]
    return requirement


def _stem(name: str, version: str) -> str:
    return f"{name.replace('-', '_')}-{version}"


def _info(name: str, version: str) -> str:
    return f"{_stem(name, version)}.dist-info/"
