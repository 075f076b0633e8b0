"""A canary judged by outcomes that come later, read from the prediction log and the pieces of outcomes."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from mlsteward.data.engine import connect, literal
from mlsteward.runs.canary_outcomes import Outcomes, worse_outcomes
from mlsteward.serving.endpoint.desired import EndpointFolder
from mlsteward.serving.outcome_tables import COLUMNS
from mlsteward.serving.prediction_log import header_line
from mlsteward.store.deployments import Deployment

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
DEPLOYMENT = Deployment(
    name="delay",
    asked="delay@1",
    model="delay@1",
    canary=20,
    canary_model="delay@2",
    canary_since=2,
    created=BEGAN,
    changed=BEGAN,
)


def write_log(workspace: Path, rows: list[dict[str, object]]) -> None:
    folder = EndpointFolder.of(workspace, "delay").predictions
    folder.mkdir(parents=True)
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    (folder / "0001.jsonl").write_bytes(header_line({"distance": "DOUBLE"}) + lines)


def write_outcomes(workspace: Path, outcomes: list[tuple[str, str]]) -> str:
    file = workspace / "outcomes.parquet"
    fields = {
        "outcome": "outcome",
        "prediction_id": "id",
        "recorded": "TIMESTAMP '2026-03-09'",
        "place": "0",
        "run": "9",
    }
    shown = ", ".join(f"CAST({fields.get(name, 'NULL')} AS {kind}) AS {name}" for name, kind in COLUMNS.items())
    with connect(threads=1) as connection:
        connection.execute(
            "CREATE TABLE said AS SELECT unnest(?) AS id, unnest(?) AS outcome", list(zip(*outcomes, strict=True))
        )
        connection.execute(f"COPY (SELECT {shown} FROM said) TO {literal(str(file))} (FORMAT parquet)")
    return file.name


def answered(place: int, *, canary: bool, prediction: str, key: str | None = None) -> dict[str, object]:
    moment = BEGAN + timedelta(seconds=60 + place)
    return {
        "prediction_id": f"p{place:06d}",
        "request_id": f"r{place:06d}",
        "time": int(moment.timestamp() * 1e6),
        "deployment": "delay",
        "model": "delay@2" if canary else "delay@1",
        "role": "canary" if canary else "champion",
        "key": key,
        "latency_ms": 1.0,
        "prediction": prediction,
    }


def judged(workspace: Path, wrong: tuple[float, float], *, key: str | None = None, regression: bool = False) -> str:
    """What is said of a canary when so many of the champion's and its predictions turn out wrong."""
    generator = np.random.default_rng(3)
    rows: list[dict[str, object]] = []
    outcomes: list[tuple[str, str]] = []
    for place in range(3000):
        canary = bool(generator.random() < 0.2)
        missed = bool(generator.random() < wrong[canary])
        rows.append(
            answered(place, canary=canary, prediction="10" if regression else "no", key=key if canary else None)
        )
        noise = abs(generator.normal()) + (20 if missed else 0)
        outcomes.append((f"p{place:06d}", str(10 + noise) if regression else ("yes" if missed else "no")))
    write_log(workspace, rows)
    files = (write_outcomes(workspace, outcomes),)
    classes = () if regression else ("no", "yes")
    return worse_outcomes(workspace, Outcomes(DEPLOYMENT, files, BEGAN, classes))


@pytest.mark.parametrize("regression", [False, True])
def test_a_canary_that_is_wrong_far_more_often_is_to_be_stopped(tmp_path: Path, regression: bool) -> None:
    words = judged(tmp_path, (0.1, 0.3), regression=regression)
    assert words.startswith("delay@2 did worse than delay@1: wrong predictions: ")


@pytest.mark.parametrize("regression", [False, True])
def test_a_canary_that_is_wrong_as_often_goes_on(tmp_path: Path, regression: bool) -> None:
    assert judged(tmp_path, (0.1, 0.1), regression=regression) == ""


def test_one_caller_about_whom_it_is_always_wrong_counts_once(tmp_path: Path) -> None:
    assert judged(tmp_path, (0.1, 1.0), key="the same customer") == ""
