"""A walk as a Mermaid flowchart."""

import re
from collections.abc import Sequence

from mlsteward.answer import clipped
from mlsteward.lineage.edge import Edge
from mlsteward.lineage.tree import edge_words

_SHAPES = {"dataset": ("[(", ")]"), "column": ("[", "]"), "model": ("{{", "}}"), "run": ("([", "])")}
_PLAIN = ("[", "]")


def mermaid(edges: Sequence[Edge], marked: Sequence[str] = (), *, most: int = 60) -> list[str]:
    """The lines of a chart of the first `most` connections, from left to right; `marked` assets stand out."""
    ways: dict[tuple[str, str], list[Edge]] = {}
    for edge in edges:
        ways.setdefault((edge.source, edge.target), []).append(edge)
    shown = list(ways.items())[:most]
    names = list(dict.fromkeys([*marked, *(asset for way, _ in shown for asset in way)]))
    places = {asset: f"n{place}" for place, asset in enumerate(names)}
    lines = ["flowchart LR"]
    lines += [f"  {place}{_node(asset)}" for asset, place in places.items()]
    lines += [f'  {places[near]} -->|"{_text(edge_words(way))}"| {places[far]}' for (near, far), way in shown]
    lines += [f"  style {places[asset]} stroke-width:3px" for asset in marked]
    if len(ways) > most:
        lines.append(f"  %% {len(ways) - most} more connections are not drawn")
    return lines


def _node(asset: str) -> str:
    opening, closing = _SHAPES.get(asset.partition(":")[0], _PLAIN)
    return f'{opening}"{_text(asset)}"{closing}'


def _text(words: str) -> str:
    """Words that Mermaid does not read as syntax."""
    return clipped(re.sub(r'["<>|`#;]', " ", words), 60)
