"""Datasets made by a statement whose sources have newer versions since."""

from collections.abc import Mapping

from mlsteward.errors import InvalidArgument, Refused
from mlsteward.lineage.edge import dataset_asset
from mlsteward.names import parse_reference
from mlsteward.record import Record
from mlsteward.store.datasets import find_dataset
from mlsteward.store.lineage import edges_to
from mlsteward.store.masking import MASKED
from mlsteward.store.transaction import Transaction


class Stale(Record):
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


def stale_sources(transaction: Transaction, label: str) -> list[Stale]:
    """What a version, `late@2`, was made from that is no longer the newest; what has to be made anew first comes first.

    A source that the statement names with its version is meant to stay.
    """
    found: dict[str, list[Stale]] = {}
    _look(transaction, label, _newest_numbers(transaction), found)
    return [one for stale in found.values() for one in stale]


def _newest_numbers(transaction: Transaction) -> dict[str, int]:
    """The number of the newest version of each dataset."""
    return dict(transaction.rows("SELECT name, max(version) FROM dataset_versions WHERE held = '' GROUP BY name"))


def _look(transaction: Transaction, label: str, newest: Mapping[str, int], found: dict[str, list[Stale]]) -> None:
    if label in found:
        return
    found[label] = []
    stale: list[Stale] = []
    for name, version in _unpinned(transaction, label).items():
        if name not in newest:
            continue
        latest = f"{name}@{newest[name]}"
        _look(transaction, latest, newest, found)
        if newest[name] > version:
            stale.append(Stale(dataset=label, source=f"{name}@{version}", newest=latest))
    # Behind those of its sources.
    del found[label]
    found[label] = stale


def _unpinned(transaction: Transaction, label: str) -> dict[str, int]:
    """The datasets that a version was made from by their bare names, and the newest version that was read of each."""
    versions: dict[str, int] = {}
    for edge in edges_to(transaction, [dataset_asset(label)]):
        if edge.kind == "transform" and not edge.detail.get("pinned"):
            source = parse_reference(edge.source)
            versions[source.name] = max(versions.get(source.name, 0), int(source.version))
    return versions


def stale_datasets(transaction: Transaction) -> dict[str, str]:
    """What is to say of each dataset whose newest version was made from a source that has a newer one, by name."""
    newest = _newest_numbers(transaction)
    read: dict[tuple[str, str], int] = {}
    rows = transaction.rows(
        "SELECT DISTINCT target, source FROM lineage"
        " WHERE kind = 'transform' AND json_extract_string(detail, '$.pinned') IS NULL"
    )
    for target, source in rows:
        made, origin = parse_reference(target), parse_reference(source)
        if str(newest.get(made.name, "")) == made.version:
            way = made.name, origin.name
            read[way] = max(read.get(way, 0), int(origin.version))
    words: dict[str, list[str]] = {}
    for (made, origin), version in sorted(read.items()):
        if version < newest.get(origin, 0):
            words.setdefault(made, []).append(f"{origin}@{version}, of which there is version {newest[origin]}")
    return {name: f"stale: made from {' and '.join(parts)}" for name, parts in words.items()}


def statement_of(transaction: Transaction, name: str) -> str:
    """The SQL that made the newest version of a dataset that SQL made.

    Raises InvalidArgument where there is none, and Refused where it is not for the reader.
    """
    if find_dataset(transaction, name, rows=False).sql == MASKED:
        raise Refused(f"The statement of {name} reads columns that are masked for your clearance; give your own `sql`.")
    row = transaction.row(
        "SELECT sql FROM dataset_versions WHERE name = ? AND sql <> '' ORDER BY version DESC LIMIT 1", [name]
    )
    if row is None:
        raise InvalidArgument(
            f"`{name}` was not made by a statement, so there is none to run again: give `sql`.",
            next=f'transform_dataset(name="{name}", sql=…)',
        )
    return row[0]
