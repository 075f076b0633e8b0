"""All that the store knows of where an asset comes from and where it went."""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

from mlsteward.lineage.edge import Edge
from mlsteward.lineage.graph import Walk
from mlsteward.lineage.impact import ModelUse, model_uses
from mlsteward.names import KINDS, parse_reference
from mlsteward.store.aliases import all_aliases
from mlsteward.store.dictionary import entries_of
from mlsteward.store.lineage import walk_lineage
from mlsteward.store.lineage_assets import TracedAsset, find_traced
from mlsteward.store.stale import Stale, stale_sources
from mlsteward.store.transaction import Transaction

Direction = Literal["both", "upstream", "downstream"]
PAGE = "mlsteward://lineage/"
# Whether what lies upstream is stale is asked of so many datasets, the nearest.
_MOST_STALE = 20
_IN_ADDRESS = re.compile(r"[\w.@+ -]{1,200}")


@dataclass
class Trace:
    """An asset with the walks that were asked for, who owns it, the models that use it and what of it is stale.

    `aliases` says which of the models on the way have some.
    """

    asset: TracedAsset
    upward: Walk | None = None
    downward: Walk | None = None
    owner: str = ""
    uses: list[ModelUse] = field(default_factory=list[ModelUse])
    stale: list[Stale] = field(default_factory=list[Stale])
    aliases: list[str] = field(default_factory=list[str])

    @property
    def walks(self) -> list[Walk]:
        return [walk for walk in (self.upward, self.downward) if walk]

    @property
    def edges(self) -> list[Edge]:
        return [edge for walk in self.walks for edge in walk.edges]

    @property
    def connected(self) -> list[str]:
        """The versions of the asset that have lineage."""
        ends = {asset for edge in self.edges for asset in (edge.source, edge.target)}
        return [asset for asset in dict.fromkeys(start for walk in self.walks for start in walk.start) if asset in ends]

    @property
    def fingerprint(self) -> str:
        """The same for the same edges."""
        lines = sorted(f"{edge.source} {edge.target} {edge.kind} {edge.run}" for edge in self.edges)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]

    @property
    def page(self) -> str:
        """The address of the asset's page; "" where its name cannot stand in one."""
        kind, _, name = self.asset.name.partition(":")
        return f"{PAGE}{kind}/{quote(name, safe='@')}" if kind in KINDS and _IN_ADDRESS.fullmatch(name) else ""


def trace(transaction: Transaction, text: str, direction: Direction, depth: int) -> Trace:
    """The lineage of the asset that `text` names. Raises NotFound."""
    asset = find_traced(transaction, text)
    found = Trace(asset, owner=_owner(transaction, asset))
    if direction != "downstream":
        found.upward = walk_lineage(transaction, asset.upward, "upstream", depth)
        found.stale = _stale(transaction, asset, found.upward)
    if direction != "upstream":
        found.downward = walk_lineage(transaction, asset.downward, "downstream", depth)
        found.uses = model_uses(found.downward)
    found.aliases = _aliases(transaction, found)
    return found


def _aliases(transaction: Transaction, found: Trace) -> list[str]:
    """`model:delay@3 is champion`, of the models that were reached and of the asset itself."""
    near = {asset: None for walk in found.walks for asset in walk.distance if asset.startswith("model:")}
    near |= {found.asset.name: None} if found.asset.name.startswith("model:") else {}
    standing = all_aliases(transaction) if near else {}
    words: list[str] = []
    for asset in near:
        reference = parse_reference(asset)
        own = [
            alias for alias, version in standing.get(reference.name, {}).items() if str(version) == reference.version
        ]
        words += [f"{asset} is {' and '.join(own)}"] if own else []
    return words


def _owner(transaction: Transaction, asset: TracedAsset) -> str:
    """The owner of the column in the data dictionary, else of its dataset."""
    if not asset.newest:
        return ""
    owners = {entry.column: entry.owner for entry in entries_of(transaction, asset.newest.name)}
    reference = parse_reference(asset.name)
    return owners.get(reference.column, "") or owners.get("", "")


def _stale(transaction: Transaction, asset: TracedAsset, walk: Walk) -> list[Stale]:
    """What is stale of the asset and of the datasets it came from."""
    labels = dict.fromkeys(label for label in map(_dataset_of, walk.distance) if label)
    nearest = list(labels)[:_MOST_STALE]
    found = {one.words: one for label in nearest for one in stale_sources(transaction, label)}
    return list(found.values())


def _dataset_of(asset: str) -> str:
    if not asset.startswith(("dataset:", "column:")):
        return ""
    reference = parse_reference(asset)
    return f"{reference.name}@{reference.version}"
