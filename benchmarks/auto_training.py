"""How good `estimator="auto"` is in 20 CPU seconds, on rows held out by a 70/30 split drawn outside of it.

Run: OMP_NUM_THREADS=1 uv run python -m benchmarks.auto_training
"""

import time
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from mlsteward.data.snapshot import Column
from mlsteward.training.options import SplitChoice, TrainOptions
from mlsteward.training.prepare import Table
from mlsteward.training.report import served
from mlsteward.training.train import train

SEEDS = (0, 1)
CPU_SECONDS = 20.0
TABLES: dict[str, tuple[Any, str, float]] = {
    "breast_cancer": (load_breast_cancer, "roc_auc", 0.994),
    "digits": (load_digits, "accuracy", 0.975),
    "diabetes": (load_diabetes, "r2", 0.40),
}


def held_out_table(frame: pd.DataFrame, seed: int, classes: bool) -> Table:
    """The table with a random 30 % of its rows held out, classes alike on both sides."""
    rows = len(frame)
    stratify = frame["target"] if classes else None
    _, held_out = train_test_split(np.arange(rows), test_size=0.3, random_state=seed, stratify=stratify)
    share = np.full(rows, 0.999)
    share[held_out] = 0.0
    columns = [
        Column(name=str(name), type="BIGINT" if frame[name].dtype.kind == "i" else "DOUBLE") for name in frame.columns
    ]
    return Table(frame, columns, {}, np.arange(rows).astype(np.uint64), share)


def main() -> None:
    print("table         | seed | metric   | held out | CPU-s | served")
    for name, (load, metric, wanted) in TABLES.items():
        frame: pd.DataFrame = load(as_frame=True).frame
        values: list[float] = []
        for seed in SEEDS:
            options = TrainOptions(target="target", test_size=0.3, cpu_budget=CPU_SECONDS, seed=seed)
            table = held_out_table(frame, seed, metric != "r2")
            started = time.process_time()
            trained = train(table, options, SplitChoice(kind="row"), lambda done, message: None)
            spent = time.process_time() - started
            values.append(trained.metrics[metric].value or float("nan"))
            print(f"{name:13} | {seed:4} | {metric:8} | {values[-1]:8.4f} | {spent:5.1f} | {served(trained)}")
        print(f"{name:13} | mean | {metric:8} | {np.mean(values):8.4f} | to reach {wanted}")


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
