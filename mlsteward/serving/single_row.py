"""A model for a few rows at a time: no frame between what a caller sent and what the estimator reads.

Through pandas a row costs 5 to 8 ms whatever the model; here it costs what the model costs. `parity` holds this way to
the frames' on real rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlsteward.serving.plain_estimators import PlainEstimator, plain_estimator
from mlsteward.serving.plain_lightgbm import plain_lightgbm
from mlsteward.serving.row_encoder import Cell, RowEncoder

if TYPE_CHECKING:
    import pandas as pd

    from mlsteward.training.bundle import Member, ModelBundle

Floats = NDArray[np.float64]

# So many rows walk down a forest at once.
_PART = 256
TOLERANCE = 1e-9


@dataclass
class RowMember:
    """One pipeline of an ensemble and its share of the whole; `known` are the classes that it knows, None for all.

    `estimator` has a plain form, else it is the fitted estimator itself.
    """

    encoder: RowEncoder
    estimator: Any
    share: float
    known: list[int] | None = None

    def scores(self, rows: Sequence[Sequence[Cell]], classes: int) -> Floats:
        """(n, k) probabilities in class order; for regression (`classes` 0) (n, 1) predictions."""
        found = self._found(self.encoder.matrix(rows), classes)
        if self.known is None:
            return found * self.share
        placed = np.zeros((len(found), classes))
        placed[:, self.known] = found
        return placed * self.share

    def _found(self, matrix: Floats, classes: int) -> Floats:
        if isinstance(self.estimator, PlainEstimator):
            return self.estimator.scores(matrix)
        if classes:
            return np.asarray(self.estimator.predict_proba(matrix), dtype=np.float64)
        return np.asarray(self.estimator.predict(matrix), dtype=np.float64).reshape(-1, 1)


class SingleRow:
    """A model that scores rows of cells, in the order of its `columns`.

    It is plain, that is to say made of numbers and texts alone, unless an estimator has no such form; then
    `needs_library`.
    """

    def __init__(self, bundle: "ModelBundle", *, plain: bool = True) -> None:
        self.task = bundle.task
        self.target = bundle.target
        self.classes = list(bundle.classes)
        self.columns: list[dict[str, Any]] = list(bundle.columns)
        self.threshold = bundle.threshold
        self.conformal = bundle.conformal
        self.conformal_level = bundle.conformal_level
        total = sum(member.weight for member in bundle.members)
        types = {column["name"]: column["type"] for column in bundle.columns}
        self.members = [
            _row_member(member, types, member.weight / total, len(self.classes), plain) for member in bundle.members
        ]

    @property
    def needs_library(self) -> bool:
        return any(not isinstance(member.estimator, PlainEstimator) for member in self.members)

    def scores(self, rows: Sequence[Sequence[Cell]]) -> Floats:
        """(n, k) class probabilities, or (n, 1) predictions of a regression."""
        parts = [self._part(rows[start : start + _PART]) for start in range(0, len(rows), _PART)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _part(self, rows: Sequence[Sequence[Cell]]) -> Floats:
        total = self.members[0].scores(rows, len(self.classes))
        for member in self.members[1:]:
            total = total + member.scores(rows, len(self.classes))
        return total


def _row_member(member: "Member", types: dict[str, str], share: float, classes: int, plain: bool) -> RowMember:
    known = [int(code) for code in member.estimator.classes_] if classes else []
    return RowMember(
        RowEncoder(member.encoder, types),
        (_plain(member.estimator) if plain else None) or member.estimator,
        share,
        None if len(known) == classes else known,
    )


def _plain(estimator: Any) -> PlainEstimator | None:
    if type(estimator).__name__.startswith("LGBM"):
        return plain_lightgbm(estimator)
    return plain_estimator(estimator)


@dataclass(frozen=True)
class Parity:
    """How far scores of one way lie from those of another, on the same `rows` rows."""

    rows: int
    largest: float
    labels_differ: int
    tolerance: float

    @property
    def passed(self) -> bool:
        return self.rows > 0 and self.largest <= self.tolerance and self.labels_differ == 0

    @property
    def words(self) -> str:
        if not self.rows:
            return "no rows to compare"
        labels = f"{self.labels_differ} of {self.rows} rows get another label" if self.labels_differ else "labels agree"
        return (
            f"on {self.rows} rows scores differ by at most {self.largest:.2g} (allowed: {self.tolerance:g}), {labels}"
        )


def compare_scores(bundle: "ModelBundle", expected: Floats, found: Floats, tolerance: float = TOLERANCE) -> Parity:
    """Whether `found` (n, k) says what `expected` (n, k) says, relative to its size where that is above 1."""
    if found.shape != expected.shape:
        return Parity(len(expected), float("inf"), len(expected), tolerance)
    apart = np.abs(found - expected) / np.maximum(np.abs(expected), 1.0)
    # What is not a number on both sides is the same.
    apart = np.where(np.isnan(found) & np.isnan(expected), 0.0, np.where(np.isnan(apart), np.inf, apart))
    differ = 0
    if bundle.task != "regression":
        differ = int((bundle.labels_of(expected) != bundle.labels_of(found)).sum())
    return Parity(len(expected), float(apart.max(initial=0.0)), differ, tolerance)


def parity(bundle: "ModelBundle", frame: "pd.DataFrame", *, rows: int = 500, plain: bool = True) -> Parity:
    """Whether the way of single rows says what the model says of frames, on `rows` rows spread over `frame`."""
    from mlsteward.data.frames import spread

    sample = spread(frame, rows)
    row = SingleRow(bundle, plain=plain)
    cells = cells_of(sample, row.columns)
    alone = [row.scores([one]) for one in cells[:20]]
    together = row.scores(cells) if cells else np.zeros((0, max(len(row.classes), 1)))
    found = np.concatenate([*alone, together[len(alone) :]])
    return compare_scores(bundle, bundle.raw_scores(sample), found)


def cells_of(frame: "pd.DataFrame", columns: Sequence[dict[str, Any]]) -> list[list[Cell]]:
    """Rows of a frame, as `data.frames.read_frame` gives them, as cells."""
    import pandas as pd

    def cell(value: Any, kind: str) -> Cell:
        if pd.isna(value):
            return None
        if kind == "time":
            return int(pd.Timestamp(value).value // 1000)
        return value if isinstance(value, str) else float(value)

    series = [[cell(value, column["kind"]) for value in frame[column["name"]].tolist()] for column in columns]
    return [list(row) for row in zip(*series, strict=True)]
