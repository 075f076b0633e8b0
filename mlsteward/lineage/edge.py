"""One step of lineage: what came out of what, by which run."""

from typing import Any

from mlsteward.names import parse_reference
from mlsteward.record import Record

SOURCE = "source:"
COLUMN = "column:"
# Edges of columns, which stand beside an edge of their datasets.
OF_COLUMNS = frozenset({"column", "feature", "target"})


class Edge(Record):
    """`source` went into `target`.

    Both are canonical references with a version: `dataset:flights@3`, `column:flights@3.dep_delay`, `run:142`,
    `model:delay@2` (a model without a name is its run), `deployment:delay`, `alert:7`; `source:FILE` is what a dataset
    was read from. `kind` says how: register, transform, train, predict, evaluate, …; column for the values of a column,
    feature and target for the columns of a model. `detail` is small and holds no values of data:

    - of a column edge `type`, DIRECT or INDIRECT, and `subtype`: IDENTITY, TRANSFORMATION, AGGREGATION, JOIN, GROUP_BY,
      FILTER, SORT, WINDOW, CONDITIONAL. Its target is the whole dataset where the column decides which rows there are.
    - of an edge between datasets `columns: unknown` where their columns could not be followed, and `pinned: true` where
      the statement names the version of the source.
    - of a feature edge `importance` with the `metric` that it costs, and `rank`, from 1.
    """

    source: str
    target: str
    kind: str
    run: int | None = None
    detail: dict[str, Any] = {}

    @property
    def hides_columns(self) -> bool:
        """Whether each column of the source may be in each column of the target."""
        return self.detail.get("columns") == "unknown"


def dataset_asset(label: str) -> str:
    """`dataset:flights@3` for `flights@3`."""
    return label if label.startswith("dataset:") else f"dataset:{label}"


def column_asset(label: str, column: str) -> str:
    """`column:flights@3.dep_delay` for `flights@3` and `dep_delay`."""
    return f"{COLUMN}{label.removeprefix('dataset:')}.{column}"


def model_asset(label: str) -> str:
    """`model:delay@2`; a model without a name is its run."""
    return label if label.startswith(("run:", "model:")) else f"model:{label}"


def table_of(column: str) -> str:
    """`dataset:flights@3` for `column:flights@3.dep_delay`."""
    return f"dataset:{column.removeprefix(COLUMN).partition('.')[0]}"


def without_version(asset: str) -> str:
    """`column:flights.dep_delay` for `column:flights@3.dep_delay`; a source is as it is."""
    if asset.startswith(SOURCE):
        return asset
    reference = parse_reference(asset)
    column = f".{reference.column}" if reference.column else ""
    return f"{reference.kind}:{reference.name}{column}"
