"""What a run of `explain_model` measures over many rows: importance, partial dependence, fairness by group.

Only worker code imports this.
"""

from typing import TYPE_CHECKING

import numpy as np

from mlsteward.answer import counted
from mlsteward.data.frames import read_frame
from mlsteward.errors import UnusableData
from mlsteward.evaluation.curve import Curve
from mlsteward.evaluation.fairness import measure_fairness
from mlsteward.evaluation.fairness_report import ColumnFairness
from mlsteward.evaluation.importance import near_copies, permutation_importance
from mlsteward.evaluation.judge import Scored
from mlsteward.evaluation.partial_dependence import partial_dependence
from mlsteward.evaluation.units import independent_units
from mlsteward.runs.job import Job
from mlsteward.runs.judged_rows import FEWEST_ROWS, read_truth, seen_rows
from mlsteward.training.bundle import ModelBundle
from mlsteward.training.signature import ImportanceRow

if TYPE_CHECKING:
    from mlsteward.runs.jobs.explain import Request, TableFile

_IMPORTANCE_ROWS = 1000


def measure_importance(
    request: "Request", table: "TableFile", bundle: ModelBundle, job: Job
) -> tuple[list[ImportanceRow], str, list[str]]:
    """Permutation importance on at most 1,000 rows of the dataset that the model did not see."""

    job.progress(0.1, "permuting columns")
    rows = read_truth(job, table.path(job), table.columns, [request.model], [])
    seen = seen_rows(job, request.model, rows, table.fingerprint)
    fresh = np.flatnonzero(seen.fresh)
    if len(fresh) < FEWEST_ROWS:
        unseen = counted(len(fresh), "row")
        note = f"{table.label} has only {unseen} that the model did not see: importance is that of the training"
        return request.importance, f"on the held-out rows of {request.model.dataset}", [*rows.notes, note]
    chosen = fresh[np.unique(np.linspace(0, len(fresh) - 1, min(len(fresh), _IMPORTANCE_ROWS)).astype(int))]
    frame = rows.frame.iloc[chosen][[column.name for column in bundle.signature]].reset_index(drop=True)
    found = permutation_importance(
        bundle.predict,
        frame,
        rows.truth[chosen],
        task=bundle.task,
        metric=request.model.metric,
        groups=near_copies(frame),
        seed=request.seed,
        weights=None if rows.weights is None else rows.weights[chosen],
        threshold=bundle.threshold,
    )
    source = f"on {len(chosen):,} rows of {table.label} that the model did not see"
    return [ImportanceRow(**vars(one)) for one in found], source, rows.notes


def measure_dependence(request: "Request", bundle: ModelBundle, job: Job) -> list[Curve]:
    """A curve for each column that was asked for, over the rows of the dataset, else of the training data."""
    table = request.table or request.background
    types = {column.name: column for column in table.columns}
    columns = [types[signed.name] for signed in request.model.signature]
    frame = read_frame(table.path(job), columns, memory_mb=job.memory_mb // 4, temp=job.folder / "temp")
    if not len(frame):
        raise UnusableData(f"{table.label} has no rows.")
    curves: list[Curve] = []
    for place, name in enumerate(request.curves):
        job.progress(0.2 + 0.2 * place / len(request.curves), f"following the prediction along {name}")
        curves.append(partial_dependence(bundle.raw_scores, frame, name, classes=bundle.classes))
    return curves


def compare_groups(request: "Request", bundle: ModelBundle, job: Job) -> tuple[list[ColumnFairness], str, list[str]]:
    """Measures by the groups of each column that was asked for, on rows that the model did not see; which rows, and
    what is to be said of them.

    Raises UnusableData when there are too few.
    """
    job.progress(0.7, "comparing groups")
    table, model = request.table or request.background, request.model
    rows = read_truth(job, table.path(job), table.columns, [model], request.groups)
    seen = seen_rows(job, model, rows, table.fingerprint)
    fresh = np.flatnonzero(seen.fresh)
    if len(fresh) < FEWEST_ROWS:
        raise UnusableData(
            f"{table.label} has only {counted(len(fresh), 'row')} that {model.label} did not see: too few to compare "
            "groups.",
            next=f'explain_model(model="{model.label}", groups={request.groups})',
        )
    frame = rows.frame.iloc[fresh]
    units, unit = independent_units(frame, model.split_kind, model.split_column)
    scored = Scored(
        task=bundle.task,
        truth=rows.truth[fresh],
        predictions=bundle.predict(frame),
        unit=unit,
        units=units,
        weights=None if rows.weights is None else rows.weights[fresh],
        threshold=bundle.threshold,
    )
    held_out = "held-out rows" if seen.held_out else "rows that the model did not see"
    source = f"on {len(fresh):,} {held_out} of {table.label}, {counted(scored.unit_count, f'independent {unit}')}"
    notes = [*rows.notes, *([seen.note] if seen.note else [])]
    found = [measure_fairness(frame, scored, name, seed=request.seed) for name in request.groups]
    notes += [_small(one) for one in found if one.small]
    notes += [
        f"{counted(one.left_out, 'row')} of rarer values of {one.column} are in no group"
        for one in found
        if one.left_out
    ]
    return found, source, notes


def _small(found: ColumnFairness) -> str:
    names = found.small
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return f"too few rows to judge {', '.join(names[:4])}{more} of {found.column}"
