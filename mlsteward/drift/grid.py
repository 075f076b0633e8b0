"""Bins for the values of large tables."""

from dataclasses import dataclass

import numpy as np

from mlsteward.drift.counts import Floats


@dataclass(frozen=True)
class Grid:
    """Bins that are narrow where the values are dense: even steps of asinh((x - centre) / scale).

    Without a `scale` every distinct value is a cell of its own. `guarded`: values that are not finite may occur.
    """

    centre: float = 0.0
    scale: float = 0.0
    steps: float = 1.0
    guarded: bool = True

    def expression(self, value: str) -> str:
        if not self.scale:
            return value
        return f"CAST(floor(asinh(({value} - {self.centre!r}) / {self.scale!r}) * {self.steps!r}) AS INTEGER)"

    def values(self, cells: Floats) -> Floats:
        """The values at the middle of bins."""
        return self.centre + self.scale * np.sinh((cells + 0.5) / self.steps) if self.scale else cells


def fit_grid(sample: Floats, low: float, high: float, cells: int) -> Grid:
    """About `cells` bins from `low` to `high` that resolve the densest part of `sample`."""
    points = np.quantile(sample, [0.005, 0.05, 0.25, 0.4, 0.5, 0.6, 0.75, 0.95, 0.995])
    gaps = np.diff(points)
    scale = float(gaps[gaps > 0].min()) / 2 if (gaps > 0).any() else max(abs(high), abs(low), 1.0)
    scale = max(scale, (high - low) * 1e-12)
    centre = float(points[4])
    span = np.arcsinh((high - centre) / scale) - np.arcsinh((low - centre) / scale)
    return Grid(centre, scale, float(cells / span))
