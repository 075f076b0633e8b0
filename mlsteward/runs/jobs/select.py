"""Which rows of a dataset people should label next."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlsteward.answer import cell, counted, table
from mlsteward.data.engine import connect, literal, quote, row_of
from mlsteward.data.snapshot import Column
from mlsteward.errors import UnusableData
from mlsteward.labels.identity import Identity, check_key
from mlsteward.labels.strategy import Strategy
from mlsteward.lineage.made import used_edges
from mlsteward.record import Record
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.job import Job
from mlsteward.store.lineage import add_edges
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction
from mlsteward.training.signature import ColumnHint

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlsteward.labels.ranking import Pool

FILE = "rows_to_label.csv"
# So many rows are compared with one another; of more a sample is drawn.
MOST_CANDIDATES = 20_000
MOST_LABELLED = 2_000
_LONGEST_VALUE = 2_000
_SHORT = 120
_SEED = 0


class Request(Record):
    """The rows without a label in `column`, and how to choose among them.

    `features` are what rows are compared by (with a model, its own are), `shown` what people see of a row; `masked`
    columns are neither. `model` is the path of a model's file, "" for none.
    """

    dataset: str
    snapshot: str
    columns: list[Column]
    column: str
    labelled: bool
    identity: Identity
    features: list[str]
    hints: dict[str, ColumnHint]
    shown: list[str]
    n: int
    strategy: Strategy
    model: str = ""
    sha256: str = ""
    model_label: str = ""
    masked: list[str] = []


class SelectedRow(Record):
    """A row's name, what is shown of it, and how unsure a model is: 0 to 1 of classes, else in units of the target."""

    row: str
    values: dict[str, str]
    uncertainty: float | None = None


class Result(Record):
    """`selected` are the rows, the most wanted first, of `unlabelled` different ones in the dataset."""

    verdict: str
    next: str
    strategy: Strategy
    column: str
    unlabelled: int
    selected: list[SelectedRow]
    notes: list[str]

    def first(self, count: int) -> "Result":
        """The result with the first rows, in few characters."""
        rows = [
            row.model_copy(update={"values": {name: value[:_SHORT] for name, value in row.values.items()}})
            for row in self.selected[:count]
        ]
        return self.model_copy(update={"selected": rows})

    def findings(self, run: Run) -> list[str]:
        first = self.selected[0] if self.selected else SelectedRow(row="", values={})
        unsure = ["uncertainty"] if first.uncertainty is not None else []
        rows = [[one.row, *one.values.values(), *([one.uncertainty] if unsure else [])] for one in self.selected]
        return [*table(["row", *first.values, *unsure], rows), *(f"note: {note}" for note in self.notes)]


def work(request: Request, job: Job) -> Result:
    """Draw candidates, compare them, and write those chosen to a file in which labels can be filled in."""
    from mlsteward.labels.ranking import rank

    path = job.workspace / request.snapshot
    scratch = job.folder / "temp"
    scratch.mkdir(exist_ok=True)
    with connect(memory_mb=min(4096, job.memory_mb // 2), temp=scratch / "spill") as engine:
        job.progress(0.05, "looking for rows without a label")
        unlabelled = _draw(engine, request, path)
        if not unlabelled:
            words = f"Each of the rows of {request.dataset} has a label in `{request.column}`."
            raise UnusableData(words, next=f'train_model(dataset="{request.dataset}", target="{request.column}")')
        pool = _read_pool(engine, request, job, scratch)
        job.progress(0.4, f"comparing {len(pool.frame):,} rows")
        ranked = rank(pool, request.strategy, request.n, _SEED)
        rows = _show(engine, request, [pool.names[place] for place in ranked.places])
    for row, unsure in zip(rows, ranked.uncertainty, strict=True):
        row.uncertainty = unsure
    _write(request, rows, job.artifacts / FILE)
    notes = list(ranked.notes)
    if unlabelled > len(pool.names):
        notes.insert(0, f"chosen among {len(pool.names):,} of {unlabelled:,} unlabelled rows, drawn at random")
    if not request.column:
        notes.insert(0, "no column is known for the labels, so all rows count as unlabelled: name it with column")
    return Result(
        verdict=_verdict(request, len(rows), unlabelled, ranked.strategy),
        next=_next(request, rows),
        strategy=ranked.strategy,
        column=request.column,
        unlabelled=unlabelled,
        selected=rows,
        notes=notes,
    )


def record(transaction: Transaction, run: Run, result: Result, folder: Path) -> None:
    """The run, as one that looked at a dataset and perhaps a model."""
    request = RunFolder(folder).read_request(Request)
    models = [request.model_label] if request.model_label else []
    add_edges(transaction, used_edges(run.number, "select", models=models, datasets=[request.dataset]))


def _draw(engine: "DuckDBPyConnection", request: Request, path: Path) -> int:
    """Make the tables `pool` and `labelled` of rows by name and place; how many different rows have no label."""
    file = f"read_parquet({literal(str(path))}, file_row_number = true)"
    name = request.identity.expression(request.columns)
    free = f"{quote(request.column)} IS NULL" if request.labelled else "true"
    engine.execute(f"CREATE VIEW named AS SELECT *, {name} AS row_name FROM {file}")
    check_key(engine, request.identity, request.dataset)
    # Rows alike stand for one another; the order of the file means nothing.
    grouped = f"SELECT row_name, min(file_row_number) AS place FROM named WHERE {free} GROUP BY row_name"
    (unlabelled,) = row_of(engine, f"SELECT count(*) FROM ({grouped})")
    drawn = f"ORDER BY md5(row_name || '{_SEED}') LIMIT"
    engine.execute(f"CREATE TABLE pool AS FROM ({grouped}) {drawn} {MOST_CANDIDATES}")
    taken = f"SELECT row_name, file_row_number AS place FROM named WHERE NOT ({free})"
    engine.execute(f"CREATE TABLE labelled AS FROM ({taken}) {drawn} {MOST_LABELLED}")
    return int(unlabelled)


def _read_pool(engine: "DuckDBPyConnection", request: Request, job: Job, scratch: Path) -> "Pool":
    """The candidates and the labelled rows as frames, and the model."""
    from mlsteward.data.frames import read_columns, read_frame
    from mlsteward.labels.ranking import Pool
    from mlsteward.serving.model_file import load_bundle

    bundle = load_bundle(job.workspace / request.model, request.sha256) if request.model else None
    wanted = [column.name for column in bundle.signature] if bundle else request.features
    frames: dict[str, Any] = {}
    for name in ("pool", "labelled"):
        file = scratch / f"{name}.parquet"
        chosen = ", ".join(f"t.{quote(one)}" for one in wanted) + ", " if wanted else ""
        engine.execute(
            f'COPY (SELECT {chosen}t.row_name AS "\x1frow" FROM named AS t JOIN {name} AS p'
            f" ON p.place = t.file_row_number ORDER BY p.place) TO {literal(str(file))} (FORMAT parquet)"
        )
        frames[name] = read_frame(file, read_columns(file))
    names = [str(value) for value in frames["pool"].pop("\x1frow")]
    frames["labelled"].pop("\x1frow")
    columns = [column for column in request.columns if column.name in wanted]
    return Pool(names, frames["pool"], frames["labelled"], columns, request.hints, bundle)


def _show(engine: "DuckDBPyConnection", request: Request, names: list[str]) -> list[SelectedRow]:
    """What people see of the rows, in the order chosen."""
    shown = ", ".join(f"left(CAST(t.{quote(name)} AS VARCHAR), {_LONGEST_VALUE})" for name in request.shown)
    rows = engine.execute(
        f"SELECT p.row_name{', ' + shown if shown else ''}"
        " FROM named AS t JOIN pool AS p ON p.place = t.file_row_number WHERE p.row_name IN (SELECT unnest(?))",
        [names],
    ).fetchall()
    found = {row[0]: row[1:] for row in rows}
    return [
        SelectedRow(
            row=name,
            values={
                column: "" if value is None else str(value)
                for column, value in zip(request.shown, found[name], strict=True)
            },
        )
        for name in names
    ]


def _write(request: Request, rows: list[SelectedRow], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["row", *request.shown, request.column or "label"])
        writer.writerows([row.row, *row.values.values(), ""] for row in rows)


def _verdict(request: Request, chosen: int, unlabelled: int, strategy: Strategy) -> str:
    why = {
        "diverse": f"those {request.model_label} is unsure of and that are unlike one another",
        "uncertainty": f"those {request.model_label} is least sure of",
        "coverage": "typical of parts of the data without labels",
        "random": "drawn at random",
        "auto": "",
    }[strategy]
    return f"{counted(chosen, 'row')} of {unlabelled:,} unlabelled in {request.dataset} to label next: {why}."


def _next(request: Request, rows: list[SelectedRow]) -> str:
    name = request.dataset.partition("@")[0]
    column = "" if request.labelled else f', column="{request.column or "…"}"'
    return f'record_labels(dataset="{name}", labels={{"{cell(rows[0].row)}": "…"}}, by="…"{column})'
