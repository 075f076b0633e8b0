"""A picture of the columns that changed most, as a small PNG."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mlsteward.drift.counts import ColumnCounts, CountedCategories, CountedValues
from mlsteward.drift.numeric import quantiles
from mlsteward.drift.report import ColumnReport
from mlsteward.drift.words import effect_words

_SHOWN = 6
_BARS = 8
_BINS = 40
_BEFORE, _AFTER = "#9aa3ad", "#d9731a"


def draw_columns(columns: Sequence[ColumnReport], counts: Mapping[str, ColumnCounts], path: Path) -> bool:
    """Draw the first columns that have counts into `path`; False when there is nothing to draw."""
    shown = [column for column in columns if column.column in counts and column.main.kind != "schema"][:_SHOWN]
    if not shown:
        return False
    wide = min(3, len(shown))
    high = -(-len(shown) // wide)
    figure = Figure(figsize=(3.6 * wide, 2.7 * high), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    for place, column in enumerate(shown):
        axes = figure.add_subplot(high, wide, place + 1)
        counted = counts[column.column]
        if counted.values is not None:
            _draw_values(axes, counted.values)
        elif counted.categories is not None:
            _draw_categories(axes, counted.categories)
        axes.set_title(f"{column.column}: {column.verdict}\n{effect_words(column.main)}"[:90], fontsize=8)
        axes.tick_params(labelsize=7)
        if place == 0:
            axes.legend(["reference", "current"], fontsize=7)
    figure.savefig(path)
    return True


def _draw_values(axes: Axes, cells: CountedValues) -> None:
    if not cells.reference.sum() or not cells.current.sum():
        return
    low, high = quantiles(cells.values, cells.reference + cells.current, (0.005, 0.995))
    edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
    clipped = np.clip(cells.values, edges[0], edges[-1])
    for counts, colour in ((cells.reference, _BEFORE), (cells.current, _AFTER)):
        heights, _ = np.histogram(clipped, edges, weights=counts / counts.sum())
        axes.stairs(heights, edges, color=colour, fill=colour == _BEFORE, linewidth=1.5)


def _draw_categories(axes: Axes, counted: CountedCategories) -> None:
    n, m = counted.sizes()
    if not n or not m:
        return
    shares = counted.reference / n, counted.current / m
    most = np.argsort(-np.maximum(*shares), kind="stable")[:_BARS]
    places = np.arange(len(most))
    axes.bar(places - 0.2, shares[0][most], 0.4, color=_BEFORE)
    axes.bar(places + 0.2, shares[1][most], 0.4, color=_AFTER)
    axes.set_xticks(places, [str(name)[:12] for name in counted.categories[most]], rotation=30)
