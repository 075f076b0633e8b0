"""Tables to train on, small and with something in every kind of column."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlsteward.data.engine import connect, literal
from mlsteward.data.fingerprint import hash_file
from mlsteward.data.frames import column_of, read_columns
from mlsteward.data.snapshot import Column
from mlsteward.runs.job import Job
from mlsteward.runs.jobs.train import Request
from mlsteward.training.options import TrainOptions, choose_split
from mlsteward.training.prepare import Table
from mlsteward.training.signature import ColumnHint

WORDS = "late bad good slow fast refund angry happy thanks bye call mail".split()


def orders(rows: int = 600, seed: int = 0) -> pd.DataFrame:
    """Orders whose amount depends on a number, a city and a word; with what tables hold besides."""
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "order_id": np.arange(rows),
            "size": generator.normal(size=rows),
            "city": generator.choice([f"c{number}" for number in range(40)], rows),
            "plan": generator.choice(["basic", "plus", "pro"], rows),
            "express": generator.random(rows) < 0.5,
            "ordered": pd.Timestamp("2024-01-01") + pd.to_timedelta(generator.integers(0, 200 * 86400, rows), unit="s"),
            "note": [" ".join(generator.choice(WORDS, 6)) for _ in range(rows)],
            "shop": "main",
        }
    )
    noise = generator.normal(size=rows)
    refund = frame["note"].str.contains("refund") * 2
    frame["amount"] = frame["size"] * 2 + frame["city"].str[1:].astype(int) % 5 + refund + noise
    frame["large"] = np.where(frame["amount"] > 3, "yes", "no")
    frame.loc[::7, "size"] = np.nan
    frame.loc[::11, "plan"] = None
    return frame


def write_table(frame: pd.DataFrame, folder: Path) -> Path:
    """`frame` as a snapshot in `folder`."""
    draft = folder / "draft.parquet"
    with connect(threads=1) as connection:
        connection.register("written", frame)
        connection.execute(f"COPY written TO {literal(str(draft))} (FORMAT parquet)")
    return draft.rename(folder / f"{hash_file(draft)}.parquet")


def hints_of(frame: pd.DataFrame, roles: Mapping[str, str]) -> dict[str, ColumnHint]:
    hints: dict[str, ColumnHint] = {}
    for name in map(str, frame.columns):
        values = column_of(frame, name)
        hints[name] = ColumnHint(role=roles.get(name, ""), distinct=values.nunique(), nulls=int(values.isna().sum()))
    return hints


def train_request(frame: pd.DataFrame, job: Job, *, roles: Mapping[str, str] | None = None, **options: Any) -> Request:
    """What `train_model` would ask of a worker."""
    path = write_table(frame, job.workspace)
    asked, hints = TrainOptions(**options), hints_of(frame, roles or {})
    return Request(
        options=asked,
        dataset="orders@1",
        snapshot=path.name,
        columns=read_columns(path),
        hints=hints,
        choice=choose_split(asked, hints, len(frame)),
        salt=f"orders/{asked.target}",
    )


def table_of(frame: pd.DataFrame, *, roles: Mapping[str, str] | None = None, test: Any = None) -> Table:
    """`frame` as the pure training reads it, each row by itself; `test` marks the held-out rows (every fifth)."""
    held_out = np.arange(len(frame)) % 5 == 0 if test is None else np.asarray(test)
    types = {"i": "BIGINT", "u": "BIGINT", "f": "DOUBLE", "M": "TIMESTAMP", "b": "BOOLEAN"}
    columns = [Column(name=str(name), type=types.get(frame[name].dtype.kind, "VARCHAR")) for name in frame.columns]
    identity = np.arange(len(frame)).astype(np.uint64)
    return Table(frame, columns, hints_of(frame, roles or {}), identity, np.where(held_out, 0.0, 0.999))
