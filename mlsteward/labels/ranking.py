"""Candidates compared: encoded, scored by a model where there is one, and chosen. Only worker code imports this."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from mlsteward.data.frames import column_of
from mlsteward.data.snapshot import Column
from mlsteward.errors import InvalidArgument, UnusableData
from mlsteward.labels.selection import (
    Floats,
    Places,
    choose_at_random,
    choose_diverse_uncertain,
    choose_typical,
    choose_uncertain,
    class_uncertainty,
    member_disagreement,
)
from mlsteward.labels.strategy import Strategy
from mlsteward.training.bundle import ModelBundle
from mlsteward.training.columns import Wishes, plan_columns
from mlsteward.training.encoder import TableEncoder
from mlsteward.training.signature import ColumnHint, ColumnKind, SignatureColumn

# Categories with more levels are read as text: their frequent levels, in few components.
_MOST_LEVELS = 12


@dataclass(frozen=True)
class Pool:
    """(n) candidates by name and as a `frame` of features, `labelled` rows with the same columns, and the model."""

    names: Sequence[str]
    frame: pd.DataFrame
    labelled: pd.DataFrame
    columns: Sequence[Column]
    hints: Mapping[str, ColumnHint]
    bundle: ModelBundle | None


@dataclass
class Ranked:
    """Places in the pool, the most wanted first, the model's uncertainty there, and how they were chosen."""

    strategy: Strategy
    places: list[int]
    uncertainty: list[float | None]
    notes: list[str] = field(default_factory=list[str])


def rank(pool: Pool, strategy: Strategy, n: int, seed: int) -> Ranked:
    """Choose n candidates. "auto" is diverse uncertainty with a model, else coverage.

    Raises InvalidArgument when a strategy needs a model's uncertainty and there is none.
    """
    notes: list[str] = []
    unsure = _uncertainty(pool)
    if strategy in ("uncertainty", "diverse") and unsure is None:
        raise InvalidArgument(
            f"strategy={strategy!r} needs how unsure a model is, and a regression by a single estimator does not say."
            if pool.bundle
            else f"strategy={strategy!r} needs a model.",
            next='select_rows_to_label(dataset="…", strategy="coverage")',
        )
    if strategy == "auto":
        strategy = "diverse" if unsure is not None else "coverage"
        if pool.bundle and unsure is None:
            notes.append("the model is a single regression and does not say how unsure it is: chosen by coverage")
    if strategy == "uncertainty" and unsure is not None:
        return _ranked(strategy, choose_uncertain(unsure, n), unsure, notes)
    matrix, labelled = _encoded(pool, seed)
    if strategy == "diverse" and unsure is not None and matrix.shape[1]:
        return _ranked(strategy, choose_diverse_uncertain(matrix, unsure, n, seed), unsure, notes)
    if strategy == "coverage" and matrix.shape[1]:
        return _ranked(strategy, choose_typical(matrix, n, labelled, seed), unsure, notes)
    if strategy != "random":
        notes.append("no column tells rows apart: drawn at random")
    return _ranked("random", choose_at_random(len(pool.names), n, seed), unsure, notes)


def _ranked(strategy: Strategy, places: Places, unsure: Floats | None, notes: list[str]) -> Ranked:
    scores = [None if unsure is None else float(f"{unsure[place]:.4g}") for place in places]
    return Ranked(strategy, [int(place) for place in places], scores, notes)


def _uncertainty(pool: Pool) -> Floats | None:
    """(n,) how unsure the model is of each candidate; None where it cannot say."""
    bundle = pool.bundle
    if bundle is None:
        return None
    if bundle.classes:
        return class_uncertainty(bundle.raw_scores(pool.frame))
    if len(bundle.members) < 2:
        return None
    predictions = np.stack([member.scores(pool.frame, 0)[:, 0] for member in bundle.members])
    return member_disagreement(predictions, np.asarray([member.weight for member in bundle.members]))


def _encoded(pool: Pool, seed: int) -> tuple[Floats, Floats]:
    """(n, p) candidates and (m, p) labelled rows in standardised units; p is 0 where no column can be used."""
    together = pd.concat([pool.frame, pool.labelled], ignore_index=True)
    try:
        kinds = _kinds(pool, together)
    except UnusableData:
        return np.zeros((len(pool.frame), 0)), np.zeros((len(pool.labelled), 0))
    types = {column.name: column.type for column in pool.columns}
    signature = [SignatureColumn(name=name, type=types[name], kind=kind) for name, kind in kinds.items()]
    encoder = TableEncoder(signature, style="scaled", target_type="continuous", seed=seed)
    matrix = np.asarray(encoder.fit_transform(together, np.zeros(len(together))), dtype=np.float64)
    return matrix[: len(pool.frame)], matrix[len(pool.frame) :]


def _kinds(pool: Pool, together: pd.DataFrame) -> dict[str, ColumnKind]:
    kinds: dict[str, ColumnKind]
    if pool.bundle:
        kinds = {column.name: column.kind for column in pool.bundle.signature}
    else:
        kinds = plan_columns(together, pool.columns, target="", hints=pool.hints, wishes=Wishes()).kinds
    return {
        name: "text" if kind == "category" and column_of(together, name).nunique() > _MOST_LEVELS else kind
        for name, kind in kinds.items()
    }
