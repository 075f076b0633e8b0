"""A small real training for the tests of evaluation and explanation, without a server."""

from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from mlsteward.data.engine import connect, literal
from mlsteward.data.frames import read_columns
from mlsteward.data.snapshot import Column, hash_file
from mlsteward.runs.job import Job
from mlsteward.runs.jobs import evaluate, train
from mlsteward.runs.judged_model import JudgedModel
from mlsteward.training.options import SplitChoice, TrainOptions


def flights(n: int, seed: int) -> pd.DataFrame:
    """Flights that arrive late when they leave late, and from JFK without a pattern."""
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n) * 60 // n, unit="D"),
            "dep_delay": np.round(generator.exponential(20, n), 1),
            "distance": generator.integers(100, 3000, n),
            "origin": np.array(["EWR", "JFK", "LGA"], dtype=object)[generator.integers(0, 3, n)],
        }
    )
    signal = (frame["dep_delay"] - 15) / 8
    signal = signal.where(frame["origin"] != "JFK", 0)
    frame["late"] = np.where(generator.random(n) < 1 / (1 + np.exp(-signal)), "yes", "no")
    frame["minutes"] = frame["dep_delay"] * 1.1 + 5 * (frame["origin"] == "LGA") + generator.normal(size=n) * 8
    return frame


def write(frame: pd.DataFrame, workspace: Path) -> tuple[str, list[Column]]:
    """A snapshot of `frame`: its path in the workspace, and its columns."""
    draft = workspace / "draft.parquet"
    with connect(threads=1) as connection:
        connection.register("written", frame)
        connection.execute(f"COPY written TO {literal(str(draft))} (FORMAT parquet)")
    path = draft.rename(workspace / f"{hash_file(draft)}.parquet")
    return path.name, read_columns(path)


def train_on(workspace: Path, frame: pd.DataFrame, run: int = 1, **options: object) -> JudgedModel:
    """Train on `frame`, in run `run` of `workspace`."""
    snapshot, columns = write(frame, workspace)
    exclude = ["minutes"] if options["target"] == "late" else ["late"]
    folder = workspace / "runs" / str(run)
    folder.mkdir(parents=True)
    asked = TrainOptions.model_validate({"exclude": exclude, **options})
    kind = "time" if asked.split == "time" else "row"
    names = [column.name for column in columns if column.name != asked.target]
    choice = SplitChoice(kind=kind, column="day" if kind == "time" else "", identity=names)
    request = train.Request(
        options=asked, dataset=f"data{run}@1", snapshot=snapshot, columns=columns, choice=choice, salt="s"
    )
    with threadpool_limits(limits=1):
        result = train.work(request, Job(folder=folder, workspace=workspace))
    return JudgedModel(
        label=f"run:{run}",
        path=f"runs/{run}/artifacts/model.skops",
        sha256=result.sha256,
        artifacts=f"runs/{run}/artifacts",
        dataset=f"data{run}@1",
        fingerprint=f"fingerprint {run}",
        task=result.task,
        target=asked.target,
        classes=result.classes,
        metric=result.metric,
        threshold=result.threshold,
        signature=result.signature,
        split=choice.model_dump(),
    )


def evaluate_on(
    workspace: Path, model: JudgedModel, frame: pd.DataFrame, fingerprint: str, **more: object
) -> evaluate.Result:
    """Evaluate on `frame`, which has `fingerprint`."""
    snapshot, columns = write(frame, workspace)
    folder = workspace / "runs" / "99"
    folder.mkdir(parents=True, exist_ok=True)
    asked = {
        "model": model,
        "dataset": "judged@1",
        "snapshot": snapshot,
        "fingerprint": fingerprint,
        "columns": columns,
        **more,
    }
    with threadpool_limits(limits=1):
        return evaluate.work(evaluate.Request.model_validate(asked), Job(folder=folder, workspace=workspace))
