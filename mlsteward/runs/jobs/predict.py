"""Score rows of a call, or of a dataset, by a model."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlsteward.answer import counted, number, table
from mlsteward.data.engine import connect, literal, quote, row_of
from mlsteward.data.snapshot import draft_snapshot
from mlsteward.lineage.made import copied_columns, predicted_edges, used_edges
from mlsteward.record import Record
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.job import Job
from mlsteward.runs.judged_version import Judgement
from mlsteward.runs.new_version import NewVersion, VersionPlan, make_version, record_version
from mlsteward.serving.row_source import RowSource
from mlsteward.store.lineage import add_edges
from mlsteward.store.runs import Run, update_run
from mlsteward.store.transaction import Transaction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlsteward.serving.scoring import Scored
    from mlsteward.serving.through import Taken
    from mlsteward.training.bundle import ModelBundle

TOP = 10
NOTES = 12
_MEMORY_MB = 1024
_LONGEST_ROW = 400


class Request(Record):
    """A model and the rows it scores: `rows` as `serving.rows` checked them, else the snapshot of a dataset.

    Paths are relative to the workspace. `training` has the out-of-fold predictions of the model's training rows, and
    `shown` names input columns that help to recognise a row; `notes` is what was seen when rows were checked.
    With a `plan` the rows and what is predicted become a version of a dataset. No value of a column among `masked` is
    shown, and none of a dataset's is looked at. With a `source` the rows are like those of a source of the model's
    transforms, and go through these first. `level` is how sensitive what is predicted is.
    """

    model: str
    path: str
    sha256: str
    training: str
    rows: list[dict[str, str | None]] = []
    dataset: str = ""
    snapshot: str = ""
    shown: list[str] = []
    notes: list[str] = []
    plan: VersionPlan | None = None
    masked: list[str] = []
    level: str = ""
    source: RowSource | None = None


class PredictedRow(Record):
    """A row by its number, from 1: what is shown of it, and what is predicted."""

    row: int
    shown: dict[str, Any] = {}
    predicted: dict[str, Any]


class Result(Record):
    """`predicted` are all rows of a call, or a dataset's ten with the highest scores; `left_out` are not among them."""

    verdict: str
    next: str
    rows: int
    columns: list[str]
    out_of_fold: int
    predicted: list[PredictedRow] = []
    summary: str = ""
    notes: list[str]
    kept: bool = False
    judged: Judgement = Judgement()
    left_out: int = 0

    def first(self, count: int) -> "Result":
        """The result with the first `count` predictions, in few characters."""
        kept = [_brief(row) for row in self.predicted[:count]]
        return self.model_copy(update={"predicted": kept, "left_out": len(self.predicted) - len(kept)})

    def findings(self, run: Run) -> list[str]:
        rows = [_brief(row) for row in self.predicted]
        first = rows[0] if rows else PredictedRow(row=0, predicted={})
        return [
            *self.judged.lines(),
            self.summary,
            *(f"note: {note}" for note in self.notes[:NOTES]),
            *table(
                ["row", *first.shown, *first.predicted],
                [[one.row, *one.shown.values(), *one.predicted.values()] for one in rows],
            ),
            f"{self.left_out} more {'does' if self.left_out == 1 else 'do'} not fit here" if self.left_out else "",
        ]


def _brief(row: PredictedRow) -> PredictedRow:
    values = {
        name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in row.predicted.items()
    }
    shown = {name: value[:40] if isinstance(value, str) else value for name, value in row.shown.items()}
    return PredictedRow(row=row.row, shown=shown, predicted=values)


def work(request: Request, job: Job) -> Result:
    """Score the rows, those that the model was fitted on out of fold, and show the first."""
    from mlsteward.serving.batch import column_words, read_fitted
    from mlsteward.serving.model_file import load_bundle
    from mlsteward.serving.scoring import score_table, write_rows

    bundle = load_bundle(job.workspace / request.path, request.sha256)
    training = job.workspace / request.training
    fitted = read_fitted(training, bundle) if training.is_file() else None
    scratch = job.folder / "temp"
    scratch.mkdir(exist_ok=True)
    with connect(memory_mb=min(_MEMORY_MB, job.memory_mb // 4), temp=scratch, threads=1) as connection:
        table = job.workspace / request.snapshot if request.snapshot else scratch / "rows.parquet"
        places: list[int] = []
        features, notes = table, list(request.notes)
        if request.source:
            taken = _taken(request, request.source, job, scratch)
            table, features, places = taken.base, taken.table, taken.rows
            notes += taken.notes
        elif not request.snapshot:
            write_rows(connection, request.rows, bundle.signature, table)
        scored = score_table(connection, bundle, features, fitted, job.progress, scratch=scratch, beside=table)
        notes += [
            f"{name}: {counted(count, 'row has', 'rows have')} values that training did not see"
            for name, count in scored.unseen.items()
            if request.source or not request.notes
        ]
        if fitted is None:
            notes.append("the model left no record of its training rows, so some of these may be among them")
        result = _result(request, scored, notes)
        result.predicted = [_placed(row, places) for row in _first(connection, request, table, scored)]
        result.summary = _summary(connection, bundle, scored)
        if request.plan:
            words = dict(zip(scored.columns, column_words(bundle, request.model), strict=True))
            names = {**request.plan.levels.names, **dict.fromkeys(scored.columns, request.level)}
            levels = request.plan.levels.model_copy(update={"names": names})
            plan = request.plan.model_copy(update={"descriptions": words, "levels": levels})
            result.judged = _keep(connection, plan, table, scored.columns, job).judged
            result.kept = True
            result.verdict += f" They are the dataset `{plan.name}`.{result.judged.sentence}"
            result.next = result.judged.next(plan.name) or f'profile_dataset(dataset="{plan.name}")'
    return result


def _taken(request: Request, source: RowSource, job: Job, scratch: Path) -> "Taken":
    """The rows after the statements that made what the model was trained on."""
    from mlsteward.serving.through import Through

    job.progress(0.05, "applying the model's transforms")
    way = Through(source, job.workspace, scratch, min(_MEMORY_MB, job.memory_mb // 4))
    return way.take(job.workspace / request.snapshot if request.snapshot else request.rows)


def _placed(row: PredictedRow, places: list[int]) -> PredictedRow:
    """The row under its number among all that were given, of which `places` were left."""
    return row.model_copy(update={"row": places[row.row - 1] + 1}) if places else row


def _keep(connection: "DuckDBPyConnection", plan: VersionPlan, table: Path, columns: list[str], job: Job) -> NewVersion:
    """Make a version of a dataset of the input columns and what was predicted."""
    from mlsteward.serving.scoring import PREDICTED

    names = ", ".join(f"p.{quote(name)}" for name in columns)
    sql = f"SELECT t.*, {names} FROM read_parquet({literal(str(table))}) AS t POSITIONAL JOIN {PREDICTED} AS p"
    draft = draft_snapshot(connection, sql, job.folder / "temp", limit_mb=plan.snapshot_limit_mb)
    return make_version(connection, draft, plan, job)


def _first(connection: "DuckDBPyConnection", request: Request, table: Path, scored: "Scored") -> list[PredictedRow]:
    """All rows of a call in their order; of a dataset the first ten by rank."""
    from mlsteward.serving.scoring import PREDICTED, RANK

    names = ", ".join(quote(name) for name in scored.columns)
    chosen = f'ORDER BY "{RANK}" DESC NULLS LAST, rowid LIMIT {TOP}' if request.snapshot else "ORDER BY rowid"
    found = connection.execute(f"SELECT rowid, {names} FROM {PREDICTED} {chosen}").fetchall()
    shown = _shown(connection, request.shown, table, [place for place, *_ in found])
    return [
        PredictedRow(
            row=place + 1, shown=shown.get(place, {}), predicted=dict(zip(scored.columns, values, strict=True))
        )
        for place, *values in found
    ]


def _shown(
    connection: "DuckDBPyConnection", columns: list[str], table: Path, places: list[int]
) -> dict[int, dict[str, Any]]:
    if not columns or not places:
        return {}
    names = ", ".join(f"CAST({quote(name)} AS VARCHAR)" for name in columns)
    listed = ", ".join(map(str, places))
    rows = connection.execute(
        f"SELECT file_row_number, {names} FROM read_parquet({literal(str(table))}, file_row_number = true)"
        f" WHERE file_row_number IN ({listed})"
    ).fetchall()
    return {place: dict(zip(columns, values, strict=True)) for place, *values in rows}


def _summary(connection: "DuckDBPyConnection", bundle: "ModelBundle", scored: "Scored") -> str:
    from mlsteward.serving.scoring import PREDICTED

    prediction = quote(scored.columns[0])
    if bundle.task == "regression":
        ends = f"min({prediction}), avg({prediction}), max({prediction})"
        low, mean, high = row_of(connection, f"SELECT {ends} FROM {PREDICTED}")
        return f"predicted {bundle.target}: mean {number(mean)}, from {number(low)} to {number(high)}"
    counts = connection.execute(
        f"SELECT {prediction}, count(*) FROM {PREDICTED} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 6"
    ).fetchall()
    listed = ", ".join(f"{label} {count:,} ({count / scored.rows:.1%})" for label, count in counts)
    return f"predicted {bundle.target}: {listed}"


def _result(request: Request, scored: "Scored", notes: list[str]) -> Result:
    rows = counted(scored.rows, "row")
    what = f"the {rows} of {request.dataset}" if request.dataset else rows
    them = counted(scored.out_of_fold, "of them has", "of them have")
    fitted = f" {them} feature values that it was fitted on and got out-of-fold scores."
    kept = request.dataset.partition("@")[0] + "_scored"
    again = f'predict_rows(model="{request.model}", dataset="{request.dataset}", as_dataset="{kept}")'
    return Result(
        verdict=f"{request.model} scored {what}." + (fitted if scored.out_of_fold else ""),
        next=again if request.dataset else _explain(request),
        rows=scored.rows,
        columns=scored.columns,
        out_of_fold=scored.out_of_fold,
        notes=notes,
    )


def _explain(request: Request) -> str:
    """Why the first row is predicted so; of a long row the call would be too long."""
    first = json.dumps(request.rows[:1], ensure_ascii=False)
    rows = f", rows={first}" if len(first) <= _LONGEST_ROW and not request.source else ""
    return f'explain_model(model="{request.model}"{rows})'


def record(transaction: Transaction, run: Run, result: Result, folder: Path) -> None:
    """The dataset, where one was asked for, and what it came from; the run stays one on the dataset that was scored."""
    request = RunFolder(folder).read_request(Request)
    if not result.kept:
        # Rows of a call are no asset: the run alone tells of them.
        models = [request.model] if request.dataset else []
        add_edges(transaction, used_edges(run.number, "predict", models=models, datasets=[request.dataset]))
        return
    version = record_version(transaction, run, folder)
    update_run(transaction, run.number, dataset=run.dataset, fingerprint=run.fingerprint)
    if version.run == run.number:
        edges = predicted_edges(version.label, request.model, request.dataset, result.columns, run.number)
        if request.dataset:
            copied = [column.name for column in version.columns if column.name not in result.columns]
            edges += copied_columns(version.label, request.dataset, copied, run.number)
        add_edges(transaction, edges)
