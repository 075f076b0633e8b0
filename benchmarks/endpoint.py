"""An endpoint beside `mlflow models serve`: one row of 22 columns, the same model, asked in turn.

The model is a histogram boosting over one-hot and target-encoded categories, trained once by us and once as a
scikit-learn pipeline; both give the same probabilities, which is checked on every row that is sent. mlflow lives in an
environment of its own:

    uv venv /tmp/mlflow && VIRTUAL_ENV=/tmp/mlflow uv pip install mlflow scikit-learn==1.9.* pandas psutil
    uv run python -m benchmarks.endpoint /tmp/mlflow/bin/python
"""

import json
import os
import pickle
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, TargetEncoder

from mlsteward.data.snapshot import Column
from mlsteward.serving.endpoint.desired import Desired, EndpointFolder, ServedModel
from mlsteward.serving.model_file import save_bundle
from mlsteward.training.bundle import ModelBundle
from mlsteward.training.columns import describe_features
from mlsteward.training.fitting import Candidate, Problem, Rows, fit_member
from mlsteward.training.signature import ColumnKind

ROUNDS = 6
REQUESTS = 100
ROWS = 4_000
NUMBERS = [f"x{number}" for number in range(14)]
FEW = [f"plan{number}" for number in range(4)]
MANY = [f"city{number}" for number in range(4)]
SAVE = """
import pickle, sys
import mlflow
model, example = pickle.load(open(sys.argv[1], "rb"))
signature = mlflow.models.infer_signature(example, model.predict_proba(example))
mlflow.sklearn.save_model(
    model, sys.argv[2], signature=signature, pyfunc_predict_fn="predict_proba", serialization_format="cloudpickle",
    pip_requirements=[],
)
"""


def table() -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(ROWS, len(NUMBERS))), columns=NUMBERS)
    for name in FEW:
        frame[name] = random.choice(["basic", "plus", "pro", "team", "gold"], ROWS)
    for name in MANY:
        frame[name] = random.choice([f"place {number}" for number in range(60)], ROWS)
    return frame


def train(frame: pd.DataFrame) -> tuple[ModelBundle, Pipeline]:
    """The same model twice: as this platform keeps it, and as a scikit-learn pipeline."""
    random = np.random.default_rng(1)
    signal = frame["x0"] + frame["x1"] * frame["x2"] + (frame["plan0"] == "pro")
    target = (signal + random.normal(size=ROWS) > 0).to_numpy().astype(np.int64)
    kinds: dict[str, ColumnKind] = {name: "number" if name in NUMBERS else "category" for name in frame.columns}
    types = [Column(name=name, type="DOUBLE" if name in NUMBERS else "VARCHAR") for name in frame.columns]
    signature = describe_features(frame, types, kinds)
    rows = Rows(frame, target, None, np.zeros(ROWS, dtype=np.int64))
    candidate = Candidate("boosting", "hist_gradient_boosting", {"early_stopping": False})
    member = fit_member(candidate, Problem("binary", 2, signature, seed=0, rows=ROWS), rows)
    ours = ModelBundle(task="binary", target="late", classes=["no", "yes"], signature=signature, members=[member])
    folds: Any = StratifiedKFold(5, shuffle=True, random_state=0)
    encoder = ColumnTransformer(
        [
            ("numbers", "passthrough", NUMBERS),
            ("few", OneHotEncoder(handle_unknown="ignore", sparse_output=False, drop="if_binary"), FEW),
            *((name, TargetEncoder(target_type="binary", cv=folds), [name]) for name in MANY),
        ]
    )
    settings: dict[str, Any] = {"early_stopping": False, "random_state": 0}
    boosting = HistGradientBoostingClassifier(**settings)
    return ours, Pipeline([("encoder", encoder), ("model", boosting)]).fit(frame, target)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def started(command: list[str], log: Path, **environment: str) -> Generator[psutil.Process]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **environment})
    try:
        yield psutil.Process(process.pid)
    finally:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.terminate()
        process.terminate()
        process.wait(30)


@contextmanager
def endpoint(folder: Path, model: ModelBundle) -> Generator[tuple[psutil.Process, int]]:
    served = ServedModel(label="late@1", path="model.skops", sha256=save_bundle(model, folder / "model.skops"))
    place = EndpointFolder.of(folder, "late")
    place.write_desired(Desired(deployment="late", number=1, model=served))
    command = [sys.executable, "-m", "mlsteward.serving.endpoint.main", str(place.path)]
    with started(command, folder / "ours.txt") as process:
        while (state := place.read_state()) is None:
            time.sleep(0.1)
        yield process, state.port


@contextmanager
def mlflow(folder: Path, python: Path, model: Pipeline, example: pd.DataFrame) -> Generator[tuple[psutil.Process, int]]:
    (folder / "pipeline.pickle").write_bytes(pickle.dumps((model, example)))
    tracking = f"sqlite:///{folder / 'mlflow.db'}"
    path = f"{python.parent}:{os.environ['PATH']}"
    saving = [str(python), "-c", SAVE, str(folder / "pipeline.pickle"), str(folder / "theirs")]
    subprocess.run(saving, check=True, env={**os.environ, "MLFLOW_TRACKING_URI": tracking}, capture_output=True)
    port = free_port()
    command = [str(python.parent / "mlflow"), "models", "serve", "-m", str(folder / "theirs"), "-p", str(port)]
    with started([*command, "--env-manager", "local"], folder / "theirs.txt", PATH=path) as process:
        while not answers(port):
            time.sleep(0.2)
        yield process, port


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


def cpu(process: psutil.Process) -> float:
    times = [one.cpu_times() for one in [process, *process.children(recursive=True)]]
    return sum(one.user + one.system for one in times)


def memory(process: psutil.Process) -> tuple[float, float]:
    """Resident MB of the process that answers (the largest), and of all together."""
    sizes = [one.memory_info().rss / 1e6 for one in [process, *process.children(recursive=True)]]
    return max(sizes), sum(sizes)


class Asker:
    """Sends one row after the other over one connection; keeps how long each answer took, and the CPU they cost."""

    def __init__(self, process: psutil.Process, port: int, path: str, bodies: list[bytes]) -> None:
        self.process = process
        self._connection = HTTPConnection("127.0.0.1", port)
        self._connection.connect()
        assert self._connection.sock is not None
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._path = path
        self._bodies = bodies
        self.seconds: list[float] = []
        self.cpu_seconds = 0.0

    def ask(self, number: int) -> Any:
        body = self._bodies[number % len(self._bodies)]
        self._connection.request("POST", self._path, body, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        found = json.loads(response.read())
        assert response.status == 200, found
        return found

    def round(self) -> None:
        before = cpu(self.process)
        for number in range(REQUESTS):
            began = time.perf_counter()
            self.ask(number)
            self.seconds.append(time.perf_counter() - began)
        self.cpu_seconds += cpu(self.process) - before

    @property
    def p50(self) -> float:
        return statistics.median(self.seconds) * 1000

    @property
    def per_cpu_second(self) -> float:
        return len(self.seconds) / self.cpu_seconds


def check(ours: Asker, theirs: Asker, rows: int, score: Callable[[Any], float]) -> None:
    for number in range(rows):
        found, expected = ours.ask(number)["predictions"][0]["score"], score(theirs.ask(number))
        assert abs(found - expected) < 1e-9, (found, expected)


def main() -> None:
    frame = table()
    model, pipeline = train(frame)
    records: list[dict[str, Any]] = frame.head(50).to_dict(orient="records")
    plain = [json.dumps(row).encode() for row in records]
    split = [json.dumps({"dataframe_records": [row]}).encode() for row in records]
    with tempfile.TemporaryDirectory() as name:
        folder, python = Path(name), Path(sys.argv[1])
        with endpoint(folder, model) as here, mlflow(folder, python, pipeline, frame.head(5)) as there:
            theirs = Asker(*there, "/invocations", split)
            theirs.ask(0)
            ours = Asker(*here, "/predict", plain)
            check(ours, theirs, len(records), lambda found: found["predictions"][0][1])
            for _ in range(ROUNDS):
                ours.round()
                theirs.round()
            (our_largest, our_all), (their_largest, their_all) = memory(ours.process), memory(theirs.process)
    print(f"{len(ours.seconds)} requests each, in turn; the same scores on {len(records)} rows")
    print(f"median of an answer: {ours.p50:.2f} ms, mlflow {theirs.p50:.2f} ms: 1/{theirs.p50 / ours.p50:.1f} (1/5)")
    ratio = ours.per_cpu_second / theirs.per_cpu_second
    print(
        f"requests per CPU second: {ours.per_cpu_second:.0f}, mlflow {theirs.per_cpu_second:.0f}: {ratio:.1f} x (8 x)"
    )
    ratio = their_largest / our_largest
    print(f"memory of what answers: {our_largest:.0f} MB, mlflow {their_largest:.0f} MB: 1/{ratio:.1f} (1/2)")
    print(f"memory of all processes: {our_all:.0f} MB, mlflow {their_all:.0f} MB: 1/{their_all / our_all:.1f}")


if __name__ == "__main__":
    main()
