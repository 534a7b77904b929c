"""Which bundles are served, by name, version and label: a value, which never changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shared.bundles.bundle import Bundle
from shared.bundles.references import LABELS, STABLE, Place
from shared.errors import Misconfigured, UnknownModel

Entry = tuple[Place, Bundle]


class ModelIndex:
    """Bundles in the order of ``MODEL_BUNDLE``; the first model is what is meant where none is named.

    Of several versions of a model one is ``stable``: the one that is labelled so, or else the first that has no label.

    Args:
        entries: one or more places, and the bundle that lies there.

    Raises:
        Misconfigured: naming every model that has a label twice, no stable version, one version twice, or a version
            that is called like a label.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = tuple(entries)
        by_name: dict[str, list[Entry]] = {}
        for place, bundle in self.entries:
            by_name.setdefault(place.name or bundle.manifest.name, []).append((place, bundle))
        faults = [fault for name, those in by_name.items() for fault in _faults_of(name, those)]
        if faults:
            raise Misconfigured("MODEL_BUNDLE", faults)
        self._versions = {
            name: {bundle.manifest.version: bundle for _, bundle in those} for name, those in by_name.items()
        }
        self._labelled = {name: _labelled(those) for name, those in by_name.items()}

    @classmethod
    def of(cls, bundles: Sequence[Bundle]) -> ModelIndex:
        """Return the index of bundles that have no place of their own."""
        return cls([(Place(str(bundle.folder)), bundle) for bundle in bundles])

    @property
    def names(self) -> tuple[str, ...]:
        """The models, the default first."""
        return tuple(self._versions)

    @property
    def default(self) -> Bundle:
        """What is meant where no model is named."""
        return self._labelled[self.names[0]][STABLE]

    def __iter__(self) -> Iterator[Bundle]:
        """Yield every bundle once, whatever it is served as."""
        return iter({bundle.digest: bundle for _, bundle in self.entries}.values())

    def __contains__(self, name: object) -> bool:
        return name in self._versions

    def name_of(self, asked: str) -> str:
        """Return the model's name of a name that may have a version behind ``@``."""
        return asked if asked in self else asked.rpartition("@")[0]

    def versions(self, name: str) -> tuple[str, ...]:
        """Return a model's versions, the stable one first."""
        return tuple(dict.fromkeys([self._labelled[name][STABLE].manifest.version, *self._versions[name]]))

    def labels(self, name: str) -> dict[str, str]:
        """Return which version has which label."""
        return {label: bundle.manifest.version for label, bundle in self._labelled[name].items()}

    def find(self, name: str | None, version: str | None = None) -> Bundle:
        """Return a bundle.

        Args:
            name: of a model, or ``name@version``; None for the default.
            version: of the model, or a label; None for the stable one.

        Raises:
            UnknownModel: it is not served.
        """
        asked = name if name is not None else self.names[0]
        known, at, wanted = (asked, "", STABLE) if asked in self else asked.rpartition("@")
        if known in self and not (at and version):
            wanted = version or wanted
            if found := self._labelled[known].get(wanted) or self._versions[known].get(wanted):
                return found
        raise UnknownModel(f"The model {asked[:200]!r} is not served here, expected one of: {self._expected(asked)}.")

    def _expected(self, asked: str) -> str:
        """Say what could be asked for: of a model that is served its versions and labels, else the models."""
        name = self.name_of(asked)
        if name not in self:
            return ", ".join(self.names)
        return ", ".join(f"{name}@{one}" for one in (*self.versions(name), *self._labelled[name]))


def _labelled(entries: Sequence[Entry]) -> dict[str, Bundle]:
    by_label = {place.label: bundle for place, bundle in reversed(entries)}
    stable = by_label.get(STABLE) or by_label[None]
    others = {label: by_label[label] for label in LABELS[1:] if label in by_label}
    return {STABLE: stable, **others}


def _faults_of(name: str, entries: Sequence[Entry]) -> Iterator[str]:
    labels = [place.label for place, _ in entries]
    for label in LABELS:
        if labels.count(label) > 1:
            yield f"the model {name!r} has the label {label!r} twice, expected one version with it"
    if STABLE not in labels and None not in labels:
        yield f"the model {name!r} has no stable version; name one as {name}=PLACE or {name}@{STABLE}=PLACE"
    seen: dict[str, Entry] = {}
    for place, bundle in entries:
        version = bundle.manifest.version
        if version in LABELS:
            yield f"a version of the model {name!r} is called {version!r}, which is a label; call it otherwise"
        if version in seen:
            before, other = seen[version]
            if bundle.digest != other.digest:
                yield f"the model {name!r} has two bundles of version {version!r} that differ: {before} and {place}"
            elif place.label == before.label:
                yield f"the model {name!r} has version {version!r} twice: {before} and {place}"
        seen[version] = place, bundle
