"""Pictures of how predictions move with columns and differ between groups, as small PNG files."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlsteward.answer import number
from mlsteward.evaluation.curve import Curve
from mlsteward.evaluation.fairness_report import ColumnFairness, MeasureGap
from mlsteward.evaluation.plots import BLUE, GREY, ORANGE, save_figure, shortened

_MOST_GAPS = 6
_ACROSS = 3


def draw_dependence(curves: Sequence[Curve], path: Path, target: str) -> None:
    """A panel a column: the mean prediction with the range of eight in ten rows, and below it the rows behind."""
    figure = Figure(figsize=(4.2 * len(curves), 4.4), layout="constrained")
    panels = figure.subplots(2, len(curves), squeeze=False, sharex="col", height_ratios=[4, 1])
    for place, curve in enumerate(curves):
        upper, lower = panels[0][place], panels[1][place]
        _draw_curve(upper, curve, target)
        spots = range(len(curve.points))
        lower.bar(spots, [point.rows for point in curve.points], color=GREY, width=0.7)
        lower.set(ylabel="rows" if place == 0 else "", xlabel=shortened(curve.column, 30))
        lower.set_xticks(list(spots), [shortened(point.at, 11) for point in curve.points], rotation=45, ha="right")
    save_figure(figure, path)


def _draw_curve(axes: Axes, curve: Curve, target: str) -> None:
    spots = list(range(len(curve.points)))
    values = [point.value for point in curve.points]
    low, high = [point.low for point in curve.points], [point.high for point in curve.points]
    # What is missing is no step further along.
    joined = len(spots) - 1 if curve.points[-1].at == "missing" else len(spots)
    if curve.ordered:
        axes.fill_between(spots[:joined], low[:joined], high[:joined], color=BLUE, alpha=0.15, linewidth=0)
        axes.plot(spots[:joined], values[:joined], "o-", color=BLUE, markersize=4)
    loose = slice(joined, None) if curve.ordered else slice(None)
    if spots[loose]:
        # Where all rows are given one value its bounds may be a rounding error off it.
        reach = [[max(value - end, 0.0) for value, end in zip(values[loose], low[loose], strict=True)]]
        reach.append([max(end - value, 0.0) for value, end in zip(values[loose], high[loose], strict=True)])
        axes.errorbar(spots[loose], values[loose], yerr=reach, fmt="o", color=BLUE, ecolor=GREY, markersize=4)
    what = f"probability of {curve.outcome}" if curve.outcome else f"mean {target}"
    lowest, highest = curve.ends
    axes.set(ylabel=shortened(what, 34), title=f"{number(lowest.value, 2)} to {number(highest.value, 2)}, mean of rows")


def draw_fairness(columns: Sequence[ColumnFairness], path: Path) -> None:
    """A panel a measure: each group with its interval, those that are small in grey."""
    gaps = [(one.column, gap) for one in columns for gap in one.gaps][:_MOST_GAPS]
    across = min(len(gaps), _ACROSS)
    down = -(-len(gaps) // across)
    tallest = max(len(gap.groups) for _, gap in gaps)
    figure = Figure(figsize=(4.0 * across, down * (1.1 + 0.3 * tallest)), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes, (column, gap) in zip(panels, gaps, strict=False):
        _draw_gap(axes, column, gap)
    for axes in panels[len(gaps) :]:
        axes.set_axis_off()
    save_figure(figure, path)


def _draw_gap(axes: Axes, column: str, gap: MeasureGap) -> None:
    shown = [one for one in gap.groups if one.value is not None][::-1]
    for place, one in enumerate(shown):
        value = one.value or 0.0
        color = GREY if one.small else BLUE
        if one.low is not None and one.high is not None:
            axes.plot([one.low, one.high], [place, place], color=color, linewidth=2)
        axes.plot(value, place, "o", color=ORANGE if one.group in (gap.highest, gap.lowest) else color, markersize=6)
    axes.set_yticks(range(len(shown)), [f"{shortened(one.group, 18)} ({one.base:,})" for one in shown])
    axes.set(title=shortened(f"{gap.measure.replace('_', ' ')} by {column}", 40), ylim=(-0.6, len(shown) - 0.4))
