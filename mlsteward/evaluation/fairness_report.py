"""How a model treats groups of rows, as models that travel from the worker to the server, and how it reads.

Light to import.
"""

from collections.abc import Sequence

from mlsteward.answer import counted, interval, number
from mlsteward.evaluation.directions import Task
from mlsteward.record import Record

MEASURES: dict[Task, tuple[str, ...]] = {
    "binary": ("selection_rate", "true_positive_rate", "false_positive_rate"),
    "multiclass": ("accuracy",),
    "regression": ("mean_error", "mean_absolute_error"),
}
"""What is measured of each task unless told otherwise."""

_SHOWN = 4


class GroupValue(Record):
    """A measure of one group: of `rows` rows, `base` of them count for it (the positive ones, say).

    `small` says that they are too few to be held against other groups.
    """

    group: str
    rows: int
    base: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    small: bool = False


class MeasureGap(Record):
    """A measure by group, and its largest difference between two groups that are not small.

    `low` and `high` bound that difference at 95 % over all pairs of groups together. `highest` and `lowest` name its
    groups.
    """

    measure: str
    groups: list[GroupValue]
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    highest: str = ""
    lowest: str = ""


class ColumnFairness(Record):
    """All measures by the groups of one column. `left_out` rows are of groups beyond the commonest."""

    column: str
    gaps: list[MeasureGap]
    left_out: int = 0

    @property
    def small(self) -> list[str]:
        """The groups that are too small for every measure."""
        judged = {one.group for gap in self.gaps for one in gap.groups if not one.small}
        return [one.group for one in self.gaps[0].groups if one.group not in judged] if self.gaps else []


def gap_words(column: str, gap: MeasureGap) -> str:
    """`true positive rate by sex differs by 0.12 [0.05, 0.19]: M 0.81, F 0.69`."""
    name = gap.measure.replace("_", " ")
    if gap.difference is None:
        return f"{name} by {column}: fewer than two groups are large enough to compare"
    values = {one.group: one.value for one in gap.groups}
    ends = f"{gap.highest} {number(values[gap.highest], 3)}, {gap.lowest} {number(values[gap.lowest], 3)}"
    unit = " (in standard deviations of the target)" if gap.measure in MEASURES["regression"] else ""
    return f"{name} by {column} differs by {interval(gap.difference, gap.low, gap.high)}: {ends}{unit}"


def group_words(one: GroupValue) -> str:
    """`F 0.69 [0.61, 0.77] of 130`."""
    return f"{one.group} {interval(one.value, one.low, one.high)} of {one.base:,}{' (small)' if one.small else ''}"


def fairness_findings(columns: Sequence[ColumnFairness]) -> list[str]:
    """The measures of each column with their groups, a line each."""
    lines: list[str] = []
    for column in columns:
        for gap in column.gaps:
            lines.append(gap_words(column.column, gap))
            shown = [group_words(one) for one in gap.groups[:_SHOWN]]
            more = len(gap.groups) - _SHOWN
            lines.append(f"- {'; '.join([*shown, *([_more(more)] if more > 0 else [])])}")
    return lines


def _more(count: int) -> str:
    return f"and {counted(count, 'more group')}"
