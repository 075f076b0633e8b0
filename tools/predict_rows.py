"""The tool `predict_rows`."""

from typing import Any, NamedTuple

from pydantic import Field

from mlsteward.answer import RunFindings
from mlsteward.dictionary.entry import Entry
from mlsteward.errors import InvalidArgument
from mlsteward.evaluation.table_fit import check_table
from mlsteward.names import check_dataset_name
from mlsteward.runs.jobs.predict import NOTES, PredictedRow, Request, Result
from mlsteward.runs.model_use import check_model_use, level_of_predictions
from mlsteward.runs.new_version import VersionPlan, plan_version
from mlsteward.server.declare import Call, Tool
from mlsteward.serving.row_source import RowSource, find_row_source, remade_columns
from mlsteward.serving.rows import check_rows
from mlsteward.store.datasets import DatasetVersion, find_dataset
from mlsteward.store.dictionary import column_entries
from mlsteward.store.masking import Masks, inherited
from mlsteward.store.models import Model, find_model
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction

# Text and data together stay within 8 KB.
ROOM = 7800
SHOWN = 3


class Read(NamedTuple):
    """What the store says; `remade` are features that a source has under the same name, but otherwise."""

    model: Model
    version: DatasetVersion | None
    entries: list[Entry]
    plan: VersionPlan | None
    source: RowSource | None
    remade: list[str]
    masks: Masks
    level: str


class PredictionAnswer(RunFindings):
    model: str
    total: int = Field(default=0, description="How many rows were scored.")
    out_of_fold: int = Field(
        default=0, description="Rows that the model was fitted on, scored by models that were not."
    )
    predictions: list[PredictedRow] = Field(default_factory=list[PredictedRow])
    left_out: int = Field(default=0, description="Predictions that did not fit here.")
    summary: str = ""
    notes: list[str] = Field(default_factory=list[str])
    contract: list[str] = Field(default_factory=list[str], description="Checks of its contract that failed.")


def predict_rows(
    call: Call,
    model: str,
    rows: list[dict[str, Any]] = [],
    dataset: str = "",
    as_dataset: str = "",
    wait_seconds: float = 20,
) -> PredictionAnswer:
    """Predict with a model (`delay`, `delay@2`, `run:142`): `rows` as objects by column name, or a whole dataset.

    Rows are checked against the model's signature; null is a missing value. Of a dataset the ten rows with the highest
    scores are shown; `as_dataset` names a new dataset that keeps its columns and adds the predictions. Rows that the
    model was fitted on get out-of-fold scores, and are counted. Rows like a source of what the model was trained on go
    through the same SQL first.
    """
    if bool(rows) == bool(dataset):
        raise InvalidArgument("Give either rows or a dataset to predict.", next="list_datasets()")

    if as_dataset:
        call.check_may_change("as_dataset")
        check_dataset_name(as_dataset)

    def read(transaction: Transaction) -> Read:
        found = find_model(transaction, model)
        version = find_dataset(transaction, dataset) if dataset else None
        source = _source(transaction, found, rows, version)
        also = [label for label in (dataset, source.label if source else "") if label]
        check_model_use(transaction.masks, found, source.needed if source else (), also=also)
        entries = column_entries(transaction, version.name) if version else []
        plan = None
        if as_dataset:
            limit_mb = call.settings.snapshot_limit_mb
            plan = plan_version(
                transaction,
                call.workspace.folder,
                as_dataset,
                description=f"{dataset or 'Rows of a call'} with the predictions of {found.label}.",
                source=f"model:{found.label}" if found.name else found.label,
                sources=[f"dataset:{version.label}"] if version else [],
                family=version.family if version else "",
                carried={entry.column: entry for entry in entries},
                levels=inherited(transaction, version.name) if version else {},
                snapshot_limit_mb=limit_mb,
            )
        level = level_of_predictions(transaction, found)
        remade = remade_columns(transaction, found) if rows and not source else []
        return Read(found, version, entries, plan, source, remade, transaction.masks, level)

    call.workspace.runs.take_in()
    found, version, entries, plan, source, remade, masks, level = call.workspace.store.read(read)
    request = Request(
        model=found.label,
        path=found.path,
        sha256=found.sha256,
        training=f"runs/{found.run}/artifacts/train_predictions.parquet",
        shown=_telling(version, entries) if version else [],
        plan=plan,
        masked=masks.within([found.dataset, version.name if version else "", source.label if source else ""]),
        source=source,
        level=level,
    )
    if version:
        if not source:
            check_table(found.signature, version.columns, dataset=version.label)
        request = request.model_copy(update={"dataset": version.label, "snapshot": version.snapshot})
    else:
        checked = check_rows(rows, source.signature() if source else found.signature)
        notes = [f"{name} is taken as {found.dataset} has it, not as its source does" for name in remade]
        request = request.model_copy(update={"rows": checked.rows, "notes": checked.notes + notes})
    run = call.workspace.runs.start(
        "predict",
        request,
        actor=call.actor,
        name=found.name,
        dataset=request.dataset,
        fingerprint=version.fingerprint if version else "",
        target=found.target,
        params={"model": found.label},
    )
    return _answer(call.wait(run, wait_seconds), found.label)


def _source(
    transaction: Transaction, model: Model, rows: list[dict[str, Any]], version: DatasetVersion | None
) -> RowSource | None:
    """The source of the model's transforms that the rows are like; None where the model takes them as they are."""
    if version:
        return find_row_source(transaction, model, [column.name for column in version.columns], version)
    return find_row_source(transaction, model, list(dict.fromkeys(key.strip() for row in rows for key in row)))


def _telling(version: DatasetVersion, entries: list[Entry]) -> list[str]:
    """Columns to recognise a row by: keys, the event time, then the first ones, whose values the caller may see."""
    roles = {entry.column: entry.role for entry in entries}
    names = [column.name for column in version.profile.columns if not column.masked]
    order = {"key": 0, "event_time": 1}
    return sorted(names, key=lambda name: order.get(roles.get(name, ""), 2))[:SHOWN]


def _answer(run: Run, model: str) -> PredictionAnswer:
    if run.state != "completed":
        return PredictionAnswer(
            verdict=f"{run.label} is still scoring {run.dataset or 'the rows'} with {model}.",
            run=run.number,
            state=run.state,
            model=model,
            next=run.wait_on,
        )
    whole = Result.model_validate(run.result)
    shown = len(whole.predicted)
    while True:
        result = whole.first(shown)
        answer = PredictionAnswer(
            verdict=result.verdict,
            run=run.number,
            state=run.state,
            model=model,
            total=result.rows,
            out_of_fold=result.out_of_fold,
            predictions=result.predicted,
            left_out=result.left_out,
            summary=result.summary,
            notes=result.notes[:NOTES],
            contract=result.judged.lines(),
            findings=result.findings(run),
            next=result.next,
        )
        if shown <= 1 or answer.fits(ROOM):
            return answer
        shown = shown * 4 // 5


TOOL = Tool(predict_rows, title="Predict rows or a dataset", toolset="judgement", read_only=True)
