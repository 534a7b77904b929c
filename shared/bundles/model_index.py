"""The bundles that are served, by name, version and alias, as an immutable value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shared.bundles.bundle import Bundle
from shared.bundles.references import ALIASES, STABLE, BundleReference
from shared.errors import Misconfigured, UnknownModel

Entry = tuple[BundleReference, Bundle]


class ModelIndex:
    """An index of bundles in the order of ``MODEL_BUNDLE``; the first model is the default.

    One version of each model is ``stable``: the version with that alias, or else the first without an alias.

    Args:
        entries: one or more references, each with its bundle.

    Raises:
        Misconfigured: the message names every model that has an alias twice, no stable version, one version twice, or a
            version that is called like an alias.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = tuple(entries)
        by_name: dict[str, list[Entry]] = {}
        for reference, bundle in self.entries:
            by_name.setdefault(reference.name or bundle.manifest.name, []).append((reference, bundle))
        faults = [fault for name, entries_of_name in by_name.items() for fault in _faults_of(name, entries_of_name)]
        if faults:
            raise Misconfigured("MODEL_BUNDLE", faults)
        self._versions = {
            name: {bundle.manifest.version: bundle for _, bundle in versions} for name, versions in by_name.items()
        }
        self._by_alias = {name: _by_alias(versions) for name, versions in by_name.items()}

    @classmethod
    def of(cls, bundles: Sequence[Bundle]) -> ModelIndex:
        """Return an index of bundles, each referred to by its folder."""
        return cls([(BundleReference(str(bundle.folder)), bundle) for bundle in bundles])

    @property
    def names(self) -> tuple[str, ...]:
        """The models' names, the default first."""
        return tuple(self._versions)

    @property
    def default(self) -> Bundle:
        """The bundle for requests that name no model."""
        return self._by_alias[self.names[0]][STABLE]

    def __iter__(self) -> Iterator[Bundle]:
        """Yield every bundle once, even if several entries serve it."""
        return iter({bundle.digest: bundle for _, bundle in self.entries}.values())

    def __contains__(self, name: object) -> bool:
        return name in self._versions

    def name_of(self, requested: str) -> str:
        """Return a model's name from a requested name, which may end with ``@`` and a version."""
        return requested if requested in self else requested.rpartition("@")[0]

    def versions(self, name: str) -> tuple[str, ...]:
        """Return a model's versions, the stable one first."""
        return tuple(dict.fromkeys([self._by_alias[name][STABLE].manifest.version, *self._versions[name]]))

    def aliases(self, name: str) -> dict[str, str]:
        """Return a model's versions by alias."""
        return {alias: bundle.manifest.version for alias, bundle in self._by_alias[name].items()}

    def find(self, name: str | None, version: str | None = None) -> Bundle:
        """Return the bundle of a model's name and version.

        Args:
            name: a model's name, or ``name@version``; None for the default.
            version: a version of the model, or an alias; None for the stable version.

        Raises:
            UnknownModel: no such model or version is served.
        """
        requested = name if name is not None else self.names[0]
        model, at, alias = (requested, "", STABLE) if requested in self else requested.rpartition("@")
        if model in self and not (at and version):
            alias = version or alias
            if bundle := self._by_alias[model].get(alias) or self._versions[model].get(alias):
                return bundle
        raise UnknownModel(
            f"The model {requested[:200]!r} is not served here, expected one of: {self._expected(requested)}."
        )

    def _expected(self, requested: str) -> str:
        """List what could be requested: the versions and aliases of a served model, else the names of the models."""
        name = self.name_of(requested)
        if name not in self:
            return ", ".join(self.names)
        return ", ".join(f"{name}@{alias}" for alias in (*self.versions(name), *self._by_alias[name]))


def _by_alias(entries: Sequence[Entry]) -> dict[str, Bundle]:
    by_alias = {reference.alias: bundle for reference, bundle in reversed(entries)}
    stable = by_alias.get(STABLE) or by_alias[None]
    others = {alias: by_alias[alias] for alias in ALIASES[1:] if alias in by_alias}
    return {STABLE: stable, **others}


def _faults_of(name: str, entries: Sequence[Entry]) -> Iterator[str]:
    aliases = [reference.alias for reference, _ in entries]
    for alias in ALIASES:
        if aliases.count(alias) > 1:
            yield f"the model {name!r} has the alias {alias!r} twice, expected one version with it"
    if STABLE not in aliases and None not in aliases:
        yield f"the model {name!r} has no stable version; add one as {name}=PLACE or {name}@{STABLE}=PLACE"
    seen: dict[str, Entry] = {}
    for reference, bundle in entries:
        version = bundle.manifest.version
        if version in ALIASES:
            yield f"a version of the model {name!r} is called {version!r}, which is an alias; give it another version"
        if version in seen:
            before, other = seen[version]
            if bundle.digest != other.digest:
                yield f"the model {name!r} has two bundles of version {version!r} that differ: {before} and {reference}"
            elif reference.alias == before.alias:
                yield f"the model {name!r} has version {version!r} twice: {before} and {reference}"
        seen[version] = reference, bundle
