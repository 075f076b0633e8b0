"""From a table to a learning problem: usable rows, features, test rows, folds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsteward.data.frames import column_of, spread
from mlsteward.data.profile import type_family
from mlsteward.data.snapshot import Column
from mlsteward.errors import UnusableData
from mlsteward.training.columns import Wishes, describe_features, plan_columns
from mlsteward.training.fitting import Problem, Rows
from mlsteward.training.leakage import find_leaks, group_question, question
from mlsteward.training.options import SplitChoice, TrainOptions
from mlsteward.training.signature import ColumnHint, ColumnKind, SetAside, SignatureColumn
from mlsteward.training.split import SplitPlan, assign_folds, check_classes, split_by_hash, split_by_time
from mlsteward.training.task import Target, read_target

SELECTION_ROWS = 20_000
_LEAK_ROWS = 20_000

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Table:
    """A table as it was read: n rows of `frame`, the types of its columns and what is known of them.

    `identity` (n,) are the hashes of what identifies each row and `share` (n,) its place in [0, 1): rows below the
    test size test, unless they are split by time.
    """

    frame: pd.DataFrame
    columns: Sequence[Column]
    hints: Mapping[str, ColumnHint]
    identity: NDArray[np.uint64]
    share: Floats


@dataclass(frozen=True)
class Prepared:
    """A learning problem. `rows` are the positions in the table of the m usable rows; the rest has their shape."""

    rows: Integers
    frame: pd.DataFrame
    target: Target
    weights: Floats | None
    split: SplitPlan
    identity: NDArray[np.uint64]
    signature: list[SignatureColumn]
    set_aside: list[SetAside]
    questions: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])

    @property
    def train(self) -> Integers:
        return np.flatnonzero(~self.split.test)

    @property
    def test(self) -> Integers:
        return np.flatnonzero(self.split.test)

    def problem(self, seed: int) -> Problem:
        time_column = self.split.column if self.split.kind == "time" else ""
        return Problem(self.target.task, len(self.target.classes), self.signature, seed, time_column, len(self.train))

    def training_rows(self, *, folds: int, most: int, seed: int) -> tuple[Rows, Rows, Integers]:
        """All training rows; those that candidates are cross-fitted on (at most `most`), and their places in them."""
        train = self.train
        codes = self.target.values[train].astype(np.int64) if self.target.classes else None
        dealt = assign_folds(self.split, codes, folds=folds, seed=seed)
        weights = None if self.weights is None else self.weights[train]
        rows = Rows(self.frame.iloc[train], self.target.values[train], weights, dealt)
        if len(train) <= most:
            return rows, rows, np.arange(len(train))
        chosen = np.sort(np.random.default_rng(seed).permutation(len(train))[:most])
        return rows, rows.take(chosen), chosen


def prepare(table: Table, options: TrainOptions, choice: SplitChoice) -> Prepared:
    """Decide what is learnt from what, and which rows are held out.

    Raises UnusableData, NotSupported or InvalidArgument, see `read_target`, `plan_columns` and `split`.
    """
    types = {column.name: column.type for column in table.columns}
    target = read_target(
        column_of(table.frame, options.target),
        type_family(types[options.target]),
        name=options.target,
        task=options.task,
        positive=options.positive_label,
    )
    weights, weighted = _weights(table.frame, options.weight_column, target.usable)
    target = _only(target, weighted)
    usable = np.flatnonzero(target.usable)
    frame = table.frame.iloc[usable].reset_index(drop=True)
    split = _split(frame, choice, options.test_size, table.share[usable], table.identity[usable])
    if target.classes:
        target.notes.extend(check_classes(split, target.values.astype(np.int64), target.classes))
    plan = plan_columns(frame, table.columns, target=options.target, hints=table.hints, wishes=_wishes(options, choice))
    places = np.linspace(0, len(frame) - 1, min(len(frame), _LEAK_ROWS)).astype(np.int64)
    leaks = find_leaks(spread(frame, _LEAK_ROWS), _at(target, places), plan.kinds)
    functions = {one.name for one in leaks.functions}
    kinds: dict[str, ColumnKind] = {name: kind for name, kind in plan.kinds.items() if name not in functions}
    if not kinds:
        reasons = "; ".join(f"`{one.name}` {one.reason}" for one in leaks.functions[:5])
        raise UnusableData(f"No column is left to learn from: {reasons}.", next="profile_dataset(dataset=…)")
    groups = [] if choice.kind == "group" else leaks.groups
    asked = [group_question(groups, options.target), question(leaks.strong, options.target)]
    return Prepared(
        rows=usable,
        frame=frame,
        target=target,
        weights=None if weights is None else weights[usable],
        split=split,
        identity=table.identity[usable],
        signature=describe_features(frame.iloc[~split.test], table.columns, kinds),
        set_aside=[*leaks.functions, *plan.set_aside],
        questions=[each for each in asked if each],
        notes=[*target.notes, *split.notes, *plan.notes],
    )


def _split(
    frame: pd.DataFrame, choice: SplitChoice, test_size: float, share: Floats, identity: NDArray[np.uint64]
) -> SplitPlan:
    if choice.kind == "time":
        return split_by_time(column_of(frame, choice.column), test_size=test_size, column=choice.column, why=choice.why)
    if choice.kind == "row":
        words = f"split by row: a sticky {test_size:.0%} of the rows test, by the hash of {choice.why}"
        return split_by_hash(share, identity, test_size=test_size, kind="row", column="", words=words)
    groups = column_of(frame, choice.column)
    codes = groups.factorize(use_na_sentinel=False)[0].astype(np.uint64)
    words = f"split by group: a sticky {test_size:.0%} of the values of `{choice.column}` test{choice.why}"
    return split_by_hash(share, codes, test_size=test_size, kind="group", column=choice.column, words=words)


def _wishes(options: TrainOptions, choice: SplitChoice) -> Wishes:
    reserved: dict[str, str] = {}
    if options.weight_column:
        reserved[options.weight_column] = "holds the weights"
    if choice.kind == "group":
        reserved[choice.column] = "is the group that rows were split by"
    return Wishes(options.features, options.exclude, reserved)


def _weights(frame: pd.DataFrame, name: str, usable: NDArray[np.bool_]) -> tuple[Floats | None, NDArray[np.bool_]]:
    """The weights and the rows that have a positive one."""
    if not name:
        return None, np.ones(len(frame), dtype=np.bool_)
    weights = column_of(frame, name).to_numpy(dtype=np.float64)
    if np.any(weights[usable] < 0) or np.any(np.isinf(weights[usable])):
        raise UnusableData(f"`{name}` holds negative or infinite weights.")
    positive = np.nan_to_num(weights) > 0
    if not np.any(positive & usable):
        raise UnusableData(f"No row has a positive weight in `{name}`.")
    return np.where(positive, weights, 0.0), positive


def _only(target: Target, rows: NDArray[np.bool_]) -> Target:
    """The target without the rows that have no weight."""
    lost = int((target.usable & ~rows).sum())
    if not lost:
        return target
    kept = rows[target.usable]
    note = f"{lost:,} rows have no positive weight and are left out."
    return Target(
        target.name, target.task, target.classes, target.usable & rows, target.values[kept], [*target.notes, note]
    )


def _at(target: Target, places: Integers) -> Target:
    return Target(target.name, target.task, target.classes, target.usable, target.values[places])
