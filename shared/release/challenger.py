"""Bundles of a challenger: the champion's, with each model on trial in place of the model of the same name.

A bundle of another name answers another question. In the champion's place, it would refuse the pictures of the
champion's model, and give other pictures labels that do not fit the question.
"""

from __future__ import annotations

from collections.abc import Callable

from shared.bundles.references import STABLE, BundleReference, references_from
from shared.release.errors import ReleaseRefused

NameOf = Callable[[BundleReference], str]
"""Return the name under which a reference's bundle is served; raise ``ReleaseRefused`` where it cannot be read."""


def challenger_bundles(champion: str, requested: str, name_of: NameOf) -> str:
    """Return ``MODEL_BUNDLE`` of the challenger.

    Args:
        champion: ``MODEL_BUNDLE`` of the revision that serves.
        requested: the bundles on trial, in the same form: one reference or several.
        name_of: returns the name for a reference that has none.

    Raises:
        ReleaseRefused: a reference has a name that the champion does not serve.
        ValueError: ``champion`` or ``requested`` is malformed.
    """
    served = {_key(reference, name_of): reference for reference in references_from(champion)}
    names = list(dict.fromkeys(name for name, _ in served))
    for reference in references_from(requested):
        name, alias = _key(reference, name_of)
        if name not in names:
            raise ReleaseRefused(
                f"--bundle {reference.location} is the model {name!r}, "
                f"expected one that is served: {', '.join(names)}. "
                f"A challenger replaces the model of its name; if it is meant to be {names[0]!r}, use "
                f"--bundle {names[0]}={reference.location}"
            )
        before = served.get((name, alias))
        served[name, alias] = BundleReference(
            reference.location, reference.name or (before.name if before else None), reference.alias
        )
    return ",".join(str(reference) for reference in served.values())


def _key(reference: BundleReference, name_of: NameOf) -> tuple[str, str]:
    return reference.name or name_of(reference), reference.alias or STABLE
