"""The work behind `package_model`."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlsteward.answer import counted
from mlsteward.lineage.edge import model_asset
from mlsteward.lineage.made import used_edges
from mlsteward.record import Record
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.job import Job
from mlsteward.store.activity import add_activity
from mlsteward.store.lineage import add_edges

if TYPE_CHECKING:
    from mlsteward.store.runs import Run
    from mlsteward.store.transaction import Transaction
    from mlsteward.training.bundle import ModelBundle

Target = Literal["docker", "mlflow", "onnx"]
PACKAGES = "packages"
PARITY_ROWS = 500


class Request(Record):
    """What to package: `path` and `snapshot`, of the rows it was trained on, are relative to the workspace. `secret`
    are the columns of the model whose values not everybody may see."""

    model: str
    target: Target
    path: str
    sha256: str
    dataset: str
    snapshot: str = ""
    metrics: dict[str, float | None] = {}
    masked: list[str] = []
    secret: list[str] = []


class Result(Record):
    """`folder` is relative to the workspace; `parity` says how far the packaged model is from the model."""

    verdict: str
    next: str
    folder: str
    files: int
    megabytes: float
    parity: str = ""
    start: list[str] = []

    def findings(self, run: "Run") -> list[str]:
        return [self.parity, *self.start]


def work(request: Request, job: Job) -> Result:
    """Write the folder beside its place, and put it there whole; what stood there goes."""
    from mlsteward.serving.model_file import load_bundle
    from mlsteward.serving.package_docker import write_docker
    from mlsteward.serving.package_mlflow import Packaged, write_mlflow
    from mlsteward.serving.package_onnx import write_onnx

    job.progress(0.1, "loading the model")
    path = job.workspace / request.path
    bundle = load_bundle(path, request.sha256)
    about = Packaged(
        label=request.model,
        sha256=request.sha256,
        dataset=request.dataset,
        metrics=request.metrics,
        secret=request.secret,
    )
    staged = job.folder / "temp" / "package"
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    job.progress(0.4, f"writing the package for {request.target}")
    parity = ""
    if request.target == "onnx":
        snapshot = job.workspace / request.snapshot if request.snapshot else None
        parity = write_onnx(staged, bundle, about, snapshot, PARITY_ROWS)
    else:
        write: Callable[[Path, ModelBundle, bytes, Packaged], None]
        write = write_docker if request.target == "docker" else write_mlflow
        write(staged, bundle, path.read_bytes(), about)
    name = f"{request.model.replace(':', '-').replace('@', '-')}-{request.target}"
    target = job.workspace / PACKAGES / name
    _place(staged, target)
    files = [one for one in target.rglob("*") if one.is_file()]
    return Result(
        verdict=f"{request.model} is packaged for {request.target}, {counted(len(files), 'file')} in {PACKAGES}/{name}"
        " of the workspace.",
        next=f'trace_lineage(asset="{model_asset(request.model)}")',
        folder=f"{PACKAGES}/{name}",
        files=len(files),
        megabytes=round(sum(one.stat().st_size for one in files) / 1e6, 3),
        parity=parity,
        start=_start(request.target),
    )


def _place(staged: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    old = staged.with_name("replaced")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    staged.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _start(target: Target) -> list[str]:
    if target == "docker":
        return ["build: docker build -t NAME . in it; without Docker: HOST=127.0.0.1 python start.py", "README.md"]
    if target == "mlflow":
        return ["load: mlflow.pyfunc.load_model(FOLDER); serve: mlflow models serve -m FOLDER"]
    return ["score: onnxruntime.InferenceSession('model.onnx'); parity.json has the report"]


def record(transaction: "Transaction", run: "Run", result: Result, folder: Path) -> None:
    """What was packaged is the run's origin, and the audit log says who had it packaged."""
    request = RunFolder(folder).read_request(Request)
    add_edges(transaction, used_edges(run.number, "package", models=[request.model]))
    add_activity(
        transaction,
        actor=run.actor,
        client=run.client,
        action="package",
        asset=model_asset(request.model),
        why=f"for {request.target}, in {result.folder}",
        run=run.number,
    )
