"""What is counted of a model's rows: fixed when it is first watched, by the data that it was trained on.

Light to import; `grids`, `segments` and `profiling` fit it and count by it.
"""

from collections.abc import Mapping
from typing import Literal

from mlsteward.evaluation.directions import Task
from mlsteward.record import Record

# Raised whenever windows of an older plan no longer mean the same.
FORMAT = 1


class ColumnGrid(Record):
    """The cells of a column.

    A number falls below the first of `edges`, into one of the cells between them (`values` has the mean of the
    training values of each), at or above the last, or is missing. A category is one of `levels`, another, or missing;
    `complete` says that the training data had no other.
    """

    name: str
    kind: Literal["number", "category"]
    edges: list[float] = []
    values: list[float] = []
    levels: list[str] = []
    complete: bool = True

    @property
    def cells(self) -> int:
        """The cells, the missing last."""
        return (len(self.edges) + 1 if self.kind == "number" else len(self.levels) + 1) + 1


class SegmentColumn(Record):
    """A column cut into a few parts with names; its values are numbers cut at `edges`, or `levels`; missing is last."""

    name: str
    edges: list[float] = []
    levels: list[str] = []
    parts: list[str] = []


class Calibrator(Record):
    """How a probability is to be corrected: beta calibration, one triple for each class (see `calibrator`)."""

    triples: list[tuple[float, float, float]] = []
    rows: int = 0


class ErrorTree(Record):
    """A regression tree of the expected absolute and squared error; `feature` -1 is a leaf."""

    feature: list[int]
    threshold: list[float]
    left: list[int]
    right: list[int]
    absolute: list[float]
    squared: list[float]


class ProfilePlan(Record):
    """All of it. `pairs` are places in `segments` that are crossed. `unit` is what is independent in the training.

    Where that is a group, which windows do not keep apart, so many rows as `design_effect` count as one (Kish 1965).
    """

    model: str
    task: Task
    target: str
    classes: list[str] = []
    threshold: float = 0.5
    metric: str
    unit: str
    design_effect: float = 1.0
    columns: list[ColumnGrid]
    left_out: dict[str, str] = {}
    predicted: ColumnGrid
    score_edges: list[float] = []
    segments: list[SegmentColumn] = []
    pairs: list[tuple[int, int]] = []
    calibrator: Calibrator = Calibrator()
    trees: list[ErrorTree] = []
    tree_columns: list[str] = []

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The parts of a window, in order; see `profiling` for what each holds."""
        k, scores = len(self.classes), len(self.score_edges) + 1
        shapes: dict[str, tuple[int, ...]] = {"requests": (3,), "latency": (LATENCY_CELLS,)}
        shapes |= {f"column:{column.name}": (column.cells,) for column in self.columns}
        shapes["predicted"] = (self.predicted.cells,)
        if self.task != "regression":
            shapes |= {"scores": (scores,)}
        if self.task == "binary":
            shapes |= {"expected": (scores,), "known": (scores, 2)}
        elif self.task == "multiclass":
            shapes |= {"expected": (k, k), "known": (k, k)}
        shapes |= {"measured": (8,), "estimated": (5,), "segments": (self.segment_count, 6)}
        return shapes

    @property
    def segment_count(self) -> int:
        single = [len(column.parts) for column in self.segments]
        return sum(single) + sum(single[first] * single[second] for first, second in self.pairs)

    @property
    def loss_name(self) -> str:
        return "absolute error" if self.task == "regression" else "Brier score"


# Twenty cells for a factor of ten, from 10 µs to 100 s.
LATENCY_STEPS = 20
LATENCY_LOWEST = 0.01
LATENCY_CELLS = 7 * LATENCY_STEPS + 2
