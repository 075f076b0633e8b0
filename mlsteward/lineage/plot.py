"""The picture of a layout. Only worker code imports this: it draws with matplotlib."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from mlsteward.answer import clipped
from mlsteward.lineage.layout import Layout

_COLOURS = {
    "source": "#e4e7eb",
    "dataset": "#d6e4f5",
    "column": "#eaf2fb",
    "model": "#fbe0c8",
    "run": "#eeeeee",
    "deployment": "#d5efd8",
    "alert": "#f7d3d3",
}
_BLUE, _GREY = "#1f5fa8", "#7d8691"
# Inches that a name and a row need.
_WIDTH, _HEIGHT = 2.7, 0.44
_MOST_WIDTH, _MOST_HEIGHT = 22.0, 16.0
_NAME = 30
# Inches of a letter, and of the margin beside a name.
_LETTER, _PAD = 0.062, 0.07


def draw(layout: Layout, title: str, path: Path) -> None:
    """Draw the assets as boxes, one column a layer, and the ways between them as arrows from left to right."""
    layers = 1 + max((layer for layer, _ in layout.places.values()), default=0)
    tallest = max((abs(row) * 2 + 1 for _, row in layout.places.values()), default=1)
    size = (min(layers * _WIDTH + 0.4, _MOST_WIDTH), min(tallest * _HEIGHT + 0.9, _MOST_HEIGHT))
    figure = Figure(figsize=size)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0 - 0.45 / size[1]))
    axes.set_axis_off()
    axes.set_xlim(-0.5, layers - 0.5)
    axes.set_ylim(tallest / 2 + 0.4, -tallest / 2 - 0.4)
    # How far a box reaches from its middle, in layers.
    reach = {asset: (len(_shown(asset)) * _LETTER / 2 + _PAD) * layers / size[0] for asset in layout.places}
    for near, far in layout.ways:
        (left, row), (right, other) = layout.places[near], layout.places[far]
        _arrow(axes, (left + reach[near], row), (right - reach[far], other))
    for asset, (layer, row) in layout.places.items():
        _box(axes, asset, layer, row, marked=asset in layout.marked)
    left = f" ({layout.left_out} more assets are not drawn)" if layout.left_out else ""
    figure.suptitle(
        f"Lineage of {clipped(title, 70)}{left}", x=0.01, y=1.0 - 0.08 / size[1], ha="left", va="top", size=10
    )
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=100)


def _box(axes: Axes, asset: str, layer: int, row: float, *, marked: bool) -> None:
    kind = asset.partition(":")[0]
    style = {
        "boxstyle": "round,pad=0.35",
        "facecolor": _COLOURS.get(kind, "#ffffff"),
        "edgecolor": _BLUE if marked else _GREY,
        "linewidth": 1.8 if marked else 0.6,
    }
    axes.text(layer, row, _shown(asset), ha="center", va="center", size=8, bbox=style, zorder=2)


def _shown(asset: str) -> str:
    """A name that fits its box; the end of a long one tells most, that of a file or a column."""
    name = asset if asset.startswith(("run:", "alert:")) else asset.partition(":")[2]
    return name if len(name) <= _NAME else f"…{name[1 - _NAME :]}"


def _arrow(axes: Axes, near: tuple[float, float], far: tuple[float, float]) -> None:
    axes.add_patch(
        FancyArrowPatch(
            near,
            far,
            arrowstyle="-|>",
            mutation_scale=8,
            linewidth=0.7,
            color=_GREY,
            zorder=1,
            shrinkA=0,
            shrinkB=1,
        )
    )
