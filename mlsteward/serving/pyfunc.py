"""The loader that MLflow calls for a packaged model: rows in a frame, predictions in a frame."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlsteward.data.frames import column_of
from mlsteward.data.profile import type_family
from mlsteward.errors import UnusableData
from mlsteward.serving.batch import result_columns
from mlsteward.serving.model_file import load_bundle
from mlsteward.training.bundle import ModelBundle

MODEL, FACTS = "model.skops", "facts.json"


class PackagedModel:
    """What `mlflow.pyfunc` wraps."""

    def __init__(self, bundle: ModelBundle) -> None:
        self.bundle = bundle

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """The columns that `predict_rows` gives, for rows in a frame or in a list of objects."""
        frame = model_input if isinstance(model_input, pd.DataFrame) else pd.DataFrame(model_input)
        missing = [column["name"] for column in self.bundle.columns if column["name"] not in frame.columns]
        if missing:
            raise UnusableData(f"The rows lack the model's columns {', '.join(missing)}.")
        taken = pd.DataFrame(
            {column["name"]: _read(column_of(frame, column["name"]), column) for column in self.bundle.columns}
        )
        found = result_columns(self.bundle, self.bundle.raw_scores(taken))
        return found.set_index(frame.index)


def _read(values: pd.Series, column: dict[str, Any]) -> pd.Series:
    """A column as `data.frames.read_frame` gives it."""
    family = type_family(column["type"])
    if family == "number":
        numbers = pd.Series(pd.to_numeric(values, errors="raise")).astype("float64")
        whole = "INT" in column["type"].upper() and numbers.notna().all() and (numbers % 1 == 0).all()
        return numbers.astype("int64") if whole else numbers
    if family == "time":
        times = pd.to_datetime(values, utc=True)
        return times.dt.tz_localize(None).astype("datetime64[us]")
    known = values.notna().to_numpy()
    objects = values.astype(object).to_numpy(copy=True)
    objects[~known] = None
    if family != "boolean":
        objects[known] = [str(value) for value in objects[known]]
    elif known.any():
        objects[known] = np.asarray(objects[known], dtype=bool)
    return pd.Series(objects, index=values.index, dtype=object)


def _load_pyfunc(path: str) -> PackagedModel:  # pyright: ignore[reportUnusedFunction] - the name MLflow calls
    """MLflow's entry: `path` is the folder of the model's file and of what is known of it."""
    folder = Path(path)
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return PackagedModel(load_bundle(folder / MODEL, facts["sha256"]))
