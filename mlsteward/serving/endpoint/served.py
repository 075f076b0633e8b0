"""A model as an endpoint serves it: rows in, what is answered and what is written down about each out."""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlsteward.serving.endpoint.asked import Asked
from mlsteward.serving.endpoint.desired import Role, ServedModel
from mlsteward.serving.endpoint.row_reader import RowReader, moment_of
from mlsteward.serving.endpoint.v2 import finite
from mlsteward.serving.prediction_log import feature_types
from mlsteward.serving.row_encoder import Cell
from mlsteward.serving.single_row import SingleRow


@dataclass(frozen=True)
class Scored:
    """What a model says of the rows of one request: an object for each, as it is answered, and notes on the rows."""

    predictions: list[dict[str, Any]]
    notes: list[str]
    lines: list[dict[str, Any]]


class Served:
    """One version, loaded. `key` and `unlogged` are as in `Desired`."""

    def __init__(self, model: ServedModel, row: SingleRow, *, key: str = "", unlogged: Sequence[str] = ()) -> None:
        self.model = model
        self.row = row
        self.label = model.label
        self.version = model.label.partition("@")[2] or model.label
        self.reader = RowReader(row.columns, quiet=unlogged, expected=[key] if key else [])
        self.features = feature_types(row.columns)
        hidden = {name.casefold() for name in unlogged}
        logged = [(place, one) for place, one in enumerate(row.columns) if one["name"].casefold() not in hidden]
        self._logged = [(place, str(one["name"])) for place, one in logged]
        self._times = frozenset(place for place, one in logged if one["kind"] == "time")

    def score(self, asked: Asked, ids: Sequence[str]) -> Scored:
        """Raises InvalidRows for rows that do not fit."""
        read = self.reader.read(asked.rows)
        scores = self.row.scores(read.cells).tolist()
        predictions: list[dict[str, Any]] = []
        lines: list[dict[str, Any]] = []
        for place, found in enumerate(scores):
            said = self._said(found)
            key = asked.keys[place] if asked.keys else None
            predictions.append({"prediction_id": ids[place], "key": key, **said})
            lines.append(
                {
                    "prediction_id": ids[place],
                    "key": key,
                    "prediction": None if said["prediction"] is None else str(said["prediction"]),
                    "score": said["score"],
                    "scores": [finite(score) for score in found] if self.row.classes else None,
                    "features": self._features(read.cells[place]),
                }
            )
        return Scored(predictions, read.notes, lines)

    def _said(self, scores: list[float]) -> dict[str, Any]:
        """The prediction of one row: its label with the probabilities, or its value with the interval around it."""
        row = self.row
        if not row.classes:
            value = scores[0]
            said: dict[str, Any] = {"prediction": finite(value), "score": finite(value)}
            if row.conformal is not None:
                said["prediction_low"] = finite(value - row.conformal)
                said["prediction_high"] = finite(value + row.conformal)
            return said
        if len(scores) == 2:
            place, score = int(scores[1] >= row.threshold), scores[1]
        else:
            place = scores.index(max(scores))
            score = scores[place]
        shares = dict(zip(row.classes, map(finite, scores), strict=True))
        return {"prediction": row.classes[place], "score": finite(score), "scores": shares}

    def _features(self, cells: Sequence[Cell]) -> dict[str, Cell]:
        if not self._times:
            return {name: cells[place] for place, name in self._logged}
        return {
            name: moment_of(cell) if place in self._times and isinstance(cell := cells[place], int) else cells[place]
            for place, name in self._logged
        }


def new_ids(count: int) -> list[str]:
    """Ids of predictions: they sort by time, and nobody guesses another's."""
    base = f"{time.time_ns() // 1_000_000:012x}"
    return [base + os.urandom(8).hex() for _ in range(count)]


def log_lines(
    rows: Sequence[dict[str, Any]],
    *,
    deployment: str,
    model: str,
    role: Role,
    request_id: str,
    milliseconds: float,
    error: str = "",
) -> bytes:
    """Lines of the prediction log (see `serving.prediction_log`)."""
    shared = {
        "request_id": request_id,
        "time": time.time_ns() // 1000,
        "deployment": deployment,
        "model": model,
        "role": role,
        "latency_ms": round(milliseconds, 3),
        "error": error or None,
    }
    return b"".join(json.dumps({**shared, **row}).encode() + b"\n" for row in rows)
