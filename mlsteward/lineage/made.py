"""The edges of what runs make."""

from collections.abc import Mapping, Sequence

from mlsteward.lineage.columns import ColumnEdge
from mlsteward.lineage.edge import SOURCE, Edge, column_asset, dataset_asset, model_asset
from mlsteward.training.signature import ImportanceRow

# Of one statement, so many edges of columns are kept; beyond, each column may come from any.
MOST_COLUMN_EDGES = 20_000


def read_edges(dataset: str, source: str, run: int) -> list[Edge]:
    """A version that was read from a source, whose text holds no secret."""
    return [Edge(source=f"{SOURCE}{source}", target=dataset_asset(dataset), kind="register", run=run)]


def transform_edges(dataset: str, tables: Mapping[str, str], columns: Sequence[ColumnEdge], run: int) -> list[Edge]:
    """A version that a statement made; `tables` has the version of each table that it names."""
    target = dataset_asset(dataset)
    unknown = len(columns) > MOST_COLUMN_EDGES or any(one.subtype == "UNKNOWN" for one in columns)
    detail = {"columns": "unknown"} if unknown else {}
    # A version that is read under its bare name too is not pinned.
    pinned = {label: all("@" in table for table, same in tables.items() if same == label) for label in tables.values()}
    edges = [
        Edge(
            source=dataset_asset(label),
            target=target,
            kind="transform",
            run=run,
            detail=detail | ({"pinned": True} if fixed else {}),
        )
        for label, fixed in pinned.items()
    ]
    return edges if unknown else edges + [_column_edge(dataset, tables, one, run) for one in columns]


def _column_edge(dataset: str, tables: Mapping[str, str], one: ColumnEdge, run: int) -> Edge:
    return Edge(
        source=column_asset(tables[one.source_table], one.source_column),
        target=column_asset(dataset, one.column) if one.column else dataset_asset(dataset),
        kind="column",
        run=run,
        detail={"type": one.kind.upper(), "subtype": one.subtype},
    )


def copied_columns(dataset: str, origin: str, columns: Sequence[str], run: int) -> list[Edge]:
    """Columns of a version that are those of another, as they are."""
    detail = {"type": "DIRECT", "subtype": "IDENTITY"}
    return [
        Edge(
            source=column_asset(origin, column),
            target=column_asset(dataset, column),
            kind="column",
            run=run,
            detail=detail,
        )
        for column in columns
    ]


def training_edges(
    model: str,
    dataset: str,
    *,
    target: str,
    features: Sequence[str],
    importance: Sequence[ImportanceRow],
    metric: str,
    run: int,
) -> list[Edge]:
    """A model, the version it was trained on, and the columns it uses with what permuting each costs in `metric`."""
    asset = model_asset(model)
    measured = {
        column: {"importance": round(row.value, 6), "metric": metric, "rank": rank}
        for rank, row in enumerate(importance, start=1)
        for column in row.columns
    }
    edges = [
        Edge(source=dataset_asset(dataset), target=asset, kind="train", run=run),
        Edge(source=column_asset(dataset, target), target=asset, kind="target", run=run),
    ]
    return edges + [
        Edge(
            source=column_asset(dataset, feature),
            target=asset,
            kind="feature",
            run=run,
            detail=measured.get(feature, {}),
        )
        for feature in features
    ]


def predicted_edges(dataset: str, model: str, origin: str, columns: Sequence[str], run: int) -> list[Edge]:
    """A version that holds predictions, the `columns`, beside the rows of another (`origin`; "" for rows of a call)."""
    asset, target = model_asset(model), dataset_asset(dataset)
    edges = [Edge(source=asset, target=target, kind="predict", run=run)]
    edges += [Edge(source=asset, target=column_asset(dataset, column), kind="predict", run=run) for column in columns]
    if origin:
        edges.append(Edge(source=dataset_asset(origin), target=target, kind="predict", run=run))
    return edges


def used_edges(run: int, kind: str, *, models: Sequence[str] = (), datasets: Sequence[str] = ()) -> list[Edge]:
    """What a run looked at, of which it left a judgement."""
    assets = [*map(model_asset, filter(None, models)), *map(dataset_asset, filter(None, datasets))]
    return [Edge(source=asset, target=f"run:{run}", kind=kind, run=run) for asset in dict.fromkeys(assets)]
