"""What a challenger serves: all that the champion serves, with the models on trial in place of those of their names.

A bundle of another name answers another question. Put in the champion's place, it would refuse the pictures of the
champion's model, and label others with words that nobody asked for.
"""

from __future__ import annotations

from collections.abc import Callable

from shared.bundles.references import STABLE, Place, places_from
from shared.release.errors import ReleaseRefused

NameOf = Callable[[Place], str]
"""Returns the name that a place is served under; raises ``ReleaseRefused`` where it cannot be found out."""


def challenger_bundles(champion: str, wanted: str, name_of: NameOf) -> str:
    """Return ``MODEL_BUNDLE`` of the challenger.

    Args:
        champion: ``MODEL_BUNDLE`` of the revision that serves.
        wanted: what is to be tried out, in the same form: one place or several.
        name_of: finds out the name of a place that has none.

    Raises:
        ReleaseRefused: a place is of a name that the champion does not serve.
        ValueError: one of the two is malformed.
    """
    served = {_key(place, name_of): place for place in places_from(champion)}
    names = list(dict.fromkeys(name for name, _ in served))
    for place in places_from(wanted):
        name, label = _key(place, name_of)
        if name not in names:
            raise ReleaseRefused(
                f"--bundle {place.where} is the model {name!r}, expected one that is served: {', '.join(names)}. A "
                f"challenger takes the place of the model of its name; if it is meant to be {names[0]!r}, say so with "
                f"--bundle {names[0]}={place.where}"
            )
        before = served.get((name, label))
        served[name, label] = Place(place.where, place.name or (before.name if before else None), place.label)
    return ",".join(str(place) for place in served.values())


def _key(place: Place, name_of: NameOf) -> tuple[str, str]:
    return place.name or name_of(place), place.label or STABLE
