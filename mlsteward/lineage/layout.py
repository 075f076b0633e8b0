"""Where assets stand in a picture: in layers from left to right, neighbours near one another.

The layering is that of K. Sugiyama, S. Tagawa and M. Toda, "Methods for visual understanding of hierarchical system
structures", IEEE Transactions on Systems, Man, and Cybernetics 11 (1981): longest paths, then barycentres.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlsteward.lineage.edge import Edge

MOST_PLACES = 48
_SWEEPS = 4

Way = tuple[str, str]


@dataclass
class Layout:
    """`places` has, for each asset, its layer from the left and its row, centred on 0; `ways` joins them."""

    places: dict[str, tuple[int, float]] = field(default_factory=dict[str, tuple[int, float]])
    ways: list[Way] = field(default_factory=list[Way])
    marked: list[str] = field(default_factory=list[str])
    left_out: int = 0


def lay_out(edges: Sequence[Edge], marked: Sequence[str] = (), most: int = MOST_PLACES) -> Layout:
    """The places of the first `most` assets and the ways between them."""
    ways = list(dict.fromkeys((edge.source, edge.target) for edge in edges if edge.source != edge.target))
    assets = list(dict.fromkeys([*marked, *(asset for way in ways for asset in way)]))
    kept = set(assets[:most])
    drawn = [way for way in ways if way[0] in kept and way[1] in kept]
    # Marked assets that nothing leads to or from have nothing to tell beside others that have.
    met = {asset for way in drawn for asset in way} or kept
    shown = [asset for asset in assets if asset in kept & met]
    layers = _ordered(shown, drawn, _layers(shown, drawn))
    places = {
        asset: (layer, row - (len(column) - 1) / 2)
        for layer, column in enumerate(layers)
        for row, asset in enumerate(column)
    }
    return Layout(places, drawn, [asset for asset in marked if asset in places], len(assets) - len(kept))


def _layers(assets: Sequence[str], ways: Sequence[Way]) -> dict[str, int]:
    """The longest way to each asset; a way back, closing a cycle, does not count."""
    after: dict[str, list[str]] = {asset: [] for asset in assets}
    for near, far in ways:
        after[near].append(far)
    reached = {far for _, far in ways}
    finished: dict[str, None] = {}
    ahead: list[Way] = []
    for asset in sorted(assets, key=lambda asset: asset in reached):
        _descend(asset, after, finished, ahead)
    layers = dict.fromkeys(assets, 0)
    # Whoever was finished last stands before all that it leads to.
    place = {asset: -order for order, asset in enumerate(finished)}
    for near, far in sorted(ahead, key=lambda way: place[way[0]]):
        layers[far] = max(layers[far], layers[near] + 1)
    return layers


def _descend(asset: str, after: Mapping[str, Sequence[str]], finished: dict[str, None], ahead: list[Way]) -> None:
    """Depth first from an asset: put what is done into `finished`, and the ways that close no cycle into `ahead`."""
    path = {asset: iter(after[asset])} if asset not in finished else {}
    while path:
        near = next(reversed(path))
        far = next(path[near], None)
        if far is None:
            finished[near] = None
            del path[near]
        elif far not in path:
            ahead.append((near, far))
            if far not in finished:
                path[far] = iter(after[far])


def _ordered(assets: Sequence[str], ways: Sequence[Way], layers: Mapping[str, int]) -> list[list[str]]:
    """The assets of each layer, moved towards their neighbours by their mean row, forth and back."""
    columns: list[list[str]] = [[] for _ in range(1 + max(layers.values(), default=0))]
    for asset in assets:
        columns[layers[asset]].append(asset)
    neighbours: dict[str, list[str]] = {asset: [] for asset in assets}
    for near, far in ways:
        neighbours[near].append(far)
        neighbours[far].append(near)
    for sweep in range(_SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            rows = {asset: row - len(other) / 2 for other in columns for row, asset in enumerate(other)}
            column.sort(key=lambda asset: _mean([rows[other] for other in neighbours[asset]], rows[asset]))
    return columns


def _mean(rows: Sequence[float], otherwise: float) -> float:
    return sum(rows) / len(rows) if rows else otherwise
