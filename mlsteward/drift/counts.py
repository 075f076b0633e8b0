"""What is known of a column in two samples: how often each value occurs in either."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Strings = NDArray[np.object_]


@dataclass(frozen=True)
class CountedValues:
    """A numeric column: (k,) ascending distinct values, or midpoints of bins, with their counts in either sample."""

    values: Floats
    reference: Integers
    current: Integers

    def sizes(self) -> tuple[int, int]:
        return int(self.reference.sum()), int(self.current.sum())


@dataclass(frozen=True)
class CountedCategories:
    """A categorical column: (k,) categories, most frequent in the reference first, and their counts.

    `other_reference` and `other_current` count the rows of all categories not listed. `spread` says of all
    categories, listed or not, how many there are of each size in both samples together: pairs (size, categories).
    `unseen_current` counts the current rows whose category the reference lacks.
    """

    categories: Strings
    reference: Integers
    current: Integers
    other_reference: int = 0
    other_current: int = 0
    spread: tuple[tuple[int, int], ...] = ()
    unseen_current: int = 0

    def sizes(self) -> tuple[int, int]:
        return int(self.reference.sum()) + self.other_reference, int(self.current.sum()) + self.other_current


@dataclass(frozen=True)
class ColumnCounts:
    """One column in both samples: its nulls, and the counts of its values or of its categories.

    `outcome` marks a target or a prediction, whose rates matter more than their distance.
    """

    name: str
    rows: int
    current_rows: int
    nulls: int = 0
    current_nulls: int = 0
    values: CountedValues | None = None
    categories: CountedCategories | None = None
    outcome: bool = False
