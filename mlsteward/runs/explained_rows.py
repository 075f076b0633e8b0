"""The rows that a run of `explain_model` explains. Only worker code imports this."""

from typing import TYPE_CHECKING

import pandas as pd

from mlsteward.answer import number
from mlsteward.data.engine import connect
from mlsteward.data.frames import read_frame, spread
from mlsteward.data.snapshot import Column
from mlsteward.errors import InvalidArgument
from mlsteward.evaluation.contributions import Contributions, explain_row
from mlsteward.evaluation.explanation import RowExplanation, Term, value_words
from mlsteward.runs.job import Job
from mlsteward.serving.scoring import write_rows
from mlsteward.training.bundle import ModelBundle

if TYPE_CHECKING:
    from mlsteward.runs.jobs.explain import Request, TableFile

_BACKGROUND = 100
_PREDICTIONS = 40_000


def explain_rows(request: "Request", bundle: ModelBundle, job: Job) -> list[RowExplanation]:
    """Every row that was asked for, with what its columns add to its prediction."""

    background = _background(request, job)
    rows, names = _rows(request, job)
    rows = rows.reindex(columns=background.columns)
    classes = len(bundle.classes)
    budget = _PREDICTIONS // (len(background.columns) + 1) // len(rows)
    scores = bundle.raw_scores(rows)
    explained: list[RowExplanation] = []
    for place, name in enumerate(names):
        job.progress(0.4 + 0.5 * place / len(names), f"explaining {name}")
        output = 0 if not classes else 1 if classes == 2 else int(scores[place].argmax())
        found = explain_row(
            bundle.members,
            rows.iloc[[place]],
            background,
            classes=classes,
            output=output,
            orders=min(max(budget, 40), 1000),
            seed=request.seed,
        )
        explained.append(_explanation(name, rows.iloc[place], found, bundle, float(scores[place, output]), output))
    return explained


def _explanation(
    name: str, row: pd.Series, found: Contributions, bundle: ModelBundle, score: float, output: int
) -> RowExplanation:

    terms = [
        Term(column=column, value=value_words(row[column]), contribution=float(value), error=float(error))
        for column, value, error in zip(found.columns, found.values, found.errors, strict=True)
    ]
    if not bundle.classes:
        said = f"{bundle.target} {number(score)}"
    elif len(bundle.classes) == 2:
        label = bundle.classes[int(score >= bundle.threshold)]
        said = f"{bundle.target} = {label}, probability of {bundle.classes[1]} {number(score, 3)}"
    else:
        said = f"{bundle.target} = {bundle.classes[output]}, probability {number(score, 3)}"
    return RowExplanation(
        row=name,
        said=said,
        outcome=bundle.classes[output] if bundle.classes else "",
        scale=found.scale,
        base=found.base,
        prediction=found.prediction,
        sampled=found.sampled,
        terms=sorted(terms, key=lambda term: -abs(term.contribution)),
    )


def _background(request: "Request", job: Job) -> pd.DataFrame:
    """At most 100 rows of the training data, evenly spread: what a row is held against."""

    types = {column.name: column for column in request.background.columns}
    columns = [types[signed.name] for signed in request.model.signature]
    frame = read_frame(request.background.path(job), columns, memory_mb=job.memory_mb // 4, temp=job.folder / "temp")
    return spread(frame, _BACKGROUND).reset_index(drop=True)


def _rows(request: "Request", job: Job) -> tuple[pd.DataFrame, list[str]]:
    """The rows to explain and their names: those written in the call, then those of the table by number."""

    parts: list[pd.DataFrame] = []
    names: list[str] = []
    if request.rows:
        parts.append(_written(request, job))
        names += [f"row {place + 1}" for place in range(len(request.rows))]
    if request.numbers:
        table = request.table or request.background
        parts.append(_numbered(request, table, job))
        names += [f"row {place} of {table.label}" for place in request.numbers]
    return (parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)), names


def _written(request: "Request", job: Job) -> pd.DataFrame:
    """The rows of the call, cast by DuckDB to the types of the training data."""

    path = job.folder / "rows.parquet"
    with connect(threads=1) as connection:
        write_rows(connection, request.rows, request.model.signature, path)
    return read_frame(path, [Column(name=one.name, type=one.type) for one in request.model.signature])


def _numbered(request: "Request", table: "TableFile", job: Job) -> pd.DataFrame:

    types = {column.name: column for column in table.columns}
    columns = [types[signed.name] for signed in request.model.signature]
    frame = read_frame(table.path(job), columns, memory_mb=job.memory_mb // 4, temp=job.folder / "temp")
    beyond = [place for place in request.numbers if not 1 <= place <= len(frame)]
    if beyond:
        raise InvalidArgument(f"{table.label} has rows 1 to {len(frame):,}; there is no row {beyond[0]}.")
    return frame.iloc[[place - 1 for place in request.numbers]].reset_index(drop=True)
