"""Walking the graph of lineage, one step of many assets at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mlsteward.lineage.edge import COLUMN, OF_COLUMNS, Edge, table_of

Way = Literal["upstream", "downstream"]
# The edges that leave (downstream) or reach (upstream) any of some assets.
Step = Callable[[Sequence[str], Way], Sequence[Edge]]

# A walk ends after so many assets: what is asked of it does not grow with the workspace.
MOST_ASSETS = 5_000


@dataclass
class Walk:
    """What was reached from `start`: the distance of each asset in the order met, and the edges between them.

    `cut` says that the graph goes on where the walk ended, for want of depth or room.
    """

    way: Way
    start: list[str]
    distance: dict[str, int] = field(default_factory=dict[str, int])
    edges: list[Edge] = field(default_factory=list[Edge])
    cut: bool = False

    @property
    def reached(self) -> list[str]:
        """All but the start, the nearest first."""
        return [asset for asset, steps in self.distance.items() if steps]

    def near(self, edge: Edge) -> str:
        """The end of an edge that the walk comes from."""
        return edge.source if self.way == "downstream" else edge.target

    def far(self, edge: Edge) -> str:
        """The end of an edge that the walk goes to."""
        return edge.target if self.way == "downstream" else edge.source


def walk(start: Sequence[str], way: Way, step: Step, *, depth: int, most: int = MOST_ASSETS) -> Walk:
    """Breadth first from `start`, at most `depth` steps and `most` assets. Cycles and diamonds are met once."""
    found = Walk(way, list(dict.fromkeys(start)))
    found.distance = dict.fromkeys(found.start, 0)
    frontier = found.start
    for steps in range(1, depth + 2):
        place = {asset: order for order, asset in enumerate(frontier)}
        edges = sorted(follow(frontier, way, step), key=lambda edge: place[found.near(edge)])
        if steps > depth:
            found.cut |= any(found.far(edge) not in found.distance for edge in edges)
            break
        frontier = []
        for edge in edges:
            far = found.far(edge)
            if far not in found.distance:
                if len(found.distance) >= most:
                    found.cut = True
                    continue
                found.distance[far] = steps
                frontier.append(far)
            found.edges.append(edge)
        if not frontier:
            break
    return found


def follow(assets: Sequence[str], way: Way, step: Step) -> list[Edge]:
    """The edges one step on. Datasets and models lead to datasets and models, columns to columns and what they are in.

    A column whose own way was not recorded goes where its dataset goes.
    """
    columns = [asset for asset in assets if asset.startswith(COLUMN)]
    others = [asset for asset in assets if not asset.startswith(COLUMN)]
    edges = _from_columns(columns, step) if way == "downstream" else _to_columns(columns, step)
    return edges + ([edge for edge in step(others, way) if _is_coarse(edge)] if others else [])


def _is_coarse(edge: Edge) -> bool:
    """Whether it joins wholes: the columns of a dataset have an edge of the dataset beside theirs."""
    return edge.kind not in OF_COLUMNS and not edge.target.startswith(COLUMN)


def _from_columns(columns: Sequence[str], step: Step) -> list[Edge]:
    """Where columns went, and their datasets in edges that hide which columns they took."""
    if not columns:
        return []
    edges = list(step(columns, "downstream"))
    hidden = [edge for edge in step(_tables(columns), "downstream") if edge.hides_columns]
    return edges + _of_each_column(columns, hidden, "downstream")


def _to_columns(columns: Sequence[str], step: Step) -> list[Edge]:
    """Where columns came from: columns that decided which rows there are count, and what their dataset was made of
    where no column is known."""
    if not columns:
        return []
    own = list(step(columns, "upstream"))
    known = {edge.target for edge in own}
    whole = list(step(_tables(columns), "upstream"))
    choosing = [edge for edge in whole if edge.kind == "column"]
    coarse = [edge for edge in whole if edge.kind not in OF_COLUMNS and (edge.hides_columns or edge.kind == "register")]
    lost = [column for column in columns if column not in known]
    return [
        *own,
        *_of_each_column(columns, choosing, "upstream"),
        *_of_each_column(lost, coarse, "upstream"),
    ]


def _tables(columns: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(map(table_of, columns)))


def _of_each_column(columns: Sequence[str], edges: Sequence[Edge], way: Way) -> list[Edge]:
    """Edges of datasets as edges of the columns in them."""
    end = "source" if way == "downstream" else "target"
    by_table: dict[str, list[Edge]] = {}
    for edge in edges:
        by_table.setdefault(getattr(edge, end), []).append(edge)
    return [edge.model_copy(update={end: column}) for column in columns for edge in by_table.get(table_of(column), [])]


def path_between(start: Sequence[str], goals: Sequence[str], step: Step, *, depth: int) -> list[Edge]:
    """The edges of a shortest way from any of `start` to any of `goals`, or else the other way round; [] without one.

    They are in the order in which things were made.
    """
    ahead = walk(start, "downstream", step, depth=depth)
    if goal := _nearest(ahead, goals):
        return _back(ahead, goal)
    behind = walk(start, "upstream", step, depth=depth)
    goal = _nearest(behind, goals)
    return _back(behind, goal)[::-1] if goal else []


def _nearest(found: Walk, goals: Sequence[str]) -> str:
    return min((goal for goal in goals if goal in found.distance), key=found.distance.__getitem__, default="")


def _back(found: Walk, goal: str) -> list[Edge]:
    came: dict[str, Edge] = {}
    for edge in found.edges:
        far, near = found.far(edge), found.near(edge)
        if found.distance[far] == found.distance[near] + 1:
            came.setdefault(far, edge)
    edges: list[Edge] = []
    while found.distance[goal]:
        edges.append(came[goal])
        goal = found.near(came[goal])
    return edges[::-1]
