"""What was typed after ``bucketlens bundle import``, or set as variables, as a request."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shared.cli.bundle_names import new_folder, next_version

if TYPE_CHECKING:
    from shared.importing.importer import Request
    from shared.importing.scaling import Scaling

SIZE = re.compile(r"(\d{1,4})(?:x(\d{1,4}))?")


def request_of(path: Path, options: dict[str, Any]) -> Request:
    """Return what is to be imported.

    Args:
        path: of the model.
        options: the command's, every one.

    Raises:
        click.BadParameter: an option cannot be read.
        Misconfigured: the labels cannot be read.
    """
    from shared.importing.decide import Choices
    from shared.importing.importer import Request
    from shared.importing.labels import labels_from

    given = {name: value for name, value in options.items() if value not in (None, "", False)}
    name = options["name"] or name_of(path)
    version, out = _place(name, options["version"], options["out"])
    first = options["channels_first"]
    choices = Choices(
        labels=labels_from(options["labels"]) if options["labels"] else None,
        scaling=_scaling(options["scaling"]) if options["scaling"] else None,
        activation=options["activation"],
        layout=None if first is None else "NCHW" if first else "NHWC",
        size=_size(options["size"]) if options["size"] else None,
        fit=options["fit"],
        filter=options["filter"],
        grey=options["grey"],
        positive=options["positive"],
        threshold=options["threshold"],
    )
    return Request(
        path=path,
        out=out,
        name=name,
        version=version,
        description=options["description"],
        choices=choices,
        temperature=options["temperature"],
        review_below=options["review_below"],
        keep=options["runtime"] == "keep",
        precision=options["precision"],
        samples=options["samples"],
        calibrate=_calibrate(options),
        least_agreement=options["least_agreement"],
        force=options["force"],
        options={key: _without_folders(value) for key, value in given.items()},
    )


def name_of(path: Path) -> str:
    """Return what a model is called by its file: letters, digits and underscores."""
    return re.sub(r"\W+", "_", path.resolve().stem).strip("_").lower() or "model"


def _without_folders(value: Any) -> Any:
    """An option as it may stand in a lineage: no path of this machine."""
    is_file = isinstance(value, Path) or (isinstance(value, str) and "," not in value and Path(value).is_file())
    return Path(value).name if is_file else value


def _place(name: str, version: str | None, out: Path | None) -> tuple[str, Path]:
    """The version and the folder, as far as they are given; the first version that is free."""
    if out is not None:
        found = re.search(r"_v(\w+)$", out.name)
        return version or (found[1] if found else "1"), out
    version = version or next_version(name)
    return version, new_folder(name, version)


def _calibrate(options: dict[str, Any]) -> Path | None:
    """The labelled pictures, whose fit leaves no room for figures of one's own."""
    folder: Path | None = options["calibrate"]
    usual = {"temperature": 1.0, "threshold": None, "review_below": 0.5}
    given = [f"--{name.replace('_', '-')}" for name, value in usual.items() if options[name] != value]
    if folder is not None and given:
        raise click.UsageError(f"--calibrate fits {', '.join(given)} on its pictures; leave one of them out.")
    return folder


def _scaling(text: str) -> Scaling:
    from shared.importing.scaling import scaling_from

    try:
        return scaling_from(text)
    except ValueError as error:
        raise click.BadParameter(f"it is {text!r}, expected {error}", param_hint="--scaling") from error


def _size(text: str) -> tuple[int, int]:
    found = SIZE.fullmatch(text.lower())
    if not found:
        raise click.BadParameter(f"it is {text!r}, expected HEIGHTxWIDTH such as 224x320", param_hint="--size")
    return int(found[1]), int(found[2] or found[1])
