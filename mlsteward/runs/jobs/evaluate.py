"""The work behind `evaluate_model`."""

from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.answer import counted
from mlsteward.data.snapshot import Column, verify_snapshot
from mlsteward.evaluation.judgement import Judgement
from mlsteward.evaluation.words import judgement_findings
from mlsteward.lineage.made import used_edges
from mlsteward.record import Record
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.job import Job
from mlsteward.runs.judged_model import JudgedModel
from mlsteward.store.lineage import add_edges
from mlsteward.store.metrics import MetricRow, add_metrics

if TYPE_CHECKING:
    import numpy as np

    from mlsteward.evaluation.judge import Scored
    from mlsteward.evaluation.judgement import Comparison
    from mlsteward.runs.judged_rows import TruthRows
    from mlsteward.store.runs import Run
    from mlsteward.store.transaction import Transaction
    from mlsteward.training.bundle import ModelBundle

PAGE = "evaluation.md"
_MOST_SLICED = 30


class Request(Record):
    """What to judge on what; `snapshot` is relative to the workspace, `threshold` 0 is the model's own.

    `baselines` says what simpler models scored when the model was trained; none of the columns `masked` is looked at.
    """

    model: JudgedModel
    baseline: JudgedModel | None = None
    dataset: str
    snapshot: str
    source_hash: str = ""
    reference: bool = False
    fingerprint: str
    columns: list[Column]
    slices: list[str] = []
    threshold: float = 0.0
    baselines: str = ""
    masked: list[str] = []
    seed: int = 0


class Result(Record):
    """The judgement; `verdict` and `next` are what `get_run` says of the run.

    `held_out` says that the dataset is the model's own training data, of which only held-out rows were used.
    """

    verdict: str
    next: str
    held_out: bool
    left_out: int
    judgement: Judgement
    baselines: str = ""
    plots: list[str] = []

    def findings(self, run: "Run") -> list[str]:
        return [
            *judgement_findings(self.judgement, self.baselines),
            f"page: mlsteward://runs/{run.number}/artifacts/{PAGE}",
        ]


def work(request: Request, job: Job) -> Result:
    """Score the rows that the model did not see, search for bad slices, compare, draw."""
    import numpy as np

    from mlsteward.data.engine import connect
    from mlsteward.evaluation.judge import judge, named_slices, worst_slices
    from mlsteward.evaluation.plots import draw_plots
    from mlsteward.evaluation.words import judgement_page, judgement_verdict, next_call
    from mlsteward.runs.judged_rows import read_truth, seen_rows

    model = request.model
    job.progress(0.05, "reading the rows")
    models = [model, request.baseline] if request.baseline else [model]
    path = verify_snapshot(job.workspace, request.snapshot, request.source_hash, reference=request.reference)
    rows = read_truth(job, path, request.columns, models, request.slices)
    seen = seen_rows(job, model, rows, request.fingerprint)
    _enough(request, int(seen.fresh.sum()), seen.left_out)
    job.progress(0.2, "predicting")
    fresh = np.flatnonzero(seen.fresh)
    bundle = _load(model, job)
    scored = _scored(request, rows, fresh, bundle)
    frame = rows.frame.iloc[fresh]
    job.progress(0.4, "resampling for intervals")
    judgement = judge(scored, seed=request.seed)
    job.progress(0.6, "searching for slices that are worse")
    columns = [signed.name for signed in model.signature if signed.kind != "text"]
    searched = list(dict.fromkeys([*request.slices, *columns]))[:_MOST_SLICED]
    with connect(memory_mb=job.memory_mb // 4, threads=1) as connection:
        judgement = worst_slices(
            connection, frame, scored, judgement, columns=searched, metric=model.metric, seed=request.seed
        )
    named = named_slices(frame, scored, columns=request.slices, metric=model.metric, seed=request.seed)
    notes = [*rows.notes, *([seen.note] if seen.note else [])]
    update: dict[str, object] = {"named": named}
    if bundle.conformal is not None:
        update |= _interval_coverage(bundle, scored)
    if request.baseline:
        job.progress(0.8, f"comparing with {request.baseline.label}")
        compared = _comparison(request, request.baseline, job, rows, seen.fresh, scored)
        if isinstance(compared, str):
            notes.append(compared)
        else:
            update["comparison"] = compared
    judgement = judgement.model_copy(update={**update, "notes": notes})
    job.progress(0.9, "drawing")
    plots = draw_plots(
        scored.task,
        scored.truth,
        scored.predictions,
        job.artifacts,
        target=model.target,
        weights=scored.weights,
        threshold=scored.threshold,
    )
    result = Result(
        verdict=judgement_verdict(
            judgement,
            model=model.label,
            dataset=request.dataset,
            metric=model.metric,
            held_out=seen.held_out,
            left_out=seen.left_out,
        ),
        next=next_call(judgement, model=model.label, dataset=request.dataset),
        held_out=seen.held_out,
        left_out=seen.left_out,
        judgement=judgement,
        baselines=request.baselines,
        plots=plots,
    )
    (job.artifacts / PAGE).write_text(judgement_page(judgement, result.verdict, plots), encoding="utf-8")
    return result


def _enough(request: Request, fresh: int, left_out: int) -> None:
    from mlsteward.errors import UnusableData
    from mlsteward.runs.judged_rows import FEWEST_ROWS

    if fresh >= FEWEST_ROWS:
        return
    seen = (
        f"; {counted(left_out, 'other is a training row', 'others are training rows')} of {request.model.label}"
        if left_out
        else ""
    )
    rows = counted(fresh, "usable row")
    raise UnusableData(
        f"Not enough data: {request.dataset} has {rows} that {request.model.label} did not see{seen}. "
        f"An evaluation needs {FEWEST_ROWS} at least; the held-out rows of {request.model.dataset} can be judged.",
        next=f'evaluate_model(model="{request.model.label}", dataset="{request.model.dataset}")',
    )


def _load(model: JudgedModel, job: Job) -> "ModelBundle":
    from mlsteward.serving.model_file import load_bundle

    return load_bundle(job.workspace / model.path, model.sha256)


def _scored(request: Request, rows: "TruthRows", fresh: "np.ndarray", bundle: "ModelBundle") -> "Scored":
    from mlsteward.evaluation.judge import Scored
    from mlsteward.evaluation.units import independent_units

    frame = rows.frame.iloc[fresh]
    units, unit = independent_units(frame, request.model.split_kind, request.model.split_column)
    return Scored(
        task=bundle.task,
        truth=rows.truth[fresh],
        predictions=bundle.predict(frame),
        unit=unit,
        units=units,
        weights=None if rows.weights is None else rows.weights[fresh],
        threshold=request.threshold or bundle.threshold,
    )


def _interval_coverage(bundle: "ModelBundle", scored: "Scored") -> dict[str, object]:
    from mlsteward.evaluation.conformal import coverage

    share = coverage(
        scored.truth.astype(float), scored.predictions.labels.astype(float), bundle.conformal or 0.0, scored.weights
    )
    return {"interval_level": bundle.conformal_level, "interval_coverage": share}


def _comparison(
    request: Request,
    baseline: JudgedModel,
    job: Job,
    rows: "TruthRows",
    fresh: "np.ndarray",
    scored: "Scored",
) -> "Comparison | str":
    """Both models on the rows that neither saw, or why that cannot be."""
    import numpy as np

    from mlsteward.evaluation.judge import compare
    from mlsteward.evaluation.predictions import Predictions
    from mlsteward.runs.judged_rows import FEWEST_ROWS, seen_rows

    seen = seen_rows(job, baseline, rows, request.fingerprint)
    both = np.flatnonzero(fresh & seen.fresh)
    if len(both) < FEWEST_ROWS:
        unseen = counted(len(both), "row was", "rows were")
        return f"Not compared with {baseline.label}: only {unseen} seen by neither model."
    bundle = _load(baseline, job)
    found = bundle.predict(rows.frame.iloc[both])
    if found.scores is not None:
        order = [found.classes.index(name) for name in scored.predictions.classes]
        found = Predictions(found.labels, found.scores[:, order], scored.predictions.classes)
    same = scored.take(np.searchsorted(np.flatnonzero(fresh), both))
    flipped = bundle.classes[1:] != scored.predictions.classes[1:] and len(bundle.classes) == 2
    return compare(
        same,
        found,
        name=baseline.label,
        other_threshold=1 - bundle.threshold if flipped else bundle.threshold,
        metric=request.model.metric,
        seed=request.seed,
    )


def record(transaction: "Transaction", run: "Run", result: Result, folder: Path) -> None:
    """The metrics of the evaluation become metrics of its run, under the split `test`; what it judged is its origin."""
    rows = [
        MetricRow(run=run.number, split="test", name=score.name, value=score.value, low=score.low, high=score.high)
        for score in result.judgement.scores
    ]
    calibration = result.judgement.calibration
    if calibration:
        rows.append(MetricRow(run=run.number, split="test", name="calibration_error", value=calibration.error))
    add_metrics(transaction, rows)
    request = RunFolder(folder).read_request(Request)
    judged = [request.model.label, request.baseline.label if request.baseline else ""]
    add_edges(transaction, used_edges(run.number, "evaluate", models=judged, datasets=[request.dataset]))
