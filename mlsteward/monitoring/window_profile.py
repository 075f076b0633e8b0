"""What is kept of the rows of a window: totals along a fixed layout, so that windows add up to one.

A window is a vector. Its places are counts on the grid of the model's training data, sums of losses and of their
squares, sums by segment, a histogram of latencies. Whatever is asked of a span of time is asked of a sum of windows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """Where each part of a profile stands: `shapes` by name, one after the other."""

    shapes: Mapping[str, tuple[int, ...]]

    @cached_property
    def places(self) -> dict[str, slice]:
        found: dict[str, slice] = {}
        start = 0
        for name, shape in self.shapes.items():
            length = int(np.prod(shape))
            found[name] = slice(start, start + length)
            start += length
        return found

    @property
    def size(self) -> int:
        return sum(int(np.prod(shape)) for shape in self.shapes.values())


def parts_of(layout: Layout, totals: Floats, name: str) -> Floats:
    """Of (w, size) totals of w windows the part of each: (w, …)."""
    return totals[:, layout.places[name]].reshape(len(totals), *layout.shapes[name])
