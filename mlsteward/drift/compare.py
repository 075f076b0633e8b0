"""One comparison of two tables, from snapshot files to the report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mlsteward.data.engine import literal, quote
from mlsteward.drift import blocks, sql
from mlsteward.drift.blocked_checks import BlockPlan, check_blocked_column, check_volume, plan_blocks
from mlsteward.drift.checks import check_column
from mlsteward.drift.choice import Choice
from mlsteward.drift.columns import ComparedColumn
from mlsteward.drift.counts import ColumnCounts
from mlsteward.drift.evidence import Evidence, raise_gate
from mlsteward.drift.grid import Grid
from mlsteward.drift.report import DriftReport, Finding, WindowReport
from mlsteward.drift.sql import Pair, Sample
from mlsteward.drift.verdict import column_reports, judge, overall
from mlsteward.drift.windows import Selection, select
from mlsteward.drift.words import assumption_words, sentence
from mlsteward.errors import UnusableData

if TYPE_CHECKING:
    import duckdb

    from mlsteward.drift.domain_classifier import Mixture

_MIXTURE_ROWS = 5000
_OWN_WINDOWS = 6
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Task:
    """What to compare. `schema` findings are certain, so they stand beside the family of tests."""

    choice: Choice
    columns: Sequence[ComparedColumn]
    types: Mapping[str, str]
    left_out: Mapping[str, str]
    schema: Sequence[Finding]
    importance: Mapping[str, float]
    reference: str
    current: str
    multivariate: bool
    seed: int


@dataclass(frozen=True)
class Comparison:
    """The report, and the counts of all columns (of the first window) for plots."""

    report: DriftReport
    counts: Mapping[str, ColumnCounts]


def compare(connection: "duckdb.DuckDBPyConnection", task: Task, progress: Progress) -> Comparison:
    """Count, test and judge every column in every window."""
    selection = select(connection, task.choice)
    rows = sql.count_rows(connection, selection.reference)
    if not rows:
        raise UnusableData(f"Nothing is left of the reference {task.reference} ({selection.reference_words}).")
    evidence: list[Evidence] = []
    counts: dict[str, ColumnCounts] = {}
    sizes: dict[str, int] = {}
    plan: BlockPlan | None = None
    for place, (label, sample) in enumerate(selection.windows.items()):
        current_rows = sql.count_rows(connection, sample)
        sizes[label] = current_rows
        if not current_rows:
            continue
        pair = Pair(selection.reference, sample, rows, current_rows)
        plan = _plan(connection, pair, selection, task.seed)

        def inside(done: float, message: str, place: int = place) -> None:
            progress((place + done) / len(selection.windows), message)

        found, counted = _window(connection, pair, plan, task, inside)
        evidence += [replace(one, window=label) for one in found]
        counts = counts or counted
    if not counts and task.columns:
        raise UnusableData(f"Nothing is left of {task.current} ({selection.current_words}).")
    return Comparison(_report(task, selection, evidence, rows, sizes, plan), counts)


def _plan(connection: "duckdb.DuckDBPyConnection", pair: Pair, selection: Selection, seed: int) -> BlockPlan | None:
    if not selection.unit:
        return None
    both = f"{pair.reference.relation(0, 'NULL')} UNION ALL {pair.current.relation(1, 'NULL')}"
    found = connection.execute(f"SELECT side, block, count(*) FROM ({both}) GROUP BY ALL").fetchall()
    return plan_blocks(
        [(int(side), int(block), int(rows)) for side, block, rows in found],
        ordered=selection.unit != "group",
        seed=seed,
    )


def _window(
    connection: "duckdb.DuckDBPyConnection", pair: Pair, plan: BlockPlan | None, task: Task, progress: Progress
) -> tuple[list[Evidence], dict[str, ColumnCounts]]:
    found: list[Evidence] = []
    counts: dict[str, ColumnCounts] = {}
    cells = sql.BLOCKED_GRID_CELLS if plan else sql.GRID_CELLS
    grids = sql.choose_grids(connection, pair, task.columns, task.types, cells)
    for place, column in enumerate(task.columns):
        progress(place / (len(task.columns) + 1), f"comparing {column.name}")
        counted, by_block = sql.count_column(connection, pair, column, grids.get(column.name, Grid()))
        found += check_blocked_column(counted, by_block, plan) if plan else check_column(counted)
        counts[column.name] = counted
    if plan and (volume := check_volume(plan)):
        found.append(volume)
    if task.multivariate and len(task.columns) > 1:
        progress(len(task.columns) / (len(task.columns) + 1), "fitting a classifier that tells the samples apart")
        found.append(_joint(connection, pair, plan, task))
    return found, counts


def _joint(connection: "duckdb.DuckDBPyConnection", pair: Pair, plan: BlockPlan | None, task: Task) -> Evidence:
    from mlsteward.drift.domain_classifier import own_severity, tell_apart

    mixture = _mixture(connection, pair, task.columns)
    evidence = tell_apart(mixture, seed=task.seed, blocked=plan is not None)
    if plan is None:
        return evidence
    keys = np.asarray([block for side, block in plan.keys if side == 0], dtype=np.int64)
    windows = [keys[low:high] for low, high in blocks.window_edges(*plan.numbers, most=_OWN_WINDOWS)]
    return raise_gate(evidence, own_severity(mixture, windows, seed=task.seed))


def _mixture(connection: "duckdb.DuckDBPyConnection", pair: Pair, columns: Sequence[ComparedColumn]) -> "Mixture":
    """Some thousand rows of either sample as numbers; a category is its place among all by name."""
    from mlsteward.drift.domain_classifier import Mixture

    parts = [
        _drawn(sample, rows, side, columns)
        for side, (sample, rows) in enumerate([(pair.reference, pair.rows), (pair.current, pair.current_rows)])
    ]
    found = connection.execute(f"({parts[0]}) UNION ALL ({parts[1]})").fetchnumpy()
    arrays: list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = []
    for place, column in enumerate(columns):
        cells = np.ma.asarray(found[f"c{place}"])
        missing = np.ma.getmaskarray(cells)
        data = np.ma.getdata(cells)
        if column.kind == "category":
            data = np.unique(np.where(missing, "", data).astype(str), return_inverse=True)[1]
        arrays.append(np.where(missing, np.nan, data.astype(np.float64)))
    return Mixture(
        columns=[column.name for column in columns],
        values=np.stack(arrays, axis=1),
        is_current=np.ma.getdata(found["side"]) == 1,
        block=np.ma.getdata(found["block"]).astype(np.int64),
    )


def _drawn(sample: Sample, rows: int, side: int, columns: Sequence[ComparedColumn]) -> str:
    cells = [
        f"CAST({quote(column.name)} AS {'DOUBLE' if column.kind == 'number' else 'VARCHAR'}) AS c{place}"
        for place, column in enumerate(columns)
    ]
    share = min(100.0, 100 * _MIXTURE_ROWS / rows)
    return (
        f"SELECT {side} AS side, CAST({sample.block} AS BIGINT) AS block, {', '.join(cells)} FROM"
        f" (SELECT * FROM read_parquet({literal(sample.path)}) WHERE {sample.where})"
        f" USING SAMPLE {share:.6f}% (bernoulli, {side + 1})"
    )


def _report(
    task: Task,
    selection: Selection,
    evidence: Sequence[Evidence],
    rows: int,
    sizes: Mapping[str, int],
    plan: BlockPlan | None,
) -> DriftReport:
    findings = judge(evidence)
    columns = column_reports([*task.schema, *findings], task.importance)
    table = [found for found in findings if not found.column]
    report = DriftReport(
        verdict=overall(columns, table),
        sentence="",
        reference=_side(task.reference, selection.reference_words),
        current=_side(task.current, selection.current_words),
        reference_rows=rows,
        current_rows=sum(sizes.values()),
        columns=columns,
        table=table,
        left_out=dict(task.left_out),
        windows=[_window_report(label, size, findings) for label, size in sizes.items() if label],
        assumption=assumption_words(selection.unit, plan.numbers if plan else (0, 0), len(plan.windows) if plan else 0),
        checks=sum(found.p is not None for found in findings),
    )
    return report.model_copy(update={"sentence": sentence(report)})


def _side(label: str, words: str) -> str:
    return label if words == "all rows" else f"{label} ({words})"


def _window_report(label: str, rows: int, findings: Sequence[Finding]) -> WindowReport:
    own = [found for found in findings if found.window == label]
    columns = column_reports(own, {})
    drifted = [report.column for report in columns if report.verdict == "drift"]
    return WindowReport(
        window=label,
        rows=rows,
        verdict=overall(columns, [found for found in own if not found.column]),
        drifted=drifted,
        worst=f"{columns[0].column}: {columns[0].main.change}" if drifted else "",
    )
