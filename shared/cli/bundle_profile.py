"""``bucketlens bundle profile``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from shared.cli.bundle_names import folder_of
from shared.cli.options import console, remarks
from shared.cli.train import GROUP_BY
from shared.errors import Misconfigured

if TYPE_CHECKING:
    from shared.bundles.bundle import Bundle


@click.command("profile", short_help="Teach a bundle which pictures it is familiar with.")
@click.argument("bundle")
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--group-by",
    default=GROUP_BY,
    help="Regular expression: files with the same match in their names, such as a patient's number, are in the same "
    'fold; "" for none.  [default: a number after patient, person, subject, case, study or IM]',
)
@click.option("--force", is_flag=True, help="Replace a profile that is there.")
def make_profile(bundle: str, data: Path, group_by: str, force: bool) -> None:
    """Write a profile into a bundle of your own: predictions then say how unlike these pictures a picture is.

    DATA is a folder with one sub-folder a label, 30 pictures or more, 100 for 1 % of false alarms: such as the model
    was trained on. Models that `train` makes have a profile already. The model must give out its feature map, as those
    do that `bundle import` converted from a network that ends with an average and one layer.

    The bundle's digest changes, which each row names. If it is published already, give it another version.

    Exit codes: 0 the profile is written; 2 the bundle or the data cannot be used, and the bundle is as it was.

    \b
    Example:
      bucketlens bundle profile ./my_bundle photos/
    """
    from shared.importing.profile_bundle import profile_bundle
    from shared.importing.progress import Terminal

    try:
        with Terminal(remarks) as terminal:
            profiled = profile_bundle(folder_of(bundle), data, group_by, force, terminal)
    except Misconfigured as error:
        raise click.UsageError(str(error)) from error
    _summarise(profiled)


def _summarise(bundle: Bundle) -> None:
    facts = bundle.manifest.lineage["profile"]
    console.print(
        f"{bundle.folder}: a picture is unfamiliar above a novelty of {facts['unfamiliar_above']:g}, which "
        f"{facts['false_alarms']:.1%} of pictures like these {facts['novelty_of']} are expected to exceed; the digest "
        f"is now {bundle.digest}",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )
