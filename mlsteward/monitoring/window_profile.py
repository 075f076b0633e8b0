"""What is kept of the rows of a window: totals along a fixed layout, so that windows add up to one.

A window is a vector. Its places are counts on the grid of the model's training data, sums of losses and of their
squares, sums by segment, a histogram of latencies. Whatever is asked of a span of time is asked of a sum of windows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """Where each part of a profile stands: `shapes` by name, one after the other. Windows of one `key` can be added."""

    key: str
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


@dataclass(frozen=True, eq=False)
class WindowProfile:
    """The totals of any number of rows: (size,) along `layout`."""

    layout: Layout
    totals: Floats

    def __add__(self, other: "WindowProfile") -> "WindowProfile":
        if other.layout.key != self.layout.key:
            raise ValueError(f"windows of {self.layout.key} and of {other.layout.key} do not add up")
        return WindowProfile(self.layout, self.totals + other.totals)

    def part(self, name: str) -> Floats:
        """One part, in its shape."""
        return self.totals[self.layout.places[name]].reshape(self.layout.shapes[name])


def no_rows(layout: Layout) -> WindowProfile:
    """The profile of no rows, to which any other of the layout adds itself."""
    return WindowProfile(layout, np.zeros(layout.size))


def sum_of(layout: Layout, profiles: Iterable[WindowProfile]) -> WindowProfile:
    """The profile of all rows together."""
    return sum(profiles, no_rows(layout))


def parts_of(layout: Layout, totals: Floats, name: str) -> Floats:
    """Of (w, size) totals of w windows the part of each: (w, …)."""
    return totals[:, layout.places[name]].reshape(len(totals), *layout.shapes[name])
