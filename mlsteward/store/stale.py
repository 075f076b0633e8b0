"""Datasets made by a statement whose sources have newer versions since."""

from pydantic import BaseModel

from mlsteward.store.datasets import DatasetVersion, find_dataset, newest_version
from mlsteward.store.transaction import Transaction


class Stale(BaseModel):
    """`dataset` was made from `source`, of which there is the newer version `newest`."""

    dataset: str
    source: str
    newest: str

    @property
    def words(self) -> str:
        name, _, version = self.newest.partition("@")
        return f"stale: {self.dataset} was made from {self.source}, and {name} has version {version}"

    @property
    def remedy(self) -> str:
        """The call that makes it anew."""
        return f'transform_dataset(name="{self.dataset.partition("@")[0]}")'


def stale_sources(transaction: Transaction, version: DatasetVersion) -> list[Stale]:
    """What a version was made from that is no longer the newest, what has to be made anew first coming first.

    A source that the statement names with its version is meant to stay.
    """
    found: dict[str, list[Stale]] = {}
    _look(transaction, version, found)
    return [one for stale in found.values() for one in stale]


def _look(transaction: Transaction, version: DatasetVersion, found: dict[str, list[Stale]]) -> None:
    if version.label in found or not version.sql:
        return
    stale: list[Stale] = []
    for source in version.sources:
        label = source.removeprefix("dataset:")
        if f'"{label}"' in version.sql.lower():
            continue
        newest = newest_version(transaction, label.partition("@")[0])
        if newest and newest.label != label:
            stale.append(Stale(dataset=version.label, source=label, newest=newest.label))
        _look(transaction, newest or find_dataset(transaction, label), found)
    found[version.label] = stale
