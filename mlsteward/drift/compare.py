"""One comparison of two tables, from snapshot files to the report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mlsteward.answer import counted
from mlsteward.data.engine import literal, quote
from mlsteward.drift import blocks, sql
from mlsteward.drift.block_volume import check_volume
from mlsteward.drift.blocked_checks import BlockPlan, check_blocked_column, plan_blocks
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


@dataclass(frozen=True)
class Seen:
    """What a window held: the rows of either side, and their blocks where rows come in blocks."""

    pair: Pair
    plan: BlockPlan | None = None


def compare(connection: "duckdb.DuckDBPyConnection", task: Task, progress: Progress) -> Comparison:
    """Count, test and judge every column in every window."""
    selection = select(connection, task.choice)
    rows = sql.count_rows(connection, selection.reference)
    if not rows:
        raise UnusableData(f"Nothing is left of the reference {task.reference} ({selection.reference_words}).")
    evidence: list[Evidence] = []
    counts: dict[str, ColumnCounts] = {}
    seen: dict[str, Seen] = {}
    for place, (label, window) in enumerate(selection.windows.items()):
        before = rows if window.reference == selection.reference else sql.count_rows(connection, window.reference)
        pair = Pair(window.reference, window.current, before, sql.count_rows(connection, window.current))
        seen[label] = Seen(pair)
        if not min(pair.rows, pair.current_rows):
            continue
        seen[label] = Seen(pair, _plan(connection, pair, selection, task.seed))

        def inside(done: float, message: str, place: int = place) -> None:
            progress((place + done) / len(selection.windows), message)

        found, counts_here = _window(connection, seen[label], task, inside, volume=window.volume)
        evidence += [replace(one, window=label) for one in found]
        counts = counts or counts_here
    if not counts and task.columns:
        raise UnusableData(_nothing_left(task, selection, seen))
    return Comparison(_report(task, selection, evidence, rows, seen), counts)


def _nothing_left(task: Task, selection: Selection, seen: Mapping[str, Seen]) -> str:
    if any(one.pair.current_rows for one in seen.values()):
        return f"{task.reference} has no rows with any value that `{task.choice.by}` has in {task.current}."
    return f"Nothing is left of {task.current} ({selection.current_words})."


def _plan(connection: "duckdb.DuckDBPyConnection", pair: Pair, selection: Selection, seed: int) -> BlockPlan | None:
    if not selection.unit:
        return None
    both = f"{pair.reference.relation(0, 'NULL')} UNION ALL {pair.current.relation(1, 'NULL')}"
    found = connection.execute(f"SELECT side, block, count(*) FROM ({both}) GROUP BY ALL").fetchall()
    return plan_blocks(
        [(int(side), int(block), int(rows)) for side, block, rows in found],
        unit=selection.unit,
        seed=seed,
    )


def _window(
    connection: "duckdb.DuckDBPyConnection", seen: Seen, task: Task, progress: Progress, *, volume: bool
) -> tuple[list[Evidence], dict[str, ColumnCounts]]:
    pair, plan = seen.pair, seen.plan
    found: list[Evidence] = []
    counts: dict[str, ColumnCounts] = {}
    cells = sql.BLOCKED_GRID_CELLS if plan else sql.GRID_CELLS
    grids = sql.choose_grids(connection, pair, task.columns, task.types, cells)
    for place, column in enumerate(task.columns):
        progress(place / (len(task.columns) + 1), f"comparing {column.name}")
        known, by_block = sql.count_column(connection, pair, column, grids.get(column.name, Grid()))
        found += check_blocked_column(known, by_block, plan) if plan else check_column(known)
        counts[column.name] = known
    if plan and volume and (changed := check_volume(plan)):
        found.append(changed)
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
    seen: Mapping[str, Seen],
) -> DriftReport:
    findings = judge(evidence)
    columns = column_reports([*task.schema, *findings], task.importance)
    table = [found for found in findings if not found.column]
    # The window with most blocks stands for all.
    plan = max((one.plan for one in seen.values() if one.plan), key=lambda plan: plan.numbers[1], default=None)
    report = DriftReport(
        verdict=overall(columns, table),
        sentence="",
        reference=_side(task.reference, selection.reference_words),
        current=_side(task.current, selection.current_words),
        reference_rows=rows,
        current_rows=sum(one.pair.current_rows for one in seen.values()),
        columns=columns,
        table=table,
        left_out=dict(task.left_out),
        windows=[_window_report(label, one, findings) for label, one in seen.items() if label],
        assumption=assumption_words(selection.unit, plan.numbers if plan else (0, 0), len(plan.windows) if plan else 0),
        checks=sum(found.p is not None for found in findings),
    )
    return report.model_copy(update={"sentence": sentence(report)})


def _side(label: str, words: str) -> str:
    return label if words == "all rows" else f"{label} ({words})"


def _window_report(label: str, seen: Seen, findings: Sequence[Finding]) -> WindowReport:
    own = [found for found in findings if found.window == label]
    columns = column_reports(own, {})
    table = [found for found in own if not found.column]
    verdict = overall(columns, table)
    drifted = [report.column for report in columns if report.verdict == "drift"]
    return WindowReport(
        window=label,
        rows=seen.pair.current_rows,
        verdict=verdict,
        drifted=[*drifted, *(found.change for found in table if found.drift)],
        why=_too_little(seen) if verdict == "not enough data" else "",
    )


def _too_little(seen: Seen) -> str:
    if not seen.pair.rows:
        return "the reference has no such rows"
    rows = counted(seen.pair.current_rows, "row")
    if seen.plan is None:
        return rows
    return f"{rows} in {counted(seen.plan.numbers[1], seen.plan.unit)}"
