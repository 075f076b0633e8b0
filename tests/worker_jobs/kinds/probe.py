"""A job that does what its request says: the misdeeds of jobs, one by one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from pydantic import BaseModel

from mlsteward.errors import UnusableData
from mlsteward.runs.job import Job
from mlsteward.store.metrics import MetricRow, add_metrics
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction


class Request(BaseModel):
    """`deed` is the name of a function below; `until` is a file it may wait for."""

    deed: str
    until: Path = Path()
    records: str = "well"


class Result(BaseModel):
    verdict: str = "Done."
    told: dict[str, str] = {}


def work(request: Request, job: Job) -> Result:
    return globals()[request.deed](request, job)


def record(transaction: Transaction, run: Run, result: Result, folder: Path) -> None:
    if run.params.get("records") == "badly":
        raise UnusableData("The name is taken.")
    if run.params.get("records") == "not at all":
        raise KeyError("records")
    add_metrics(transaction, [MetricRow(run=run.number, name="recorded", value=1.0)])


def succeed(request: Request, job: Job) -> Result:
    return Result()


def wait(request: Request, job: Job) -> Result:
    job.progress(0.25, "waiting for the file")
    while not request.until.exists():
        time.sleep(0.01)
    return Result()


def talk(request: Request, job: Job) -> Result:
    sys.stdout.write("said in Python\n")
    sys.stderr.write("said to stderr\n")
    os.write(1, b"said below Python\n")
    subprocess.run(["echo", "said by a child"], check=True)
    sys.stdout.write(f"read from stdin: {os.read(0, 10)!r}\n")
    return Result()


def tell(request: Request, job: Job) -> Result:
    import threadpoolctl

    threads = {str(pool["num_threads"]) for pool in threadpoolctl.threadpool_info()}
    with job.threads(2):
        more = {str(pool["num_threads"]) for pool in threadpoolctl.threadpool_info()}
    (job.artifacts / "kept.txt").write_text("kept")
    told = {
        "threads": " ".join(sorted(threads)),
        "more": " ".join(sorted(more)),
        "folder": str(Path.cwd()),
        "sklearn": str("sklearn.ensemble" in sys.modules),
        "session": str(os.getsid(0) == os.getpid()),
        "parent": str(os.getppid()),
        "credential": os.environ.get("PROBE_CREDENTIAL", ""),
        "descriptors": " ".join(_open_files()),
    }
    return Result(told=told)


def _open_files() -> list[str]:
    paths = [Path(f"/proc/self/fd/{descriptor}") for descriptor in range(3, 64)]
    return sorted(str(path.readlink()) for path in paths if path.exists())


def fit(request: Request, job: Job) -> Result:
    from sklearn.datasets import load_iris
    from sklearn.ensemble import HistGradientBoostingClassifier

    features, target = load_iris(return_X_y=True)
    score = HistGradientBoostingClassifier(max_iter=5).fit(features, target).score(features, target)
    return Result(verdict=f"{score:.2f}")


def complain(request: Request, job: Job) -> Result:
    raise UnusableData("The column is empty.", close=["other"], next="list_datasets()")


def crash(request: Request, job: Job) -> Result:
    raise KeyError("secret")


def leave(request: Request, job: Job) -> Result:
    sys.exit("left")


def swell(request: Request, job: Job) -> Result:
    held = [bytes(50_000_000) for _ in range(1000)]
    return Result(verdict=str(len(held)))


def die(request: Request, job: Job) -> Result:
    os.write(1, b"the last words\n")
    os.kill(os.getpid(), signal.SIGKILL)
    return Result()


def breed(request: Request, job: Job) -> Result:
    """Start a child in the worker's group, one in a group of its own and a forked one; tell who they are."""
    near = subprocess.Popen(["sleep", "600"])
    far = subprocess.Popen(["sleep", "600"], start_new_session=True)
    forked = os.fork()
    if forked == 0:
        time.sleep(600)
        os._exit(0)
    job.progress(0.5, f"{near.pid} {far.pid} {forked}")
    return Result(verdict=str(near.wait()))
