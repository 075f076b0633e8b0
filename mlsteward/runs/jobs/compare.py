"""The work behind `compare_runs`: the best run against each of the others, on the test rows they share."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mlsteward.answer import counted, interval, number, table
from mlsteward.errors import UnusableData
from mlsteward.evaluation.association import holm
from mlsteward.evaluation.directions import Task
from mlsteward.lineage.made import used_edges
from mlsteward.record import Record
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.job import Job
from mlsteward.store.lineage import add_edges, models_of_runs

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlsteward.evaluation.predictions import Predictions
    from mlsteward.store.runs import Run
    from mlsteward.store.transaction import Transaction

_MEMORY_MB = 768


class Competitor(Record):
    """A run with its test predictions, a file relative to the workspace."""

    run: int
    predictions: str
    classes: list[str] = []
    threshold: float = 0.5


class Request(Record):
    """`best` is compared with each of `others` by `metric`; `caution` says what speaks against it."""

    # What comes of it is differences of metrics: nothing that could be masked.
    values: ClassVar[bool] = False
    task: Task
    metric: str
    best: Competitor
    others: list[Competitor]
    caution: str = ""
    seed: int = 0


class Pair(Record):
    """The metric of the best run minus that of `run` on the rows that both held out; `why` there is no comparison."""

    run: int
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    rows: int = 0
    units: int = 0
    why: str = ""


class RowTest(Record):
    """The best run against another on the test rows that both held out."""

    run: int
    difference: float | None = Field(description="The best run's metric minus this run's.")
    low: float | None = None
    high: float | None = None
    p: float | None = Field(default=None, description="Adjusted for the number of runs (Holm).")
    rows: int
    units: int


class Result(Record):
    """`verdict` and `next` are what `get_run` says of the run."""

    verdict: str
    next: str
    metric: str
    pairs: list[Pair]
    caution: str = ""

    def tests(self) -> list[RowTest]:
        """The pairs that could be compared, their p adjusted together."""
        tested = [pair for pair in self.pairs if pair.difference is not None]
        adjusted = iter(holm([pair.p for pair in tested if pair.p is not None]))
        return [
            RowTest(
                run=pair.run,
                difference=_short(pair.difference),
                low=_short(pair.low),
                high=_short(pair.high),
                p=None if pair.p is None else _short(next(adjusted)),
                rows=pair.rows,
                units=pair.units,
            )
            for pair in tested
        ]

    def untested(self) -> list[str]:
        return [f"Not tested: run:{pair.run}, {pair.why}." for pair in self.pairs if pair.why]

    def findings(self, run: "Run") -> list[str]:
        return [self.caution, *tests_table(self.tests(), self.metric), *self.untested()]


def tests_table(tests: list[RowTest], metric: str) -> list[str]:
    """The tests in a table."""
    rows = [
        (f"run:{one.run}", interval(one.difference, one.low, one.high), number(one.p, 2), one.rows, one.units)
        for one in tests
    ]
    return table(("best minus", f"{metric} [95 %]", "p (Holm)", "shared test rows", "independent units"), rows)


def _short(value: float | None) -> float | None:
    return None if value is None else float(number(value, 4))


def work(request: Request, job: Job) -> Result:
    """Compare the best run with the others by a paired bootstrap over independent units."""
    from mlsteward.data.engine import connect

    pairs: list[Pair] = []
    with connect(memory_mb=min(_MEMORY_MB, job.memory_mb // 2), temp=job.folder / "temp") as connection:
        for position, other in enumerate(request.others):
            job.progress(position / len(request.others), f"run:{request.best.run} against run:{other.run}")
            pairs.append(_compare(connection, request, other, job.workspace))
    compared = sum(pair.difference is not None for pair in pairs)
    others = counted(compared, "other run")
    return Result(
        verdict=f"run:{request.best.run} was compared with {others} by {request.metric}, row by row.",
        next=f"compare_runs(runs={[request.best.run, *(other.run for other in request.others)]})",
        metric=request.metric,
        pairs=pairs,
        caution=request.caution,
    )


def record(transaction: "Transaction", run: "Run", result: Result, folder: Path) -> None:
    """The pairs are the run's result; the models that it compared are its origin."""
    request = RunFolder(folder).read_request(Request)
    models = models_of_runs(transaction, [request.best.run, *(other.run for other in request.others)])
    add_edges(transaction, used_edges(run.number, "compare", models=models))


def _compare(connection: "DuckDBPyConnection", request: Request, other: Competitor, workspace: Path) -> Pair:
    from mlsteward.evaluation.comparison import paired_bootstrap

    best = request.best
    if sorted(best.classes) != sorted(other.classes):
        return Pair(run=other.run, why="it predicts other classes")
    rows = _shared_rows(connection, workspace / best.predictions, workspace / other.predictions)
    if not len(rows["truth"]):
        return Pair(run=other.run, why="no test row is shared")
    difference = paired_bootstrap(
        request.task,
        rows["truth"],
        _predictions(rows, "a", best.classes, best.classes),
        _predictions(rows, "b", other.classes, best.classes),
        metric=request.metric,
        units=rows["unit"],
        weights=rows["weight"],
        seed=request.seed,
        thresholds=(best.threshold, other.threshold),
    )
    return Pair(
        run=other.run,
        difference=difference.value,
        low=difference.low,
        high=difference.high,
        p=difference.p,
        rows=difference.n,
        units=difference.units,
        why="" if difference.value is not None else f"{request.metric} is undefined on the shared rows",
    )


def _shared_rows(connection: "DuckDBPyConnection", best: Path, other: Path) -> dict[str, Any]:
    """The columns of both files on the rows that both have with the same truth, in a fixed order.

    Twins (rows that are alike in every identifying column) are matched one to one. Units are the coarser of the two,
    since runs may have been split differently.
    """
    for path in (best, other):
        if not path.is_file():
            raise UnusableData(f"The test predictions {path.parent.parent.name}/{path.name} are gone.")
    numbered = "SELECT *, row_number() OVER (PARTITION BY row ORDER BY truth, prediction) AS twin FROM read_parquet(?)"
    table = connection.execute(
        f"""
        WITH a AS ({numbered}), b AS ({numbered}), shared AS (
            SELECT a.truth AS truth, a.weight AS weight, a.unit AS unit_a, b.unit AS unit_b,
                {_renamed(connection, best, "a")}, {_renamed(connection, other, "b")}, a.row AS row, a.twin AS twin
            FROM a JOIN b ON a.row = b.row AND a.twin = b.twin AND a.truth = b.truth
        ), counted AS (SELECT count(DISTINCT unit_a) AS of_a, count(DISTINCT unit_b) AS of_b FROM shared)
        SELECT shared.*, CASE WHEN of_a <= of_b THEN unit_a ELSE unit_b END AS unit
        FROM shared, counted ORDER BY row, twin
        """,
        [str(best), str(other)],
    ).fetchnumpy()
    return dict(table)


def _renamed(connection: "DuckDBPyConnection", path: Path, side: str) -> str:
    described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    names = [name for name, *_ in described if name == "prediction" or name.startswith("score_")]
    return ", ".join(f'{side}."{name}" AS "{side}_{name}"' for name in names)


def _predictions(rows: dict[str, Any], side: str, classes: list[str], order: list[str]) -> "Predictions":
    """One side's predictions, its scores in the class order of `order`."""
    import numpy as np

    from mlsteward.evaluation.predictions import Predictions

    labels = np.asarray(rows[f"{side}_prediction"])
    if not classes or f"{side}_score_0" not in rows:
        return Predictions(labels, None, order)
    scores = [np.asarray(rows[f"{side}_score_{classes.index(name)}"], dtype=np.float64) for name in order]
    return Predictions(labels, np.column_stack(scores), order)
