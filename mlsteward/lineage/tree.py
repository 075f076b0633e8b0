"""A walk as a small tree in text, and the words of its edges."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mlsteward.answer import clipped, counted, number
from mlsteward.lineage.edge import Edge
from mlsteward.lineage.graph import Walk

_SUBTYPES = {
    "IDENTITY": "as it is",
    "TRANSFORMATION": "transformed",
    "AGGREGATION": "aggregated",
    "JOIN": "joins by it",
    "GROUP_BY": "groups by it",
    "FILTER": "filters by it",
    "SORT": "sorts by it",
    "WINDOW": "window over it",
    "CONDITIONAL": "condition on it",
}
# Of runs that hang on one asset, so many are named.
_RUNS = 3
_LONGEST = 160


@dataclass
class Branch:
    """An asset below those it was reached from, with how; an asset reached in several ways stands below the first."""

    asset: str
    how: str = ""
    branches: list["Branch"] = field(default_factory=list["Branch"])

    def count(self) -> int:
        return 1 + sum(branch.count() for branch in self.branches)


def edge_words(edges: Sequence[Edge]) -> str:
    """What one or more edges between the same two assets say."""
    words = [_words(edge) for edge in edges]
    runs = dict.fromkeys(f"run:{edge.run}" for edge in edges if edge.run and f"run:{edge.run}" != edge.target)
    return "; ".join(dict.fromkeys(words)) + (f" ({', '.join(list(runs)[:_RUNS])})" if runs else "")


def _words(edge: Edge) -> str:
    if edge.kind == "column":
        return _SUBTYPES.get(edge.detail.get("subtype", ""), "column")
    if edge.kind == "feature":
        return f"feature{importance_words(edge)}"
    return f"{edge.kind}, columns not followed" if edge.hides_columns else edge.kind


def importance_words(edge: Edge) -> str:
    """`: importance 0.21 roc_auc, rank 1` of a feature edge; "" where it was not measured."""
    if "importance" not in edge.detail:
        return ""
    return f": importance {number(edge.detail['importance'], 2)} {edge.detail['metric']}, rank {edge.detail['rank']}"


def grow(walk: Walk) -> list[Branch]:
    """The walk as trees, one for each start that leads anywhere."""
    branches = {asset: Branch(asset) for asset in walk.distance}
    ways: dict[tuple[str, str], list[Edge]] = {}
    for edge in walk.edges:
        ways.setdefault((walk.near(edge), walk.far(edge)), []).append(edge)
    placed = set(walk.start)
    for (near, far), edges in ways.items():
        if far not in placed and walk.distance[far] == walk.distance[near] + 1:
            placed.add(far)
            branches[far].how = edge_words(edges)
            branches[near].branches.append(branches[far])
    roots = [branches[asset] for asset in walk.start]
    return [root for root in roots if root.branches]


def tree_lines(roots: Sequence[Branch], most: int) -> tuple[list[str], int]:
    """The first `most` lines, breadth before depth where room is short, and how many assets they leave out."""
    kept = _kept(roots, most)
    lines: list[str] = []
    for root in roots:
        if id(root) in kept:
            _write(root, 0, kept, lines)
    return lines, sum(root.count() for root in roots) - _told(roots, kept)


def _kept(roots: Sequence[Branch], most: int) -> set[int]:
    """The branches that are shown: level by level, until there is no more room."""
    kept: set[int] = set()
    level = list(roots)
    while level and len(kept) < most:
        kept |= {id(branch) for branch in level[: most - len(kept)]}
        level = [inner for branch in level if id(branch) in kept for inner in _shown(branch)]
    return kept


def _shown(branch: Branch) -> list[Branch]:
    """All below, but of many runs that lead nowhere only the first."""
    ends = [inner for inner in branch.branches if _is_end(inner)]
    return [inner for inner in branch.branches if not _is_end(inner)] + ends[:_RUNS]


def _is_end(branch: Branch) -> bool:
    return branch.asset.startswith("run:") and not branch.branches


def _told(roots: Sequence[Branch], kept: set[int]) -> int:
    """The assets that are shown, or counted among the runs of one that is."""
    told = 0
    pending = list(roots)
    while pending:
        branch = pending.pop()
        if id(branch) in kept:
            ends = [inner for inner in branch.branches if _is_end(inner)]
            told += 1 + max(len(ends) - _RUNS, 0)
            pending += _shown(branch)
    return told


def _write(branch: Branch, depth: int, kept: set[int], lines: list[str]) -> None:
    how = f" ({branch.how})" if branch.how else ""
    lines.append(clipped(f"{'  ' * depth}{'- ' if depth else ''}{branch.asset}{how}", _LONGEST))
    for inner in _shown(branch):
        if id(inner) in kept:
            _write(inner, depth + 1, kept, lines)
    hidden = sum(_is_end(inner) for inner in branch.branches) - _RUNS
    if hidden > 0:
        lines.append(f"{'  ' * (depth + 1)}- and {counted(hidden, 'more run')}")
