"""The tool `train_model`."""

from typing import Any

from pydantic import Field

from mlsteward.answer import RunFindings, interval, table
from mlsteward.data.profile import ColumnProfile
from mlsteward.dictionary.entry import Entry
from mlsteward.errors import naming
from mlsteward.names import check_model_name
from mlsteward.record import Record
from mlsteward.runs.jobs.train import ASIDE, LEADERS, NOTES, Request, Result
from mlsteward.server.declare import Call, Tool
from mlsteward.store.datasets import DatasetVersion, find_dataset
from mlsteward.store.dictionary import column_entries
from mlsteward.store.masking import Masks, check_open
from mlsteward.store.models import find_model
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction
from mlsteward.training.options import TrainOptions, check_options, choose_split
from mlsteward.training.signature import ColumnHint, ImportanceRow, SetAside

_METRICS = 12


class HeldOutMetric(Record):
    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    linear: float | None = Field(default=None, description="The linear baseline's.")
    dummy: float | None = Field(default=None, description="The baseline's that ignores all columns.")


class Leader(Record):
    name: str
    selection_score: float | None = Field(description="Out of fold; no held-out score.")
    sd: float | None = None
    cpu_seconds: float
    weight: float = Field(description="Its share of what is served.")


class TrainAnswer(RunFindings):
    model: str = Field(default="", description="What other tools call it.")
    task: str = ""
    metric: str = Field(default="", description="What models were chosen by.")
    split: str = ""
    decision: str = ""
    metrics: list[HeldOutMetric] = Field(default_factory=list[HeldOutMetric], description="On held-out rows, 95 %.")
    leaderboard: list[Leader] = Field(default_factory=list[Leader])
    unreached: list[str] = Field(default_factory=list[str], description="Candidates that the CPU budget left out.")
    drivers: list[ImportanceRow] = Field(default_factory=list[ImportanceRow])
    set_aside: list[SetAside] = Field(default_factory=list[SetAside])
    set_aside_total: int = 0
    questions: list[str] = Field(default_factory=list[str], description="To ask the person.")
    notes: list[str] = Field(default_factory=list[str])
    plots: list[str] = Field(default_factory=list[str])

    def body(self) -> list[str]:
        scores = [(m.name, interval(m.value, m.low, m.high), m.linear, m.dummy) for m in self.metrics]
        return [*table(("held-out metric", "value [95 %]", "linear", "dummy"), scores), *self.findings]


def train_model(
    call: Call,
    dataset: str,
    target: str,
    name: str = "",
    task: str = "auto",
    estimator: str = "auto",
    params: dict[str, Any] = {},
    features: list[str] = [],
    exclude: list[str] = [],
    metric: str = "auto",
    positive_label: str = "",
    weight_column: str = "",
    costs: dict[str, float] = {},
    split: str = "auto",
    time_column: str = "",
    group_column: str = "",
    test_size: float = 0.2,
    tune: int = 0,
    cpu_budget: float = 12,
    seed: int = 0,
    serve: str = "ensemble",
    wait_seconds: float = 20,
) -> TrainAnswer:
    """Train a model that predicts the column `target`, and measure it on held-out rows with 95 % intervals.

    "auto" searches a portfolio within `cpu_budget` CPU seconds and blends the best (`serve="single"`: the best one).
    Or name an `estimator` (logistic_regression, ridge, random_forest, extra_trees, hist_gradient_boosting, svm, knn,
    mlp …) with scikit-learn `params`; `tune=N` tries N settings. Columns that leak the target are set aside and
    doubtful ones asked about: pass the questions on. `split` is auto (by time where there is an event time), time,
    group or row. `costs={"false_negative": 5, "false_positive": 1}` sets the threshold. With `name` it becomes the
    next version of that name.
    """
    asked = TrainOptions(
        target=target,
        task=task,
        estimator=estimator,
        params=params,
        features=features,
        exclude=exclude,
        metric=metric,
        positive_label=positive_label,
        weight_column=weight_column,
        costs=costs,
        split=split,
        time_column=time_column,
        group_column=group_column,
        test_size=test_size,
        tune=tune,
        cpu_budget=cpu_budget,
        seed=seed,
        serve=serve,
    )

    def read(transaction: Transaction) -> tuple[DatasetVersion, list[Entry], Masks]:
        version = find_dataset(transaction, dataset)
        # Rows are split by hashes of columns that are only counted here, masked ones too.
        counted = find_dataset(transaction.whole, dataset)
        return counted, column_entries(transaction, version.name), transaction.masks

    name = check_model_name(name) if name else ""
    version, entries, masks = call.workspace.store.read(read)
    check_open(masks, version.name, [target, *features, weight_column, time_column, group_column])
    with naming(dataset=version.name, target=target):
        options = check_options(asked, version.profile)
    run = call.workspace.runs.start(
        "train",
        _request(options, name, version, entries, masks),
        actor=call.actor,
        name=name,
        dataset=version.label,
        fingerprint=version.fingerprint,
        target=options.target,
        params=options.model_dump(exclude={"target"}, exclude_defaults=True) | {"estimator": options.estimator},
    )
    return _answer(call, call.wait(run, wait_seconds))


def _request(options: TrainOptions, name: str, version: DatasetVersion, entries: list[Entry], masks: Masks) -> Request:
    known = {entry.column: entry for entry in entries}
    hints = {
        column.name: _hint(column, known.get(column.name), masks.level(version.name, column.name))
        for column in version.profile.columns
    }
    return Request(
        options=options,
        name=name,
        dataset=version.label,
        snapshot=version.snapshot,
        source_hash=version.source_hash,
        reference=version.reference,
        columns=version.columns,
        hints=hints,
        choice=choose_split(options, hints, version.rows),
        salt=f"{version.family}/{options.target}",
        masked=masks.within([version.name]),
    )


def _hint(column: ColumnProfile, entry: Entry | None, masked: str) -> ColumnHint:
    if entry is None or masked:
        return ColumnHint(distinct=column.distinct, nulls=column.nulls, masked=masked)
    return ColumnHint(
        role=entry.role,
        available_at=entry.available_at,
        written="role" in entry.writers,
        distinct=column.distinct,
        nulls=column.nulls,
    )


def _answer(call: Call, run: Run) -> TrainAnswer:
    if run.state != "completed":
        return TrainAnswer(
            verdict=f"{run.label} is still training on {run.dataset}.",
            run=run.number,
            state=run.state,
            next=run.wait_on,
        )
    result = Result.model_validate(run.result)
    label = call.workspace.store.read(lambda transaction: find_model(transaction, run.label)).label
    return TrainAnswer(
        verdict=f"{label}: {result.verdict}",
        run=run.number,
        state=run.state,
        model=label,
        task=result.task,
        metric=result.metric,
        split=result.split_words,
        decision=result.decision,
        metrics=_metrics(result),
        leaderboard=[
            Leader(
                name=one.name,
                selection_score=one.score,
                sd=one.sd,
                cpu_seconds=one.cpu_seconds,
                weight=round(one.weight, 3),
            )
            for one in result.leaderboard[:LEADERS]
        ],
        unreached=result.unreached,
        drivers=result.drivers(),
        set_aside=result.set_aside[:ASIDE],
        set_aside_total=len(result.set_aside),
        questions=result.questions,
        notes=result.notes[:NOTES],
        plots=[f"mlsteward://runs/{run.number}/artifacts/{plot}" for plot in result.plots],
        findings=result.findings(run),
        next=result.next,
    )


def _metrics(result: Result) -> list[HeldOutMetric]:
    order = sorted(result.metrics, key=lambda name: name != result.metric)
    return [
        HeldOutMetric(
            name=name,
            linear=result.baselines.get("linear", {}).get(name),
            dummy=result.baselines.get("dummy", {}).get(name),
            **result.metrics[name].model_dump(),
        )
        for name in order[:_METRICS]
    ]


TOOL = Tool(train_model, title="Train a model", toolset="training", read_only=False)
