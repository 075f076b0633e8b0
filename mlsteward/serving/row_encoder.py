"""The encoder of a model for a row at a time: from cells straight to the row of the matrix, without a frame.

It is made from a fitted `training.encoder.TableEncoder` and says the same of every row, which `serving.parity` tests.
What it holds are numbers, texts and tables of them: a process that scores needs neither pandas nor scikit-learn for it.
"""

import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlsteward.data.profile import type_family

if TYPE_CHECKING:
    from mlsteward.training.encoder import TableEncoder

Floats = NDArray[np.float64]
Cell = float | int | str | None
"""Numbers and Booleans as floats, times as microseconds since 1970 in UTC, other values as text; None is missing."""

_DAY = 86_400_000_000
_MISSING = "(missing)"
_NO_LEVEL = "\0 no level of any column"
_WORDS = re.compile(r"(?u)\b\w\w+\b")


class RowEncoder:
    """Rows of cells, in the order of the model's columns, to the (n, p) matrix that its estimator reads.

    `types` has the type of each column in training, by name.
    """

    def __init__(self, encoder: "TableEncoder", types: Mapping[str, str]) -> None:
        self.style = encoder.style
        self.fills: list[_Fill] = []
        self.terms: list[tuple[int, _Terms]] = []
        for place, column in enumerate(encoder.columns):
            name, kind = column["name"], column["kind"]
            part = encoder.parts.get(name, {})
            if kind == "text" and self.style == "linear" and "encoder" in part:
                self.terms.append((place, _Terms(part["encoder"])))
            elif "empty" not in part:
                self.fills.append(_fill(place, kind, part, types[name]))
        self.flagged = list(encoder.flagged)
        self.missing, self.centre, self.scale = encoder.fill, encoder.centre, encoder.scale

    def matrix(self, rows: Sequence[Sequence[Cell]]) -> Floats:
        """(n, p) floats, NaN where a style leaves missing numbers to the estimator."""
        dense = np.array([self._row(cells) for cells in rows], dtype=np.float64).reshape(len(rows), -1)
        if self.style == "tree":
            return dense
        empty = np.isnan(dense)
        scaled = (np.where(empty, self.missing, dense) - self.centre) / self.scale
        blocks = [scaled, empty[:, self.flagged].astype(np.float64)]
        blocks += [np.array([terms.weights(cells[place]) for cells in rows]) for place, terms in self.terms]
        return np.hstack(blocks)

    def _row(self, cells: Sequence[Cell]) -> list[float]:
        values: list[float] = []
        for fill in self.fills:
            values += fill.values(cells[fill.place])
        return values


class _Fill:
    """What one column gives to a row."""

    def __init__(self, place: int) -> None:
        self.place = place

    def values(self, cell: Cell) -> Sequence[float]:
        raise NotImplementedError


def _fill(place: int, kind: str, part: Mapping[str, Any], type: str) -> _Fill:
    if kind in ("number", "boolean"):
        return _Number(place)
    if kind == "time":
        return _Time(place, part["kept"])
    if kind == "category":
        return _Category(place, part["encoder"], numeric=type_family(type) == "number")
    return _Text(place, part["encoder"], part.get("reducer"))


class _Number(_Fill):
    def values(self, cell: Cell) -> Sequence[float]:
        return (cell if isinstance(cell, float) and math.isfinite(cell) else math.nan,)


class _Time(_Fill):
    def __init__(self, place: int, kept: Sequence[str]) -> None:
        super().__init__(place)
        self.kept = list(kept)

    def values(self, cell: Cell) -> Sequence[float]:
        if not isinstance(cell, int):
            return [math.nan] * len(self.kept)
        return [_TIME_PARTS[kept](cell) for kept in self.kept]


def _month(micros: int) -> float:
    return _civil(micros)[0]


def _day_of_month(micros: int) -> float:
    return _civil(micros)[1]


def _civil(micros: int) -> tuple[float, float]:
    day = np.datetime64(micros // _DAY, "D")
    month = day.astype("datetime64[M]")
    return float(month.astype(np.int64) % 12 + 1), float((day - month).astype(np.int64) + 1)


def _weekday(micros: int) -> float:
    return (micros // _DAY + 3) % 7.0


def _hour(micros: int) -> float:
    return micros % _DAY // 60_000_000 / 60


def _days(micros: int) -> float:
    return micros / _DAY


_TIME_PARTS: dict[str, Callable[[int], float]] = {
    "month": _month,
    "day_of_month": _day_of_month,
    "weekday": _weekday,
    "hour": _hour,
    "days": _days,
}


class _Category(_Fill):
    """Each level's part of the row, as the fitted encoder gives it. A numeric column's levels are found as numbers:
    `5` and `5.0` are spellings of one, by whether the column had gaps when it was read."""

    def __init__(self, place: int, encoder: Any, *, numeric: bool) -> None:
        super().__init__(place)
        levels = [str(level) for level in encoder.categories_[0]]
        asked = np.array([*levels, _NO_LEVEL], dtype=object).reshape(-1, 1)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Found unknown categories", UserWarning, "sklearn")
            parts = [tuple(map(float, part)) for part in np.asarray(encoder.transform(asked))]
        self.other = parts.pop()
        self.numeric = numeric
        self.parts: dict[str | float, tuple[float, ...]] = {
            _as_number(level) if numeric else level: part for level, part in zip(levels, parts, strict=True)
        }

    def values(self, cell: Cell) -> Sequence[float]:
        return self.parts.get(_MISSING if cell is None else cell, self.other)


def _as_number(level: str) -> str | float:
    try:
        return float(level)
    except ValueError:
        return level


class _Text(_Fill):
    def __init__(self, place: int, vectorizer: Any, reducer: Any) -> None:
        super().__init__(place)
        self.terms = _Terms(vectorizer)
        self.components: Floats | None = None if reducer is None else np.asarray(reducer.components_)

    def values(self, cell: Cell) -> Sequence[float]:
        weights = self.terms.weights(cell)
        return [*map(float, weights if self.components is None else self.components @ weights)]


class _Terms:
    """TF-IDF of words and pairs of them, as the encoder's TfidfVectorizer is set: logarithmic counts, L2 norm."""

    def __init__(self, vectorizer: Any) -> None:
        self.places = {str(term): int(place) for term, place in vectorizer.vocabulary_.items()}
        self.idf = np.asarray(vectorizer.idf_, dtype=np.float64)

    def weights(self, cell: Cell) -> Floats:
        """(m,) weights of the terms."""
        words = _WORDS.findall((_MISSING if cell is None else str(cell)).lower())
        pairs = [f"{first} {second}" for first, second in pairwise(words)]
        found = [place for term in (*words, *pairs) if (place := self.places.get(term)) is not None]
        weights = np.zeros(len(self.idf))
        if found:
            places, counts = np.unique(found, return_counts=True)
            known = (np.log(counts) + 1.0) * self.idf[places]
            weights[places] = known / math.sqrt(float(known @ known))
        return weights
