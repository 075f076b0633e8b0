"""Pictures of a deployment over time: traffic and errors, latency, losses; and the columns that changed most."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from mlsteward.drift.counts import ColumnCounts
from mlsteward.drift.plots import draw_columns
from mlsteward.monitoring.deployment_report import DeploymentReport

_GREY, _ORANGE, _BLUE, _RED = "#9aa3ad", "#d9731a", "#2b6ca3", "#b3261e"
_FEWEST_POINTS = 2


def draw(
    report: DeploymentReport, counts: Mapping[str, ColumnCounts], folder: Path, names: tuple[str, str]
) -> list[str]:
    """Draw the series, and the columns that drifted, into files of these names; says which were."""
    drawn: list[str] = []
    if len(report.series) >= _FEWEST_POINTS:
        figure = Figure(figsize=(8, 6.4), dpi=80)
        FigureCanvasAgg(figure)
        figure.subplots_adjust(left=0.07, right=0.98, top=0.96, bottom=0.05, hspace=0.28)
        upper = figure.add_subplot(3, 1, 1)
        middle, lower = (figure.add_subplot(3, 1, place, sharex=upper) for place in (2, 3))
        _draw_traffic(upper, report)
        _draw_latency(middle, report)
        _draw_losses(lower, report)
        locator = AutoDateLocator()
        lower.xaxis.set_major_locator(locator)
        lower.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        for axes in (upper, middle, lower):
            axes.tick_params(labelsize=7, labelbottom=axes is lower)
        figure.savefig(folder / names[0])
        drawn.append(names[0])
    drifted = [column for column in report.drift.columns if column.verdict == "drift"] if report.drift else []
    if draw_columns(drifted, counts, folder / names[1]):
        drawn.append(names[1])
    return drawn


def _draw_traffic(axes: Axes, report: DeploymentReport) -> None:
    for name, colour in (("rows", _GREY), ("errors", _RED)):
        _draw_line(axes, report, name, colour, name)
    axes.set_ylim(bottom=0)
    axes.set_title(f"{report.deployment}: rows and errors", fontsize=9)
    axes.legend(fontsize=7)


def _draw_latency(axes: Axes, report: DeploymentReport) -> None:
    drawn = [_draw_line(axes, report, name, colour, name) for name, colour in (("p50", _GREY), ("p95", _BLUE))]
    if any(drawn):
        axes.legend(fontsize=7)
    axes.set_ylim(bottom=0)
    axes.set_title("latency, ms", fontsize=9)


def _draw_losses(axes: Axes, report: DeploymentReport) -> None:
    for name, colour, words in (("estimated", _ORANGE, "estimated"), ("loss", _BLUE, "realised")):
        _draw_line(axes, report, name, colour, words)
    if report.losses and report.losses.reference:
        axes.axhline(report.losses.reference.limit, color=_GREY, linestyle="--", linewidth=1, label="limit")
    if report.losses and report.losses.since:
        axes.axvline(report.losses.since, color=_RED, linewidth=1, label="change point")  # pyright: ignore[reportArgumentType] - axes of dates take times
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7)
    axes.set_title("mean loss of a window", fontsize=9)


def _draw_line(axes: Axes, report: DeploymentReport, name: str, colour: str, words: str) -> bool:
    """Draw a field of the points where it is known; says whether it is known anywhere."""
    told = [(point.start, getattr(point, name)) for point in report.series if getattr(point, name) is not None]
    if told:
        times, values = zip(*told, strict=True)
        axes.plot(np.asarray(times, dtype="datetime64[us]"), values, color=colour, label=words)
    return bool(told)
