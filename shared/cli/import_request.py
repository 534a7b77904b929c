"""Build an import request from the options of ``bucketlens bundle import``."""

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
    """Return the import request for a model.

    Args:
        path: the model file or folder.
        options: every option of the command.

    Raises:
        click.BadParameter: an option is malformed.
        Misconfigured: the labels cannot be read.
    """
    from shared.importing.decide import Choices
    from shared.importing.importer import Request
    from shared.importing.labels import labels_from

    typed = {name: value for name, value in options.items() if value not in (None, "", False)}
    name = options["name"] or name_of(path)
    version, out = _version_and_folder(name, options["version"], options["out"])
    channels_first = options["channels_first"]
    choices = Choices(
        labels=labels_from(options["labels"]) if options["labels"] else None,
        scaling=_scaling(options["scaling"]) if options["scaling"] else None,
        activation=options["activation"],
        layout=None if channels_first is None else "NCHW" if channels_first else "NHWC",
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
        options={key: _without_folders(value) for key, value in typed.items()},
    )


def name_of(path: Path) -> str:
    """Return the name of a model after its file: letters, digits and underscores."""
    return re.sub(r"\W+", "_", path.resolve().stem).strip("_").lower() or "model"


def _without_folders(value: Any) -> Any:
    """Return an option for the lineage, without a path of this machine."""
    is_file = isinstance(value, Path) or (isinstance(value, str) and "," not in value and Path(value).is_file())
    return Path(value).name if is_file else value


def _version_and_folder(name: str, version: str | None, out: Path | None) -> tuple[str, Path]:
    """Return the version and the folder from the options; else the first free version."""
    if out is not None:
        match = re.search(r"_v(\w+)$", out.name)
        return version or (match[1] if match else "1"), out
    version = version or next_version(name)
    return version, new_folder(name, version)


def _calibrate(options: dict[str, Any]) -> Path | None:
    """Return the folder of labelled pictures, which excludes options that are fitted on them."""
    folder: Path | None = options["calibrate"]
    defaults = {"temperature": 1.0, "threshold": None, "review_below": 0.5}
    fitted = [f"--{name.replace('_', '-')}" for name, value in defaults.items() if options[name] != value]
    if folder is not None and fitted:
        raise click.UsageError(f"--calibrate fits {', '.join(fitted)} on its pictures; leave out one of them.")
    return folder


def _scaling(text: str) -> Scaling:
    from shared.importing.scaling import scaling_from

    try:
        return scaling_from(text)
    except ValueError as error:
        raise click.BadParameter(f"it is {text!r}, expected {error}", param_hint="--scaling") from error


def _size(text: str) -> tuple[int, int]:
    match = SIZE.fullmatch(text.lower())
    if not match:
        raise click.BadParameter(f"it is {text!r}, expected HEIGHTxWIDTH such as 224x320", param_hint="--size")
    return int(match[1]), int(match[2] or match[1])
