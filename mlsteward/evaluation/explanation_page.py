"""The page of an explanation. Light to import."""

from collections.abc import Mapping, Sequence

from mlsteward.answer import interval, markdown_table
from mlsteward.evaluation.curve import Curve, curve_words
from mlsteward.evaluation.directions import Task
from mlsteward.evaluation.explanation import ColumnWords, RowExplanation, method_words, row_words, term_words
from mlsteward.evaluation.fairness_report import ColumnFairness, gap_words
from mlsteward.training.signature import ImportanceRow


def explanation_page(
    *,
    verdict: str,
    metric: str,
    source: str,
    importance: Sequence[ImportanceRow],
    rows: Sequence[RowExplanation],
    curves: Sequence[Curve] = (),
    curves_over: str = "",
    fairness: Sequence[ColumnFairness] = (),
    groups_over: str = "",
    target: str,
    task: Task,
    words: Mapping[str, ColumnWords],
    notes: Sequence[str] = (),
    plots: Sequence[str] = (),
) -> str:
    """The whole explanation in Markdown."""
    lines = ["# Explanation", "", verdict, *(["", *(f"- {note}" for note in notes)] if notes else [])]
    if importance:
        lines += ["", f"## Importance: loss of {metric} when permuted, {source}", ""]
        table = [(" + ".join(one.columns), one.value, one.error, one.direction, one.effect) for one in importance]
        lines += markdown_table(("columns", "value", "standard error", "the prediction", "effect"), table)
    for curve in curves:
        lines += _curve_lines(curve, curves_over, task, target)
    for one in fairness:
        lines += _fairness_lines(one, groups_over)
    for row in rows:
        lines += ["", f"## {row_words(row, target)}", ""]
        lines += [f"- {term_words(term, row.scale, row.outcome or target, words)}" for term in row.terms]
    if rows:
        lines += ["", method_words(rows, 0 if task == "regression" else 3 if task == "multiclass" else 2)]
    lines += ["", "## Plots", "", *[f"- {name}" for name in plots]] if plots else []
    return "\n".join(lines) + "\n"


def _curve_lines(curve: Curve, over: str, task: Task, target: str) -> list[str]:
    told = curve_words(curve, task, target)
    lines = ["", f"## Partial dependence on {curve.column}", "", f"{told[0].upper()}{told[1:]}.", ""]
    over = f"The mean over {curve.averaged:,} rows of {over} with {curve.column} set to each value; between the bounds"
    lines += [f"{over} lie eight in ten of those rows. Where few rows are behind a value, the curve is a guess.", ""]
    table = [(point.at, point.rows, point.value, point.low, point.high) for point in curve.points]
    return lines + markdown_table((curve.column, "rows behind", "mean prediction", "low", "high"), table)


def _fairness_lines(found: ColumnFairness, groups: str) -> list[str]:
    lines = ["", f"## Groups of {found.column}, {groups}", ""]
    for gap in found.gaps:
        lines += [f"{gap_words(found.column, gap)[:1].upper()}{gap_words(found.column, gap)[1:]}.", ""]
        table = [
            (one.group, one.rows, one.base, interval(one.value, one.low, one.high), "too few to judge" * one.small)
            for one in gap.groups
        ]
        headers = ("group", "rows", "that count", f"{gap.measure.replace('_', ' ')} [95 %]", "")
        lines += [*markdown_table(headers, table), ""]
    return lines[:-1]
